"""`cxrgate evaluate` on drawn pictures: untrained small models, the gate's real stages, the baseline."""

import json

import pytest
from support.evaluation_listings import save_store, write_listing, write_pictures
from typer.testing import CliRunner

from cxrgate.cli.main import app

KEYS = {"auc", "tpr_at_fpr_1pct", "p_at_1", "map_at_r", "sensitivity", "specificity", "medium_copy", "strong_copy"}
COLUMNS = ("image", "patient_id", "source", "view", "follow_up", "split")


def run(data, store, *options):
    answer = CliRunner().invoke(app, ["evaluate", str(data), "--models", str(store), *map(str, options)])
    assert answer.exit_code == 0, answer.output
    return answer.stdout, json.loads(answer.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("evaluate")
    save_store(folder / "models")
    counts = [1, 3, 2, 2, 1, 1, 1, 1, 1]
    rows = [*write_pictures(folder / "data", "nih", counts), *write_pictures(folder / "data", "kermany", counts, 20)]
    write_listing(folder / "data", rows)
    return folder


@pytest.fixture(scope="module")
def result(folder):
    return run(folder / "data", folder / "models", "--json", folder / "all.json")


def test_the_last_line_holds_the_main_figures_of_each_group(result):
    figures = dict(result[1])
    by_size = figures.pop("identification"), figures.pop("false_flags")

    assert list(figures) == ["all", "adults", "nih", "kermany"]
    assert by_size == ({"one_reference": {}, "all_but_query": {}}, {})  # no gallery of 250 can be drawn from 26 images
    assert all(set(row) == KEYS for row in figures.values())
    assert figures["adults"] == figures["nih"]
    assert all(0 <= value <= 1 for value in figures["all"].values())


def test_patients_that_a_model_saw_are_left_out(folder, result):
    content = json.loads((folder / "all.json").read_text())

    assert content["left_out"] == {"images": 3, "patients": 1}
    assert content["images"] == 23
    assert "3 images of 1 patients" in result[0]


def test_the_file_has_every_figure_with_its_interval(folder, result):
    content = json.loads((folder / "all.json").read_text())["models"]
    figures = content["figures"]["all"]

    assert {"tpr_at_fpr_0.1pct", "r_precision", "strangers_flagged", "strong_copy_gate"} < set(figures)
    assert all(row["low"] <= row["value"] <= row["high"] for row in figures.values())
    assert content["counts"]["all"]["enrolled"] + content["counts"]["all"]["strangers"] == 17
    assert set(content["models"]) == {"retrieval", "verification", "copy"}
    assert {part["name"] for part in content["subgroups"]} >= {"PA and PA", "follow_up 1 to 7 apart"}


def test_equal_input_gives_equal_figures(folder, result):
    assert run(folder / "data", folder / "models")[1] == result[1]


def test_a_group_without_anything_to_measure_is_null(folder, tmp_path):
    write_listing(tmp_path, write_pictures(tmp_path, "kermany", [2, 1, 1, 1], 40))
    _, figures = run(tmp_path, folder / "models")

    assert set(figures["adults"].values()) == {None}


def test_without_a_split_there_is_no_baseline_and_that_is_said(folder, result):
    said, figures = run(folder / "data", folder / "models", "--baseline")

    assert "no baseline by the column split" in said
    assert figures == result[1]


def judged(part):
    """What was judged, by group; what got no answer depends on the models: a match is said before an odd picture."""
    return {
        group: {name: count for name, count in counts.items() if "indeterminate" not in name}
        for group, counts in part["counts"].items()
    }


def test_the_baseline_is_fitted_on_the_training_part_and_judged_on_the_same_images(folder, tmp_path):
    rows = [
        *write_pictures(tmp_path, "train", [2] * 40, 1000, "train"),
        *write_pictures(tmp_path, "tune", [2, 2, *[1] * 38], 200, "tune"),
        *write_pictures(tmp_path, "test", [2, 2, 1, 1, 1, 1], 300, "test"),
    ]
    write_listing(tmp_path, rows, COLUMNS)
    said, _ = run(tmp_path, folder / "models", "--baseline", "--json", tmp_path / "all.json")
    content = json.loads((tmp_path / "all.json").read_text())

    assert "fitted on 80 images of split train, calibrated on 42 of tune: train" in said
    assert content["images"] == 8
    assert judged(content["baseline"]) == judged(content["models"])
    # The same picture but for a shift of two pixels is easy for published weights.
    assert content["baseline"]["figures"]["all"]["p_at_1"]["value"] == 1


def test_a_store_without_models_is_refused(folder, tmp_path):
    answer = CliRunner().invoke(app, ["evaluate", str(folder / "data"), "--models", str(tmp_path)])

    assert answer.exit_code == 2
    assert "is no model folder" in answer.stderr
