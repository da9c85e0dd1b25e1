"""`cxrgate check`, `duplicates`, `init` and `decide` for somebody with two folders, by the demo's models."""

import json
import shutil

import pytest
import yaml
from typer.testing import CliRunner

from cxrgate.cli.main import app
from cxrgate.core.shipped import shipped_models
from cxrgate.demo.dataset import SEED, Extent, read_planted, write_dataset
from cxrgate.demo.planting import PlantedKind

COPIES = {PlantedKind.IDENTICAL, PlantedKind.REENCODED, PlantedKind.RESCALED}


def call(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with real/ and synthetic/, two copies of each kind among 14 drawings of other patients."""
    folder = tmp_path_factory.mktemp("check")
    write_dataset(folder / "data", SEED, Extent(patients=12, others=14, views=2, copies=2, side=128))
    return folder


@pytest.fixture(autouse=True)
def here(place, monkeypatch):
    monkeypatch.chdir(place / "data")
    monkeypatch.setenv("CXRGATE_CACHE", str(place / "cache"))


def models():
    return "--models", shipped_models() / "demo"


@pytest.fixture(scope="module")
def planted(place):
    kinds = read_planted(place / "data")
    return {name for name, kind in kinds.items() if kind in COPIES}


def test_copies_are_told_in_a_table_and_nothing_is_written(place, planted):
    before = sorted(place.joinpath("data").rglob("*"))
    answer = call("check", "synthetic", "--against", "real.csv", *models())

    assert answer.exit_code == 3, answer.output  # two files of the drawn set are cut off
    assert "of 12 patients are listed" in answer.output
    assert all(f" {name} " in answer.output for name in planted)
    assert sorted(place.joinpath("data").rglob("*")) == before


def test_the_second_time_nothing_is_enrolled_and_json_tells_every_image(planted):
    answer = call("check", "synthetic", "--against", "real.csv", *models(), "--json", "--quiet")
    told = json.loads(answer.output)

    assert answer.exit_code == 3
    held = {image["image_id"]: image for image in told["images"] if not image["released"]}
    assert planted <= set(held)
    assert {held[name]["nearest"]["path"].split("/")[0] for name in planted} == {"real"}
    assert told["counts"]["ANONYMOUS"] == len(told["images"]) - len(held)
    assert len(told["nearest_to_a_threshold"]) == min(10, told["counts"]["ANONYMOUS"])


def test_an_image_without_an_answer_is_code_3_and_says_why(place):
    (place / "broken").mkdir(exist_ok=True)
    (place / "broken/text.png").write_text("not an image")
    answer = call("check", place / "broken", "--against", "real.csv", *models())

    assert answer.exit_code == 3
    assert "no answer" in answer.output


def test_single_images_are_checked_against_a_snapshot_that_is_given(place):
    (snapshot,) = (place / "cache/snapshots").glob("*/snapshot")
    image = min((place / "data/real").iterdir())
    answer = call("check", image, "--against", snapshot, *models(), "--json")

    assert answer.exit_code == 1
    assert '"COPY"' in answer.output


def test_wrong_usage_is_code_2_and_names_what_is_missing():
    answer = call("check", "nowhere", "--against", "real.csv")

    assert answer.exit_code == 2
    assert "nothing at nowhere" in answer.output


def test_duplicates_between_two_sets_and_within_one(place, planted):
    between = call("duplicates", "real.csv", "synthetic", *models(), "--json", "--quiet")
    pairs = json.loads(between.stdout)

    assert between.exit_code == 3  # the two that are cut off
    assert planted <= {pair["image"] for pair in pairs if "same picture" in pair["what"]}
    assert {(pair["image_set"], pair["other_set"]) for pair in pairs} == {("synthetic", "real.csv")}

    shutil.copy(place / "data/real/0003_1.png", place / "data/real/copy_of_it.png")
    listed = (place / "data/real.csv").read_text()
    (place / "data/twice.csv").write_text(listed + "real/copy_of_it.png,invented0003\n")
    within = call("duplicates", "twice.csv", *models(), "--json", "--quiet")
    pictures = [pair for pair in json.loads(within.output) if "same picture" in pair["what"]]
    found = [{pair["image"], pair["other"]} for pair in pictures]

    assert within.exit_code == 1
    assert found.count({"real/0003_1.png", "real/copy_of_it.png"}) == 1


@pytest.fixture
def sealed(place):
    """A sealed snapshot of the listed images, its storage key, and one of the images."""
    folder = place / "sealed"
    if not folder.exists():
        for words in (
            ("index", "key", folder / "storage.key"),
            ("enrol", "real.csv", "--output", folder / "plain", *models(), "--quiet"),
            ("storage", "seal", folder / "plain", "--output", folder / "snapshot", "--key", folder / "storage.key"),
        ):
            done = call(*words)
            assert done.exit_code == 0, done.output
    return folder / "snapshot", folder / "storage.key", min((place / "data/real").iterdir())


def test_images_are_checked_against_a_sealed_snapshot_by_its_key_alone(sealed):
    snapshot, key, image = sealed
    asked = ("check", image, "--against", snapshot, *models())
    with_key, without = call(*asked, "--storage-key", key, "--json"), call(*asked)

    assert with_key.exit_code == 1, with_key.output
    assert '"COPY"' in with_key.output
    assert without.exit_code == 2
    assert "storage key" in without.output


@pytest.mark.parametrize("words", [("--layout", "folder"), ("--column", "image=name"), ("--exclude", "names.txt")])
def test_what_says_how_images_are_listed_is_refused_beside_a_snapshot(sealed, words):
    snapshot, _, image = sealed
    answer = call("check", image, "--against", snapshot, *models(), *words)

    assert answer.exit_code == 2
    assert "is a snapshot, which is taken as it is" in answer.output


def test_duplicates_are_found_in_a_sealed_snapshot_by_its_key_alone(sealed, place):
    snapshot, key, image = sealed
    (place / "one").mkdir(exist_ok=True)
    shutil.copy(image, place / "one/same.png")
    asked = ("duplicates", snapshot, place / "one", *models())
    told = ("--storage-key", key, "--json", "--quiet")
    with_key, without = call(*asked, *told, "--every-image-is-a-patient"), call(*asked)

    assert with_key.exit_code == 1, with_key.output
    pairs = json.loads(with_key.stdout)
    assert {pair["image"] for pair in pairs} == {"same.png"}
    assert sum("same picture" in pair["what"] for pair in pairs) == 1
    assert without.exit_code == 2
    assert "storage key" in without.output


def test_from_init_to_a_run_and_what_other_thresholds_would_have_done(place):
    folder = place / "project"
    shutil.copytree(place / "data/real", folder / "real", dirs_exist_ok=True)
    shutil.copytree(place / "data/synthetic", folder / "synthetic", dirs_exist_ok=True)
    written = call("init", folder)
    assert written.exit_code == 0, written.output
    assert call("init", folder).exit_code == 2

    path = folder / "config.yaml"
    settings = yaml.safe_load(path.read_text())
    path.write_text(yaml.safe_dump({**settings, "models": str(shipped_models() / "demo")}))
    assert call("run", path).exit_code in {1, 3}

    stricter = json.loads(call("decide", folder / "out", "--copy", "0.01", "--json").output)
    same = call("decide", folder / "out", "--score", "1")
    assert all(image["would_be"] != "ANONYMOUS" for image in stricter["images"])
    assert same.exit_code == 0
    assert "score 1" in same.output
    assert call("decide", folder / "out").exit_code == 2
