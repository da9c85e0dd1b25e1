import asyncio
import json
from dataclasses import replace

import pandas as pd
import pytest
from support.released_set import ReleaseSet, audit_cases
from support.run_results import policy

from cxrgate.certification import read_public_key, read_signed
from cxrgate.core import CertificateError, MismatchError, UsageError
from cxrgate.core.digest import file_digest
from cxrgate.hashlog import HashLog
from cxrgate.planted.classes.catalogue import GENERATED
from cxrgate.release_report.compose import make_statement
from cxrgate.release_report.decided_again import decide_again
from cxrgate.release_report.leaks import worst_patients
from cxrgate.release_report.page import render_page
from cxrgate.run.recorded import read_results
from cxrgate.run.withheld import WITHHELD, withdraw_withheld


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    made = ReleaseSet(tmp_path_factory.mktemp("certified")).make()
    made.write()
    return made


@pytest.fixture(scope="module")
def uncertified(tmp_path_factory):
    made = ReleaseSet(tmp_path_factory.mktemp("uncertified"), certified=False).make()
    made.write()
    return made


def statement(made):
    return read_signed(made.report.read_bytes(), read_public_key(made.folder / "signing.pub"), "report")


def test_equal_records_give_equal_bytes(made):
    files = [made.report, made.report.with_suffix(".html")]
    before = [file.read_bytes() for file in files]
    made.write()

    assert [file.read_bytes() for file in files] == before


def test_it_claims_bounds_with_how_sure_and_of_how_many(made):
    (certified,) = [claim for claim in statement(made)["claims"] if claim.startswith("Certified")]
    (measured,) = [claim for claim in statement(made)["claims"] if claim.startswith("Measured")]

    assert certified == (
        "Certified: at most 5.0 % of leaks of class strong_copy (192 px) pass; 1 of 400 patients missed, 95 % "
        "confidence for all certified classes together."
    )
    assert measured == (
        "Measured, nothing promised: at most 90.3 % of leaks of class strong_copy pass; 2 of 4 patients missed, 95 % "
        "confidence for this class alone."
    )


def test_it_says_what_is_not_known(made):
    by_name = (
        "Images were compared by name, not by content: one that was exchanged under its name since counts as enrolled."
    )
    page = made.report.with_suffix(".html").read_text()
    coverage = page[page.index('<section id="coverage"') :].split("</section>")[0]

    assert statement(made)["claims"][-3:] == [
        "Not certified for generator-made near-duplicates.",
        "28 of 30 images that the generator was trained on are enrolled; of the 2 others nothing is known.",
        by_name,
    ]
    assert by_name in coverage


def test_without_a_training_manifest_nothing_is_said_of_names(made):
    claims = make_statement(replace(made.inputs, coverage=None))["claims"]

    assert claims[-1].startswith("No training manifest of the generator was given")


def test_an_uncertified_run_says_so_everywhere(uncertified):
    claims = statement(uncertified)["claims"]

    assert claims[1] == "Uncertified: no bound on missed leaks is promised for this gate."
    assert "Uncertified" in uncertified.report.with_suffix(".html").read_text()
    with pytest.raises(CertificateError, match="stays uncertified"):
        make_statement(
            uncertified.inputs.__class__(uncertified.output / "results", uncertified.output / "released", b"")
        )


def test_only_certified_near_duplicates_take_the_reservation_away(tmp_path):
    made = ReleaseSet(tmp_path).make(classes=("strong_copy", GENERATED))

    assert "Not certified for generator-made near-duplicates." not in make_statement(made.inputs)["claims"]


def test_it_names_every_released_file_and_no_reference(made):
    content = statement(made)

    assert set(content["released"]) == {"a/clear.png", "a/near.png", "b/plain.png", "manifest.json"}
    for path in (made.report, made.report.with_suffix(".html")):
        text = path.read_text()
        assert "data:image" not in text
        evidence = (made.output / "results/evidence.csv").read_text().splitlines()[1:]
        assert not [row for row in evidence for name in row.split(",")[1:3] if name in text]


def test_the_page_runs_and_loads_nothing(made):
    page = made.report.with_suffix(".html").read_text()

    assert "<script" not in page
    assert "http" not in page.replace('http-equiv="', "")


def test_the_audit_is_decided_at_the_thresholds_of_the_release(made):
    whole = next(row for row in statement(made)["audit"]["leaks"] if row["strength"] == "any")

    assert (whole["patients"], whole["misses"]) == (4, 2)  # at the audit's own threshold of 0.7 it was three


