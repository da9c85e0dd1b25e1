"""The blocks of README and of the tutorials, run in order in an empty folder with small drawn sets.

Those of "Deploy with Docker" are run in tests/docker; what no test runs says why, see support.manual_blocks.
"""

import asyncio
import re
import shutil
from functools import partial

import pytest
import yaml
from PIL import Image
from support.calibration_sets import POLICY, write_listing
from support.fakes import picture, save_small_models
from support.image_sets import write_sets
from support.manual_blocks import command_lines, fenced
from support.two_doors import served, write_certificates
from typer.testing import CliRunner

from cxrgate.cli.main import app
from cxrgate.client import Gate, Identity
from cxrgate.core.shipped import shipped_models
from cxrgate.demo import dataset
from cxrgate.demo.dataset import SEED, Extent, write_dataset
from cxrgate.planted.generator import fit_generator

README, FIRST_RUN, OWN_DATA = "README.md", "tutorials/first-run.md", "tutorials/own-data.md"
CERTIFY, GENERATOR = "tutorials/certify.md", "tutorials/generator.md"
DRAWN = Extent(patients=6, others=4, views=1, copies=1, side=128)
SMALL = {"models": "models", "policy": {"score_threshold": 1.0, "borderline": 0.9, "minimum_typicality": -1}}
"""What a test adds to a configuration: untrained models and a rule that fits them."""
SOME_UNREADABLE = 3
"""Exit code over the drawn sets: two files of them are cut off."""


def run(words):
    """One command line; its exit code and what it printed."""
    if words[0] == "cp":
        shutil.copy(words[1], words[2])
        return 0, ""
    assert words[0] == "cxrgate"
    done = CliRunner().invoke(app, words[1:])
    return done.exit_code, done.output


def run_all(page, folder, before=None):
    """Exit code and output per command line of a page, run in a folder; `before` is called with each line first."""
    answers = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for words in command_lines(page):
            if before is not None:
                before(words)
            answers[" ".join(words)] = run(words)
    return answers


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """Snapshots that several pages ask for."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CXRGATE_CACHE", str(folder))
        yield folder


@pytest.fixture(scope="module")
def drawn(tmp_path_factory, cache):
    """A function that makes a folder with `synthetic` and `real.csv`, and the demo's models in place of the shipped."""
    source = tmp_path_factory.mktemp("drawn")
    write_dataset(source / "data", SEED, DRAWN)

    def make(name):
        folder = tmp_path_factory.mktemp(name)
        for part in ("real", "synthetic"):
            shutil.copytree(source / "data" / part, folder / part)
        shutil.copy(source / "data/real.csv", folder)
        (folder / "model_store").symlink_to(shipped_models() / "demo")
        return folder

    return make


def use_models_here(folder):
    """`shipped` of a configuration are models of radiographs; the sets of a test are drawings."""
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), "models": "model_store"}))


def codes(answers):
    return {line: code for line, (code, _) in answers.items()}


def test_readme_checks_looks_and_runs(tmp_path, drawn):
    folder = tmp_path / "out/demo-data"  # below the clone, as `make demo` has it
    shutil.copytree(drawn("readme"), folder, symlinks=True)
    (tmp_path / "model_store").symlink_to(shipped_models())
    (block,) = fenced(README, "yaml")
    (folder / "config.yaml").write_text(block)
    use_models_here(folder)
    answers = run_all(README, folder)

    assert codes(answers) == {
        "cxrgate check synthetic --against real.csv --models ../../model_store/demo": SOME_UNREADABLE,
        "cxrgate run config.yaml --dry-run": 0,
        "cxrgate run config.yaml": SOME_UNREADABLE,
    }, answers
    printed = answers["cxrgate check synthetic --against real.csv --models ../../model_store/demo"][1]
    shown = fenced(README, "text")[0].splitlines()
    for words in ("image", "may be released", "copy", "nearest real image"):
        assert words in shown[0]
        assert words in printed
    assert re.search(r"no: [a-z ,]*copy", printed)
    assert (folder / "out/released/manifest.json").is_file()


def test_the_first_run_is_drawn_tried_with_other_thresholds_and_verified(tmp_path, cache, monkeypatch):
    monkeypatch.setattr(dataset, "write_dataset", partial(write_dataset, extent=DRAWN))
    answers = run_all(FIRST_RUN, tmp_path)

    assert codes(answers) == {
        "cxrgate demo --output first": 0,
        "cxrgate decide first --copy 0.79": 0,
        "cxrgate decide first --score 0.5": 0,
        "cxrgate verify-run first --config first/demo.yaml": 0,
        "cxrgate run first/demo.yaml": SOME_UNREADABLE,
    }, answers
    for name in ("report.html", "released/manifest.json", "results/results.csv", "demo.yaml", "demo-data/real.csv"):
        assert (tmp_path / "first" / name).is_file()


@pytest.fixture(scope="module")
def own_data(drawn):
    """The folder, and the answers by command line of the page."""
    folder = drawn("own")
    made = run_all(OWN_DATA, folder, lambda words: use_models_here(folder) if "--dry-run" in words else None)
    return folder, made


