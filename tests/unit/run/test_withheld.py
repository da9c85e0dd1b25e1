import asyncio
import json

import pandas as pd
import pytest

from cxrgate.core import UsageError
from cxrgate.hashlog import HashLog, LogBroken
from cxrgate.run.release import ReleaseChanged, publish, stage
from cxrgate.run.withheld import WITHHELD, Withheld, expect_withheld, read_withheld, withdraw_withheld, withheld_names

RESULTS = pd.DataFrame(
    {
        "image_id": ["a.png", "b.png", "c.png"],
        "released_as": ["a.png", "b.png", ""],
        "pixel_digest": ["1", "2", "3"],
        "source_digest": ["file 1", "file 2", "file 3"],
        "decoding": ["cxrgate 1"] * 3,
    }
)


def withhold(path, *digests, **more):
    async def append():
        log = HashLog(path)
        for digest in digests:
            await log.append(WITHHELD, pixel_digest=digest, **more)
        await log.close()

    asyncio.run(append())


def test_a_line_that_is_still_being_written_is_not_there_yet(tmp_path):
    withhold(tmp_path / "log", "1")
    head = (tmp_path / "log.head").read_bytes()
    withhold(tmp_path / "log", "2")
    content = (tmp_path / "log").read_bytes()
    (tmp_path / "log").write_bytes(content[:-10])
    (tmp_path / "log.head").write_bytes(head)

    assert read_withheld(tmp_path / "log").pixels == {"1"}


def test_a_log_that_was_changed_lets_nothing_be_published(tmp_path):
    withhold(tmp_path / "log", "1", "2")
    content = (tmp_path / "log").read_bytes()
    (tmp_path / "log").write_bytes(content.replace(b'"1"', b'"9"'))

    with pytest.raises(LogBroken):
        read_withheld(tmp_path / "log")


@pytest.mark.parametrize("left", [None, 0, 1])
def test_a_log_that_lost_its_end_or_is_gone_lets_nothing_be_published(tmp_path, left):
    withhold(tmp_path / "log", "1", "2")
    lines = (tmp_path / "log").read_bytes().splitlines(keepends=True)
    (tmp_path / "log").unlink()
    if left is not None:
        (tmp_path / "log").write_bytes(b"".join(lines[:left]))

    with pytest.raises(LogBroken, match="restore the log"):
        read_withheld(tmp_path / "log")


def test_a_line_that_withholds_nothing_by_name_lets_nothing_be_published(tmp_path):
    withhold(tmp_path / "log", None)

    with pytest.raises(LogBroken, match=r"line 1 withholds an image and does not say which"):
        read_withheld(tmp_path / "log")


def test_the_released_set_is_published_again_without_what_was_withheld(tmp_path):
    released = {name: stage(tmp_path / "staged", name, name.encode()) for name in ("a.png", "b.png")}
    publish(tmp_path / "staged", tmp_path / "released", released, {"checked": 3})
    withhold(tmp_path / "log", "2", "3")

    assert withdraw_withheld(tmp_path / "released", lambda: RESULTS, tmp_path / "log") == 1
    assert withdraw_withheld(tmp_path / "released", lambda: RESULTS, tmp_path / "log") == 0

    assert {path.name for path in (tmp_path / "released").iterdir()} == {"a.png", "manifest.json"}
    assert '"withheld": 1' in (tmp_path / "released/manifest.json").read_text()


def test_what_a_run_published_under_another_name_in_the_meantime_is_withdrawn_too(tmp_path):
    other = RESULTS.replace("b.png", "x.png")
    released = {name: stage(tmp_path / "staged", name, name.encode()) for name in ("a.png", "x.png")}
    publish(tmp_path / "staged", tmp_path / "released", released, {})
    withhold(tmp_path / "log", "2")

    with pytest.raises(UsageError, match="not in the results"):
        withdraw_withheld(tmp_path / "released", lambda: RESULTS, tmp_path / "log")
    assert withdraw_withheld(tmp_path / "released", lambda: other, tmp_path / "log") == 1

    assert {path.name for path in (tmp_path / "released").iterdir()} == {"a.png", "manifest.json"}


def test_what_was_withheld_leaves_even_where_the_set_cannot_be_published_again(tmp_path):
    released = {name: stage(tmp_path / "staged", name, name.encode()) for name in ("a.png", "b.png")}
    publish(tmp_path / "staged", tmp_path / "released", released, {})
    (tmp_path / "released/a.png").unlink()
    withhold(tmp_path / "log", "2")

    with pytest.raises(ReleaseChanged):
        withdraw_withheld(tmp_path / "released", lambda: RESULTS, tmp_path / "log")

    assert not list((tmp_path / "released").rglob("b.png"))


@pytest.mark.parametrize("digest", ["ab" * 31 + "a", "ab" * 31, "zz" * 32, None])
def test_what_was_withheld_leaves_even_where_the_manifest_is_damaged_elsewhere(tmp_path, digest):
    released = {name: stage(tmp_path / "staged", name, name.encode()) for name in ("a.png", "b.png")}
    publish(tmp_path / "staged", tmp_path / "released", released, {})
    manifest = tmp_path / "released/manifest.json"
    content = json.loads(manifest.read_text())
    content["files"]["a.png"] = digest
    manifest.write_text(json.dumps(content))
    withhold(tmp_path / "log", "2")

    with pytest.raises(UsageError, match=r"damaged|another length"):
        withdraw_withheld(tmp_path / "released", lambda: RESULTS, tmp_path / "log")

    assert not list((tmp_path / "released").rglob("b.png"))


