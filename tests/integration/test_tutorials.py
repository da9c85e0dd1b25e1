"""The tutorials' own blocks, run in order in an empty folder with small drawn sets."""

import shutil
from functools import partial

import pytest
import yaml
from support.calibration_sets import POLICY, write_listing
from support.fakes import save_small_models
from support.image_sets import write_sets
from support.manual_blocks import command_lines, fenced
from typer.testing import CliRunner

from cxrgate.cli.main import app
from cxrgate.planted.generator import fit_generator

OWN_DATA, CERTIFY = "tutorials/own-data.md", "tutorials/certify.md"
SMALL = {"models": "models", "policy": {"score_threshold": 1.0, "borderline": 0.9, "minimum_typicality": -1}}
"""What a test adds to the configuration: untrained models and a rule that fits them."""


def run(words):
    """One command line; its exit code and what it printed."""
    if words[0] == "cp":
        shutil.copy(words[1], words[2])
        return 0, ""
    done = CliRunner().invoke(app, words[1:])
    return done.exit_code, done.output


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tutorials")
    write_sets(folder)
    save_small_models(folder / "models")
    (block,) = fenced(OWN_DATA, "yaml")
    (folder / "config.yaml").write_text(yaml.safe_dump({**yaml.safe_load(block), **SMALL}))
    return folder


@pytest.fixture(scope="module")
def own_data(folder):
    """Exit code and output per command line of the page."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        return {" ".join(words): run(words) for words in command_lines(OWN_DATA)}


def test_your_own_data_is_looked_at_and_then_filtered(folder, own_data):
    assert list(own_data) == ["cxrgate run config.yaml --dry-run", "cxrgate run config.yaml"]
    looked, filtered = own_data.values()
    assert looked[0] == 0, looked[1]
    assert filtered[0] == 3, filtered[1]  # two files of the set are no image


@pytest.mark.parametrize("name", ["released/manifest.json", "report.html", "results/results.csv", "work"])
def test_the_run_leaves_what_the_page_lists(folder, own_data, name):
    assert (folder / "out" / name).exists()


@pytest.fixture(scope="module")
def certified(folder, own_data):
    write_listing(folder)
    shutil.copy(folder / "real.csv", folder / "training.csv")
    (folder / "deploy").mkdir()
    (folder / "deploy/leak_policy.yaml").write_text(POLICY)
    answers = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        # Fitted for two steps: what it draws is like nothing, which is as good for a test.
        patch.setattr("cxrgate.planted.generator.fit_generator", partial(fit_generator, steps=2))
        for words in command_lines(CERTIFY):
            if words[1] == "release-report":
                certify(folder)
            answers[words[1]] = run(words)
    return answers


def certify(folder):
    """What the page says between its blocks: ask for the certificate, name no threshold, run anew."""
    config = yaml.safe_load((folder / "config.yaml").read_text())
    del config["policy"]["score_threshold"], config["policy"]["borderline"]
    config |= {"certification": "required", "certification_key": "private/signing.pub"}
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    shutil.rmtree(folder / "out")
    code, output = run(["cxrgate", "run", "config.yaml"])
    assert code == 3, output
    (folder / "later.yaml").write_text(yaml.safe_dump({**config, "output": "later"}))


@pytest.mark.parametrize("command", ["certificate", "calibrate", "release-report", "verify-report", "recheck"])
def test_certifying_and_reporting_work_as_the_page_says(certified, command):
    code, output = certified[command]
    assert code == 0, output