def test_your_own_data_is_checked_cleaned_looked_at_filtered_and_enrolled(own_data):
    folder, answers = own_data
    assert codes(answers) == {
        "cxrgate check synthetic --against real.csv": SOME_UNREADABLE,
        "cxrgate duplicates real.csv": 1,
        "cxrgate init": 0,
        "cxrgate run config.yaml --dry-run": 0,
        "cxrgate run config.yaml": SOME_UNREADABLE,
        "cxrgate decide out --copy 0.8": 0,
        "cxrgate enrol real.csv --output enrolled": 0,
        "cxrgate check synthetic --against enrolled": SOME_UNREADABLE,
    }, answers
    (block,) = fenced(OWN_DATA, "yaml")
    shown, written = yaml.safe_load(block), yaml.safe_load((folder / "config.yaml").read_text())
    assert {name: written[name] for name in shown if name != "enrol"} == {
        name: value for name, value in shown.items() if name != "enrol"
    }
    assert written["enrol"]["images"] == shown["enrol"]["images"]


@pytest.mark.parametrize("name", ["released/manifest.json", "report.html", "results/results.csv", "work"])
def test_the_run_leaves_what_the_page_lists(own_data, name):
    assert (own_data[0] / "out" / name).exists()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Larger sets with untrained models, and the page's own configuration over them, run once."""
    folder = tmp_path_factory.mktemp("certify")
    write_sets(folder)
    save_small_models(folder / "models")
    (block,) = fenced(OWN_DATA, "yaml")
    (folder / "config.yaml").write_text(yaml.safe_dump({**yaml.safe_load(block), **SMALL}))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        code, output = run(["cxrgate", "run", "config.yaml"])
    assert code == SOME_UNREADABLE, output
    return folder


@pytest.fixture(scope="module")
def certified(folder):
    write_listing(folder)
    shutil.copy(folder / "real.csv", folder / "training.csv")
    (folder / "leak_policy.yaml").write_text(POLICY)
    with pytest.MonkeyPatch.context() as patch:
        # The shipped one promises what takes hundreds of patients.
        patch.setattr("cxrgate.cli.commands.calibrate.shipped_file", folder.joinpath)
        # Fitted for two steps: what it draws is like nothing, which is as good for a test.
        patch.setattr("cxrgate.planted.generator.fit_generator", partial(fit_generator, steps=2))
        answers = run_all(CERTIFY, folder, lambda words: certify(folder) if words[1] == "release-report" else None)
    return {line.split()[1]: answer for line, answer in answers.items()}


def certify(folder):
    """What the page says between its blocks: ask for the certificate, name no threshold, run anew."""
    config = yaml.safe_load((folder / "config.yaml").read_text())
    del config["policy"]["score_threshold"], config["policy"]["borderline"]
    config |= {"certification": "required", "certification_key": "private/signing.pub"}
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    shutil.rmtree(folder / "out")
    code, output = run(["cxrgate", "run", "config.yaml"])
    assert code == SOME_UNREADABLE, output
    (folder / "later.yaml").write_text(yaml.safe_dump({**config, "output": "later"}))


@pytest.mark.parametrize("command", ["certificate", "calibrate", "release-report", "verify-report", "recheck"])
def test_certifying_and_reporting_work_as_the_page_says(certified, command):
    code, output = certified[command]
    assert code == 0, output


def test_a_generator_asks_a_gate_as_its_page_says(monkeypatch, tmp_path):
    asks, samples = fenced(GENERATOR, "python")
    certificates, kept = write_certificates(tmp_path), []
    monkeypatch.chdir(tmp_path)

    def read(address):
        """Both blocks against the gate there."""
        exec(asks.replace("gate.example:8443", address), {"png_bytes": b"clean", "keep": kept.append})
        with Gate(address, Identity.read(certificates / "generator")) as gate:
            names = {"gate": gate, "pipeline": lambda **_: Drawn(8)}
            exec(samples.replace("500", "10"), names)
        return names["generated"]

    async def call(_, address, admission):
        return await asyncio.to_thread(read, address)

    generated = served(monkeypatch, tmp_path, certificates, call)

    assert kept[0].startswith(b"\x89PNG")
    assert {label: len(images) for label, images in generated.images.items()} == {"normal": 10, "effusion": 10}


class Drawn:
    """What a diffusers pipeline gives: a batch of Pillow images."""

    def __init__(self, count):
        self.images = [Image.fromarray(picture(seed)) for seed in range(count)]


def test_every_block_of_the_pages_is_one_that_is_run_here():
    """A new command line of a page is in none of the expectations above, and one that is gone is missed there."""
    languages = {
        page: {name for name in ("python", "bash", "json") if fenced(page, name)}
        for page in (README, FIRST_RUN, OWN_DATA, CERTIFY, GENERATOR)
    }

    assert languages == {README: set(), FIRST_RUN: set(), OWN_DATA: set(), CERTIFY: set(), GENERATOR: {"python"}}
    assert command_lines(GENERATOR) == []
