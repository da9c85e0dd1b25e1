"""A run against an index service: what it serves beside what is listed."""

from pathlib import Path

import pytest
from support.random_snapshots import write_snapshot

from cxrgate.core.progress import silent
from cxrgate.gate.config import Enrol, RunConfig
from cxrgate.run.held import Held, SnapshotDiffers, expect_held, hold_served


@pytest.fixture
def config(tmp_path):
    (tmp_path / "key").write_text("00" * 32)
    rows = [f"real{i},patient{i // 2}" for i in range(30)]
    (tmp_path / "real.csv").write_text("\n".join(["image,patient_id", *rows]) + "\n")
    enrol = Enrol(images=tmp_path / "real.csv", key=tmp_path / "key", reference_map=tmp_path / "map.csv")
    place = {name: tmp_path / name for name in ("synthetic", "output", "snapshot", "models")}
    return RunConfig(**place, enrol=enrol)


def served(references=30, patients=15, digest="another"):
    return {"references": references, "patients": patients, "digest": digest}


def test_the_numbers_are_compared_where_the_snapshot_is_elsewhere(config):
    held = hold_served(config, served(), silent)

    assert held.sentence.startswith("held against 30 images of 15 patients (by their numbers alone")
    assert held.snapshot == "another"


@pytest.mark.parametrize("numbers", [(29, 15), (30, 14), (31, 16)])
def test_other_numbers_are_refused(config, numbers):
    with pytest.raises(
        SnapshotDiffers, match=f"the index serves {numbers[0]} images of {numbers[1]} patients"
    ) as caught:
        hold_served(config, served(*numbers), silent)
    assert "take patients who were withdrawn out of the list" in str(caught.value)


def test_the_names_are_compared_where_the_very_snapshot_is_here_too(config):
    made = write_snapshot(config.snapshot)
    about = served(digest=made.manifest.digest)

    held = hold_served(config, about, silent)
    assert "30 of them are not on this host" in held.not_compared

    text = config.enrol.images.read_text()
    config.enrol.images.write_text(text.replace("real7,", "another,"))
    with pytest.raises(SnapshotDiffers, match=r"1 listed and not enrolled.*: another") as caught:
        hold_served(config, about, silent)
    withdrawn, update = map(
        str(caught.value).index, ("were withdrawn, take them out of the list", "index update CONFIG")
    )
    assert withdrawn < update


def test_of_images_that_are_gone_from_the_list_nothing_is_said_of_a_withdrawal(config):
    made = write_snapshot(config.snapshot)
    text = config.enrol.images.read_text()
    config.enrol.images.write_text(text.replace("real7,patient3\n", ""))

    with pytest.raises(SnapshotDiffers, match="1 enrolled and no longer listed") as caught:
        hold_served(config, served(digest=made.manifest.digest), silent)
    assert "withdrawn" not in str(caught.value)


def test_without_a_list_it_is_said_that_nothing_was_compared(config):
    config.enrol.images.unlink()

    assert hold_served(config, served(), silent) == Held(
        30, 15, not_compared="no list to compare it with is on this host", snapshot="another"
    )


def test_a_sentence_names_what_could_not_be_compared():
    assert Held(2, 1).sentence == "held against 2 images of 1 patient"
    assert Held(2, 1, not_compared=str(Path("why"))).sentence == "held against 2 images of 1 patient (why)"


@pytest.mark.parametrize("held", [None, Held(30, 15), Held(30, 15, snapshot="another")])
def test_nothing_is_checked_with_a_snapshot_that_was_not_the_one_that_was_held(config, held):
    with pytest.raises(SnapshotDiffers, match="was exchanged while the run started"):
        expect_held(config, held, "this")


def test_the_snapshot_that_was_held_is_used_and_any_where_no_list_is_configured(config):
    expect_held(config, Held(30, 15, snapshot="this"), "this")
    expect_held(config.model_copy(update={"enrol": None}), None, "this")
