"""The policy that a configuration leads to is the one that its run had, and another one of another configuration."""

import json
import shutil

import pytest
from support.image_sets import write_config, write_sets

from cxrgate.core import MismatchError
from cxrgate.gate.config import read_config
from cxrgate.gate.resolved import resolved_policy
from cxrgate.index.manifest import read_manifest
from cxrgate.run.run import run


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("resolved")
    run(read_config(write_sets(folder)))
    return folder


def resolved(folder, name="other", **more):
    config = read_config(write_config(folder, folder / name, 4, **more))
    return resolved_policy(config, read_manifest(config.snapshot), None)


def named(policy):
    return {name: value for name, value in policy.items() if value is not None}


def test_it_is_the_policy_of_the_run(folder):
    policy = json.loads((folder / "out/results/run.json").read_text())["policy"]
    assert named(resolved(folder)) == named(policy)


def test_another_rule_leads_to_another(folder):
    rule = "{score_threshold: 1.0, borderline: 0.9, minimum_typicality: -1, copy_threshold: null}"
    assert resolved(folder, policy=rule) == {**resolved(folder), "copy_threshold": None}


def test_numbers_of_models_that_are_not_the_snapshots_are_left_out(folder):
    shutil.copytree(folder / "models/verification", folder / "elsewhere", dirs_exist_ok=True)
    found = resolved(folder, models=f"{{retrieval: {folder / 'nowhere'}, verification: {folder / 'elsewhere'}}}")
    assert resolved(folder).keys() - found.keys() == {"band", "copy_threshold", "minimum_frontality"}
    assert found.items() <= resolved(folder).items()


def test_a_rule_that_the_snapshot_did_not_measure_leads_to_none(folder, monkeypatch):
    monkeypatch.setattr("cxrgate.gate.resolved.read_measurement", lambda manifest: None)
    with pytest.raises(MismatchError, match="does not know how many unenrolled patients it would flag"):
        resolved(folder, policy="{}")
