import json
import re

import pandas as pd
import pytest
from support.fakes import save_small_models
from support.image_sets import tree
from typer.testing import CliRunner

from cxrgate.cli.main import app
from cxrgate.demo.dataset import SEED, Extent, read_planted, write_dataset
from cxrgate.demo.planting import PlantedKind

COPIES = (PlantedKind.IDENTICAL, PlantedKind.REENCODED, PlantedKind.RESCALED)


def demo(folder):
    """Run the command; a data set that is there already is used."""
    models = ["--models", str(folder / "models")]
    return CliRunner().invoke(app, ["demo", "--output", str(folder / "out"), *models])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    save_small_models(folder / "models")
    write_dataset(folder / "out/demo-data", SEED, Extent(patients=8, others=6, views=2, copies=2, side=128))
    return folder


@pytest.fixture(scope="module")
def answer(folder):
    return demo(folder)


@pytest.fixture(scope="module")
def results(folder, answer):
    table = pd.read_parquet(folder / "out/results/results.parquet")
    planted = read_planted(folder / "out/demo-data")
    return table.assign(kind=[planted.get(image_id, "") for image_id in table["image_id"]])


def test_a_demo_that_ran_is_a_success_whatever_was_removed(answer):
    assert answer.exit_code == 0, answer.output


@pytest.mark.parametrize("kind", COPIES)
def test_copies_are_removed_as_copies(results, kind):
    rows = results[results["kind"] == kind]

    assert len(rows) == 2
    assert set(rows["decision"]) == {"NOT_ANONYMOUS"}
    assert rows["reasons"].str.contains("COPY").all()


def test_broken_files_are_indeterminate(results):
    rows = results[results["kind"] == PlantedKind.BROKEN]

    assert len(rows) == 2
    assert set(rows["decision"]) == {"INDETERMINATE"}


def test_table_counts_what_became_of_each_kind(answer, results):
    for kind in PlantedKind:
        rows = results[results["kind"] == kind]
        released = int((rows["decision"] == "ANONYMOUS").sum())
        line = next(line for line in answer.output.splitlines() if str(kind) in line)
        assert [int(number) for number in re.findall(r"\d+", line)] == [len(rows), len(rows) - released, released]
    missed = ((results["kind"] != "") & (results["decision"] == "ANONYMOUS")).sum()
    assert f"{missed} of {(results['kind'] != '').sum()} planted files passed the filter" in answer.output


def test_output_holds_the_released_set_and_a_report_with_pictures(folder, answer, results):
    released = {name for name in tree(folder / "out/released") if name != "manifest.json"}

    assert released == set(results[results["decision"] == "ANONYMOUS"]["released_as"])
    assert "data:image/png" in (folder / "out/report.html").read_text()


def test_configuration_is_one_that_run_takes_and_agrees_with(folder, answer, results):
    before = tree(folder / "out/released")
    run = CliRunner().invoke(app, ["run", str(folder / "out/demo.yaml")])

    assert run.exit_code == 3
    assert tree(folder / "out/released") == before
    assert "The patients of this page are invented." in (folder / "out/report.html").read_text()


def test_a_release_report_of_it_says_in_claims_and_page_that_its_patients_are_invented(folder, answer, tmp_path):
    key, out = tmp_path / "signing", folder / "out"
    report = out / "release-report.json"
    calls = [
        ["certificate", "key", key],
        ["release-report", out, "--key", key],
        ["verify-report", report, "--key", f"{key}.pub"],
    ]
    told = [CliRunner().invoke(app, [str(word) for word in words]) for words in calls]
    page = report.with_suffix(".html")
    claims, header = json.loads(report.read_text())["statement"]["claims"], page.read_text().split("<main>")[0]
    report.unlink()
    page.unlink()

    assert [each.exit_code for each in told] == [0, 0, 0], told[-1].output
    assert "patients are invented" in claims[1]
    assert claims[1] in header


def test_running_again_changes_nothing(folder, answer):
    before = tree(folder / "out")

    assert demo(folder).exit_code == 0
    assert tree(folder / "out") == before


def test_missing_models_are_a_usage_error(folder, tmp_path, answer):
    wrong = CliRunner().invoke(app, ["demo", "--output", str(folder / "out"), "--models", str(tmp_path / "none")])

    assert wrong.exit_code == 2
    assert "cxrgate: " in wrong.output