def test_nothing_is_published_again_by_a_log_that_withholds_less(tmp_path):
    released = {name: stage(tmp_path / "staged", name, name.encode()) for name in ("a.png", "b.png")}
    expect_withheld(tmp_path / "released", 0, frozenset())
    publish(tmp_path / "staged", tmp_path / "released", released, {})
    expect_withheld(tmp_path / "released", 0, frozenset())
    withhold(tmp_path / "log", "2")
    withdraw_withheld(tmp_path / "released", lambda: RESULTS, tmp_path / "log")

    expect_withheld(tmp_path / "released", 1, read_withheld(tmp_path / "log").pixels)
    with pytest.raises(UsageError, match=r"withholds 0 images of .* 1 that were withheld before.*check `review:`"):
        expect_withheld(tmp_path / "released", 0, frozenset())


def test_a_withheld_image_that_is_listed_no_more_keeps_no_set_from_being_published(tmp_path):
    released = {name: stage(tmp_path / "staged", name, name.encode()) for name in ("a.png", "b.png")}
    publish(tmp_path / "staged", tmp_path / "released", released, {})
    withhold(tmp_path / "log", "2")
    withdraw_withheld(tmp_path / "released", lambda: RESULTS, tmp_path / "log")

    expect_withheld(tmp_path / "released", 0, read_withheld(tmp_path / "log").pixels)


def test_a_set_without_a_note_is_published_again_without_as_many(tmp_path):
    released = {"a.png": stage(tmp_path / "staged", "a.png", b"a")}
    publish(tmp_path / "staged", tmp_path / "released", released, {"withheld": 2})

    expect_withheld(tmp_path / "released", 2, frozenset({"1", "2"}))
    with pytest.raises(UsageError, match="withholds 1 images of this set, and it was published without 2 before"):
        expect_withheld(tmp_path / "released", 1, frozenset({"1", "2"}))


def test_nothing_is_published_again_by_another_log_of_equal_length(tmp_path):
    released = {name: stage(tmp_path / "staged", name, name.encode()) for name in ("a.png", "b.png")}
    publish(tmp_path / "staged", tmp_path / "released", released, {})
    withhold(tmp_path / "log", "2")
    withdraw_withheld(tmp_path / "released", lambda: RESULTS, tmp_path / "log")
    withhold(tmp_path / "other", "1")

    with pytest.raises(UsageError, match="1 that were withheld before are not in the log"):
        expect_withheld(tmp_path / "released", 1, read_withheld(tmp_path / "other").pixels)


def test_a_note_that_cannot_be_read_publishes_nothing(tmp_path):
    (tmp_path / "work").mkdir()
    (tmp_path / "work/withheld.json").write_text("{")

    with pytest.raises(UsageError, match="cannot be read"):
        expect_withheld(tmp_path / "released", 0, frozenset())


def test_a_log_that_nobody_wrote_into_yet_withholds_nothing(tmp_path):
    assert read_withheld(tmp_path / "log") == read_withheld(None) == Withheld()


def test_a_withheld_image_that_is_gone_already_leaves_the_set_all_the_same(tmp_path):
    files = {name: stage(tmp_path / "released", name, name.encode()) for name in ("a.png", "b.png")}
    publish(tmp_path / "released", tmp_path / "released", files, {})
    (tmp_path / "released" / "b.png").unlink()
    withhold(tmp_path / "log", "2")

    assert withdraw_withheld(tmp_path / "released", lambda: RESULTS, tmp_path / "log") == 1
    assert sorted(path.name for path in (tmp_path / "released").iterdir()) == ["a.png", "manifest.json"]


def test_an_image_withheld_under_another_policy_has_other_pixels_and_stays_away_by_its_name(tmp_path):
    withhold(tmp_path / "log", "of another size", image_id="b.png", policy_digest="side 1024")
    withheld = read_withheld(tmp_path / "log")

    assert withheld_names([RESULTS], withheld, "side 512") == {"b.png"}
    # Under the same one it would have the same pixels: another image has its name now.
    assert withheld_names([RESULTS], withheld, "side 1024") == set()


def test_an_image_stays_away_by_its_file_whatever_its_name_and_policy(tmp_path):
    withhold(
        tmp_path / "log", "of another size", image_id="b.png", policy_digest="p", source_digest="file 2", decoding="d"
    )
    elsewhere = RESULTS.assign(image_id=["syn/a.png", "syn/b.png", "syn/c.png"])

    assert withheld_names([elsewhere], read_withheld(tmp_path / "log"), "q") == {"b.png"}


@pytest.mark.parametrize(
    ("then", "now", "held"),
    [
        ("cxrgate 1", "cxrgate 1", set()),
        ("cxrgate 1", "cxrgate 2", {"b.png"}),
        ("cxrgate 1, float_range [0.0, 1.0]", "cxrgate 1, float_range [0.0, 1.01]", {"b.png"}),
        # What was withheld before that was noted is of images without a float_range.
        (None, "cxrgate 1", set()),
        (None, "cxrgate 1, float_range [0.0, 1.01]", {"b.png"}),
        ("", "", set()),
        ("cxrgate 1", "", {"b.png"}),
    ],
)
def test_an_image_that_is_decoded_otherwise_stays_away_by_its_name(tmp_path, then, now, held):
    more = {} if then is None else {"decoding": then, "source_digest": ""}
    withhold(tmp_path / "log", "of other levels", image_id="b.png", policy_digest="p", **more)
    results = RESULTS.assign(decoding=now, source_digest="" if not now else RESULTS["source_digest"])

    assert withheld_names([results], read_withheld(tmp_path / "log"), "p") == held
