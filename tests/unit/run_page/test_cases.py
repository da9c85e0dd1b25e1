import base64
import io
import re

import numpy as np
from PIL import Image


def test_flagged_images_stand_with_reason_candidate_and_patients(page, section, rows):
    image = rows.checked("one.png", "Effusion", score=0.93, similarity=0.95)
    low = rows.checked("two.png", "Effusion", score=0.1, similarity=0.95)
    html = section(page([low, image]), "flagged")

    assert html.index("one.png") < html.index("two.png")
    row = re.search(r"<tr[^>]*>\s*<th[^>]*>one\.png.*?</tr>", html, re.DOTALL).group()
    cells = re.findall(r"<td[^>]*>(.*?)</td>", row, re.DOTALL)
    # Candidates score 0.93, 0.744, 0.595, 0.476 and two of them belong to each patient.
    assert [re.sub(r"<[^>]*>", "", cell).strip() for cell in cells] == [
        "Effusion", "same patient, copy", "0.9300", "0.9500", rows.reference_id(1, 0), "2",
    ]  # fmt: skip


def test_candidate_of_a_copy_is_the_most_similar_one(page, section, rows):
    image = rows.checked("copy.png", score=0.3, similarity=0.97)
    evidence = rows.evidence([image])
    evidence["score"] = evidence["score"].to_numpy()[::-1]
    html = section(page([image], evidence=evidence), "flagged")

    assert re.findall(r"<code[^>]*>(\w+)</code>", html) == [rows.reference_id(0, 0)]


def test_images_without_an_answer_stand_with_reason_and_message(page, section, rows):
    html = section(page([rows.failed("bad.png"), rows.checked("noise.png", typicality=0.02)]), "unanswered")

    assert "1 ATYPICAL, 1 TRUNCATED." in html
    assert "expected a whole chunk" in html
    assert "typicality 0.0200, below the minimum of 0.35" in html


def test_a_stranger_stands_with_its_frontality(page, section, rows):
    html = page([rows.checked("hand.png", frontality=0.31)], policy={"minimum_frontality": 0.5})

    assert "frontality 0.3100, below the minimum of 0.5" in section(html, "unanswered")
    assert "Frontality" in section(html, "values")
    assert "<dt>minimum frontality</dt><dd>0.5</dd>" in html


def test_long_tables_are_cut_and_say_so(page, section, rows):
    images = [rows.checked(f"{place}.png", score=0.5 + place / 200) for place in range(60)]
    images += [rows.checked(f"b{place}.png", score=0.45) for place in range(50)]
    images += [rows.failed(f"f{place}.png") for place in range(51)]
    html = page(images)

    flagged = section(html, "flagged")
    assert "Showing 50 of 60, highest score first." in flagged
    assert ">59.png<" in flagged
    assert ">9.png<" not in flagged
    assert flagged.count('scope="row"') == 50
    assert "All 50, highest score first." in section(html, "borderline")
    assert "Showing 50 of 51, in the order of the source." in section(html, "unanswered")


def test_pictures_stand_side_by_side_and_small(page, rows):
    pictures = rows.pictures()
    images = [rows.checked("flagged.png", score=0.8), rows.checked("near.png", score=0.45), rows.checked("fine.png")]
    html = page(images, pictures)

    embedded = re.findall(r'src="data:image/png;base64,([^"]+)"', html)
    sizes = {Image.open(io.BytesIO(base64.b64decode(content))).size for content in embedded}
    assert len(embedded) == 2 * (1 + 4)
    assert sizes == {(160, 125)}
    assert pictures.asked == ["flagged.png", *rows.references(0), "near.png", *rows.references(1)]
    assert "radiographs.</strong> It is for the reviewers" in html
    assert "This page holds no pixels" not in html


def test_candidates_beyond_the_fourth_are_announced(page, rows):
    image = rows.checked("flagged.png", score=0.8)
    html = page([image], rows.pictures(), evidence=rows.evidence([image], candidates=6))

    assert "Showing 4 of 6 candidates" in html


def test_candidate_of_a_copy_is_the_one_with_the_most_matches_where_these_reach_their_threshold(page, section, rows):
    image = {
        **rows.checked("turned.png", score=0.3, similarity=0.2),
        "reasons": "COPY",
        "decision": "NOT_ANONYMOUS",
        "released_as": "",
    }
    evidence = rows.evidence([image])
    evidence["matches"] = np.arange(len(evidence)) * 50.0
    rule = {"match_threshold": 36, "match_method": "sift"}
    html = page([{**image, "matches": 50.0 * (len(evidence) - 1)}], evidence=evidence, policy=rule)

    assert re.findall(r"<code[^>]*>(\w+)</code>", section(html, "flagged")) == [evidence["reference_id"].iloc[-1]]
    assert "<dt>match threshold</dt><dd>36 keypoints" in html
