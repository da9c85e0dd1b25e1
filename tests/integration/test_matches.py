"""Copies that were turned or cropped, with and without the check of keypoints, from the configuration to the tables."""

import json

import numpy as np
import pandas as pd
import pytest
from support.textures import with_policy, write_textures

from cxrgate.core import MismatchError
from cxrgate.core.keypoints import METHOD, ROW_BYTES
from cxrgate.gate.config import read_config
from cxrgate.index import Snapshot
from cxrgate.run.other_thresholds import decided_by, with_thresholds
from cxrgate.run.recorded import read_results
from cxrgate.run.run import run
from cxrgate.verify_run.verify import verify_run

COPIES = ["turned.png", "cropped.png", "mirrored.png"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A run with the check, and one without over a snapshot of the same images."""
    folder = tmp_path_factory.mktemp("matches")
    run(read_config(write_textures(folder, match_threshold=36)))
    run(read_config(with_policy(folder, "plain", snapshot="plain_snapshot")))
    return folder


def results(folder, output):
    return pd.read_parquet(folder / output / "results/results.parquet").set_index("image_id")


def test_turned_and_cropped_copies_pass_without_the_check_and_are_rejected_with_it(folder):
    plain, matched = results(folder, "plain"), results(folder, "out")

    assert set(plain.loc[COPIES[:2], "decision"]) == {"ANONYMOUS"}
    assert set(matched.loc[COPIES, "reasons"]) == {"COPY"}
    assert (matched.loc[COPIES, "matches"] >= 36).all()
    assert matched.loc["new.png", "decision"] == "ANONYMOUS"
    assert matched.loc["new.png", "matches"] < 36
    assert matched.loc["same.png", "reasons"] == "COPY"
    assert plain["matches"].isna().all()


def test_the_evidence_names_the_picture_that_was_copied(folder):
    evidence = pd.read_parquet(folder / "out/results/evidence.parquet")
    mapping = pd.read_csv(folder / "private/references.csv").set_index("reference_id")["image"]

    for name, source in (("turned.png", "real/3.png"), ("cropped.png", "real/4.png"), ("mirrored.png", "real/5.png")):
        rows = evidence[evidence["image_id"] == name]
        assert mapping[rows.loc[rows["matches"].idxmax(), "reference_id"]] == source


def test_the_snapshot_keeps_keypoints_only_where_the_policy_has_the_key(folder):
    with_them, without = Snapshot.open(folder / "snapshot"), Snapshot.open(folder / "plain_snapshot")

    assert with_them.manifest.match_method == METHOD
    assert np.load(folder / "snapshot/keypoints.rows.npy", mmap_mode="r").shape == (12, ROW_BYTES)
    assert without.manifest.match_method is None
    assert not list((folder / "plain_snapshot").glob("keypoints*"))
    with_them.verify()


def test_the_policy_says_what_was_asked(folder):
    policies = [json.loads((folder / name / "results/run.json").read_text())["policy"] for name in ("out", "plain")]

    assert (policies[0]["match_threshold"], policies[0]["match_method"]) == (36, METHOD)
    assert not {"match_threshold", "match_method"} & set(policies[1])


@pytest.mark.parametrize("output", ["out", "plain"])
def test_the_decisions_follow_from_the_journal_and_the_tables(folder, output):
    found = verify_run(folder / output)

    assert not found.violations


def test_what_other_thresholds_would_have_said_goes_by_the_recorded_matches(folder):
    found = read_results(folder / "out/results")

    again = decided_by(found, with_thresholds(found.policy, {"copy_threshold": 0.99}))

    assert set(again.set_index("image_id").loc[COPIES, "reasons"]) == {"COPY"}


def test_a_snapshot_without_keypoints_is_refused_by_name(folder):
    config = read_config(with_policy(folder, "refused", snapshot="plain_snapshot", match_threshold=36))

    with pytest.raises(MismatchError, match=r"keeps no keypoints.*--keypoints"):
        run(config)


def test_a_snapshot_with_keypoints_serves_a_policy_without_the_key(folder):
    run(read_config(with_policy(folder, "unused")))

    assert results(folder, "unused")["decision"].to_dict() == results(folder, "plain")["decision"].to_dict()