def test_the_worst_patient_is_told_beside_the_rates():
    (copies, everything) = worst_patients(decide_again(audit_cases(), policy()))

    assert copies == {
        "leak_class": "strong_copy",
        "patients": 4,
        "with_a_release": 2,
        "most_released": 2,
        "of_planted": 2,
    }
    assert everything["leak_class"] == "any"


def test_an_audit_of_other_models_is_refused(made, tmp_path):
    made = made.copy(tmp_path)
    content = json.loads(made.audit.read_text())
    content["models"]["retrieval"] = "0" * 64
    made.audit.write_text(json.dumps(content))

    with pytest.raises(MismatchError, match="another one's: models"):
        make_statement(made.inputs)


def test_another_certificate_than_the_runs_is_refused(made, tmp_path):
    made = made.copy(tmp_path)
    made.edit(made.certificate, "0.0123", "0.0122")

    with pytest.raises(CertificateError, match="made under"):
        make_statement(made.inputs)


def test_nothing_is_signed_where_a_decision_does_not_follow_from_the_recorded_numbers(made, tmp_path):
    made = made.copy(tmp_path)
    path = made.output / "results/results.parquet"
    table = pd.read_parquet(path)
    table.loc[table["image_id"] == "b/copy.png", ["decision", "reasons"]] = ["INDETERMINATE", "ATYPICAL"]
    table.to_parquet(path, index=False)

    with pytest.raises(UsageError, match=r"follow from the recorded numbers, results, b/copy\.png > decision"):
        make_statement(made.inputs)


def test_a_report_after_a_withholding_counts_what_is_released(made, tmp_path):
    made = made.copy(tmp_path)
    withhold(made, "a/near.png")
    content = make_statement(made.inputs)
    page = render_page(content, read_results(made.output / "results"))

    total = content["counts"]["total"]
    assert (total["anonymous"], total["released"], content["counts"]["published"]) == (3, 2, 2)
    assert (content["counts"]["withheld"], content["counts"]["borderline"]) == (1, 0)
    assert sum(row["images"] for row in content["nearest_patients"]["most"]) == 2
    assert content["claims"][0].startswith("No match found: 2 of 6 images are released")
    assert "1 image without a match was withheld by reviewers and is not released." in page
    made.write()
    assert made.verify().changes == []


def test_a_file_that_left_without_being_withheld_is_noticed(made, tmp_path):
    made = made.copy(tmp_path)
    withhold(made, "a/near.png")
    made.edit(made.output / "released/manifest.json", '"withheld": 1', '"withheld": 0')

    with pytest.raises(UsageError, match="0 were withheld, 1 are not there"):
        make_statement(made.inputs)


def withhold(made, name):
    """As a reviewer does it."""
    results = read_results(made.output / "results").images
    pixels = results.set_index("image_id").loc[name, "pixel_digest"]

    async def append():
        log = HashLog(made.folder / "review.log")
        await log.append(WITHHELD, pixel_digest=pixels)
        await log.close()

    asyncio.run(append())
    withdraw_withheld(made.output / "released", results, made.folder / "review.log")


@pytest.mark.parametrize("how", ["changed", "missing", "foreign", "other pixels"])
def test_nothing_is_signed_for_a_released_set_that_is_not_the_runs(made, tmp_path, how):
    made = made.copy(tmp_path)
    file, other = made.output / "released/a/clear.png", made.output / "released/b/plain.png"
    if how == "changed":
        file.write_bytes(file.read_bytes()[:-1] + b"x")
    elif how == "missing":
        file.unlink()
    elif how == "foreign":
        (file.parent / "more.png").write_bytes(b"")
    else:
        made.edit(made.output / "released/manifest.json", *map(file_digest, (file, other)))
        file.unlink()
        file.write_bytes(other.read_bytes())

    with pytest.raises(UsageError, match=r"1 are not: a/(clear|more)\.png"):
        make_statement(made.inputs)


def test_a_released_file_that_cannot_be_decoded_is_said_to_be_that(made, tmp_path):
    made = made.copy(tmp_path)
    file = made.output / "released/a/clear.png"
    before = file_digest(file)
    file.unlink()
    file.write_bytes(b"no image")
    made.edit(made.output / "released/manifest.json", before, file_digest(file))

    with pytest.raises(UsageError, match=r"expected images, a/clear\.png gave [A-Z_]+"):
        make_statement(made.inputs)
