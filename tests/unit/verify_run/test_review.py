"""The reviewers' log as the checker reads it: whole, or named as what does not hold."""

import asyncio

import pytest

from cxrgate.hashlog import HashLog, head_path
from cxrgate.verify_run.review import read_review
from cxrgate.verify_run.violation import Kind


@pytest.fixture
def log(tmp_path):
    async def write():
        log = HashLog(tmp_path / "review.log")
        await log.append("link_used", nonce="n")
        for digest in ("1", "2"):
            await log.append("image_withheld", pixel_digest=digest, image_id=f"{digest}.png", policy_digest="p")
        await log.close()

    asyncio.run(write())
    return tmp_path / "review.log"


def broken(found):
    return found.withheld is None and [item.kind for item in found.violations] == [Kind.REVIEW_BROKEN]


def test_a_whole_log_says_what_was_withheld(log):
    found = read_review(log, 2)
    assert (found.withheld, found.violations, found.unchecked) == ({"1", "2"}, (), None)


def test_a_log_that_was_not_given_is_missed_where_images_were_withheld():
    assert read_review(None, 0).unchecked is None
    assert "their log was not given" in read_review(None, 1).unchecked


@pytest.mark.parametrize("left", [0, 2])
def test_a_log_that_lost_its_end_is_a_violation(log, left):
    log.write_bytes(b"".join(log.read_bytes().splitlines(keepends=True)[:left]))
    assert broken(read_review(log, 0))


def test_a_log_that_was_changed_is_a_violation(log):
    log.write_bytes(log.read_bytes().replace(b'"2"', b'"3"'))
    assert broken(read_review(log, 0))


def test_a_log_that_is_gone_from_its_head_is_a_violation(log):
    log.unlink()
    assert broken(read_review(log, 0))


def test_a_torn_head_is_a_violation(log):
    head_path(log).write_text("")
    assert broken(read_review(log, 0))


def test_a_log_that_is_nowhere_is_not_checked_and_a_violation_where_images_were_withheld(tmp_path):
    never = read_review(tmp_path / "nowhere.log", 0)
    assert (never.withheld, never.violations) == (None, ())
    assert never.unchecked.startswith("which images reviewers withheld: there is no log at ")
    assert broken(read_review(tmp_path / "nowhere.log", 1))


@pytest.mark.parametrize(
    ("image", "pixels", "policy", "held"),
    [
        ("1.png", "1", "p", True),
        ("x.png", "1", "q", True),
        ("1.png", "other", "q", True),
        ("1.png", "other", "p", False),
    ],
)
def test_an_image_stays_away_by_its_pixels_and_under_another_policy_by_its_name(log, image, pixels, policy, held):
    assert read_review(log, 0).holds({"image_id": image, "pixel_digest": pixels}, policy) == held


@pytest.mark.parametrize(
    ("row", "policy", "held"),
    [
        ({"image_id": "syn/1.npy", "source_digest": "file"}, "q", True),
        ({"image_id": "1.npy", "source_digest": "another", "decoding": "float_range [0.0, 1.01]"}, "p", True),
        ({"image_id": "1.npy", "source_digest": "another", "decoding": "float_range [0.0, 1.0]"}, "p", False),
        ({"image_id": "1.npy"}, "p", True),
        ({"image_id": "old.npy", "decoding": "float_range [0.0, 1.0]"}, "p", True),
        ({"image_id": "old.npy", "decoding": "cxrgate 1"}, "p", False),
        ({"image_id": "2.npy", "source_digest": ["no", "text"]}, "p", False),
    ],
)
def test_an_image_stays_away_by_its_file_and_decoded_otherwise_by_its_name(tmp_path, row, policy, held):
    async def write():
        log = HashLog(tmp_path / "log")
        more = {"source_digest": "file", "decoding": "float_range [0.0, 1.0]"}
        await log.append("image_withheld", pixel_digest="1", image_id="1.npy", policy_digest="p", **more)
        await log.append("image_withheld", pixel_digest="2", image_id="old.npy", policy_digest="p")
        await log.close()

    asyncio.run(write())
    assert read_review(tmp_path / "log", 0).holds({"pixel_digest": "other", **row}, policy) == held
