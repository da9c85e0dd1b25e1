import json
from dataclasses import replace

import pytest
import yaml
from support.fakes import picture
from support.training_sets import EMBEDDER, recipe, rows, write_listing
from typer.testing import CliRunner

from cxrgate.cli.main import app
from cxrgate.core import GreyImage, UsageError
from cxrgate.models import ModelKind
from cxrgate.models.runtimes.forward import open_forward
from cxrgate.models.runtimes.pytorch import TorchForward
from cxrgate.models.store import load_model
from cxrgate.train import Split, patient_hash, read_listed_images, with_splits
from cxrgate.train.augmentation import Augmentation
from cxrgate.train.recipe import Loss
from cxrgate.train.training import Job, train

SEED = 5
RECIPES = {
    "retrieval": recipe(Loss.CONTRASTIVE, steps=3),
    "verification": recipe(Loss.PAIRS, steps=3),
    "embedder": recipe(Loss.NEIGHBOURS, kind="verification", network=EMBEDDER, steps=2),
    "copy": recipe(Loss.NEIGHBOURS, kind="copy", network=EMBEDDER, steps=2, several=0, augmentation=Augmentation()),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("train")


@pytest.fixture(scope="module")
def listing(folder):
    """Two patients to train on, enough for thresholds, and four to score in two sources."""
    parts = [
        rows(2, 3, "a", "train"),
        rows(40, 1, "a", "tune"),
        rows(1, 2, "b", "tune"),
        rows(2, 2, "a", "test"),
        rows(2, 2, "b", "test"),
    ]
    return write_listing(folder, [row for part in parts for row in part])


@pytest.fixture(scope="module")
def models(folder, listing):
    """The folder of each recipe's model."""
    listed_images = with_splits(read_listed_images(listing), SEED)
    return {
        name: (train(Job(listed_images, settings, SEED, folder / "work" / name, folder / name)), folder / name)
        for name, settings in RECIPES.items()
    }


@pytest.mark.parametrize("name", RECIPES)
def test_training_gives_a_model_that_can_be_loaded_and_run(name, models):
    manifest, folder = models[name]
    model = load_model(folder)
    assert model.manifest.digest == manifest.digest
    assert (manifest.kind, manifest.architecture) == (RECIPES[name].kind, RECIPES[name].architecture)
    assert manifest.preprocessing == RECIPES[name].input
    assert TorchForward(model)([picture(1)]).shape == (1, 8)
    assert (manifest.threshold is not None) == (manifest.kind is ModelKind.COPY)


@pytest.mark.parametrize("name", RECIPES)
def test_the_manifest_says_how_the_model_came_about(name, models, listing):
    provenance = models[name][0].provenance
    listed_images = read_listed_images(listing)
    assert provenance["recipe"] == RECIPES[name].model_dump(mode="json")
    assert provenance["seed"] == SEED
    assert len(provenance["images_sha256"]) == 64
    assert provenance["images"] == {"train": 6, "tune": 42}
    assert provenance["sources"] == ["a", "b"]
    assert provenance["hours"] >= 0
    for split in (Split.TRAIN, Split.TUNE):
        expected = {
            patient_hash(listed_image.patient_id) for listed_image in listed_images if listed_image.split is split
        }
        assert set(provenance["patients"][split]) == expected
    assert "atrainp0" not in json.dumps(provenance)


def test_the_same_training_gives_the_same_weights(folder, listing, models):
    listed_images = with_splits(read_listed_images(listing), SEED)
    again = train(Job(listed_images, RECIPES["verification"], SEED, folder / "again", folder / "again-model"))
    assert again.digest == models["verification"][0].digest


def test_a_calibrated_embedder_scores_its_own_image_as_the_same_patient(models):
    forward = open_forward(models["embedder"][1])
    row = forward([GreyImage("x", picture(3)).pixels])
    assert forward.head.score(row[0], row)[0] >= 0.5


def test_a_listing_without_images_to_train_on_is_refused(folder, listing):
    listed_images = [
        listed_image for listed_image in read_listed_images(listing) if listed_image.split is not Split.TRAIN
    ]
    with pytest.raises(UsageError, match="no image of the split train"):
        train(Job(listed_images, RECIPES["verification"], SEED, folder / "none", folder / "none-model"))


def test_too_few_patients_are_refused_before_the_first_image_is_decoded(folder, listing):
    listed_images = [listed_image for listed_image in read_listed_images(listing) if listed_image.source != "b"][:-10]
    with pytest.raises(UsageError, match="34 patients, and calibration needs 40"):
        train(Job(listed_images, RECIPES["embedder"], SEED, folder / "few", folder / "few-model"))
    assert not (folder / "few").exists()


def test_an_image_to_tune_on_that_cannot_be_read_is_named_before_the_training(folder, listing):
    listed_images = read_listed_images(listing)
    broken = next(listed_image for listed_image in listed_images if listed_image.split is Split.TUNE)
    gone = replace(broken, file=replace(broken.file, path=folder / "gone.png"))
    given = [gone if listed_image is broken else listed_image for listed_image in listed_images]
    with pytest.raises(UsageError, match="FILE_UNREADABLE"):
        train(Job(given, RECIPES["embedder"], SEED, folder / "gone", folder / "gone-model"))
    assert not (folder / "gone/checkpoint.pt").exists()


def _score(*arguments):
    return CliRunner().invoke(app, ["train", "score", *map(str, arguments)])


@pytest.mark.parametrize("name", RECIPES)
def test_score_leaves_out_whom_the_model_saw(name, models, listing):
    result = _score(models[name][1], listing, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["scored"] == {"images": 8, "patients": 4, "pairs": 12}
    assert found["left_out"] == {"images": 48, "patients": 43, "pairs": 0}
    assert found["sources"].keys() == {"a", "b"}
    for figures in (found["all"], *found["sources"].values()):
        assert figures.keys() == {"auc", "tpr_at_fpr_1pct", "tpr_at_fpr_0.1pct", "p_at_1", "map_at_r", "r_precision"}
        assert all(0 <= figure["value"] <= 1 for figure in figures.values())


def test_score_prints_a_row_per_source_and_one_for_all(models, listing):
    result = _score(models["retrieval"][1], listing, "--split", "test")
    assert result.exit_code == 0, result.output
    assert "8 images of 4 patients" in result.stdout
    assert "0 images of 0 patients" in result.stdout
    assert [line.split("│")[1].strip() for line in result.stdout.splitlines() if line.startswith("│")] == [
        "a",
        "b",
        "all",
    ]


def test_score_verifies_the_pairs_of_a_file(models, listing, tmp_path):
    pairs = [
        ("atestp0/0.png", "atestp0/1.png", "1.0"),
        ("atestp0/0.png", "atestp1/0.png", "0.0"),
        ("atrainp0/0.png", "atestp0/0.png", "0.0"),
    ]
    path = tmp_path / "pairs.txt"
    path.write_text("".join("\t".join(pair) + "\n" for pair in pairs))
    found = json.loads(_score(models["verification"][1], listing, "--pairs", path, "--json").stdout)
    assert found["scored"]["pairs"] == 2
    assert found["left_out"]["pairs"] == 1
    assert found["sources"]["b"]["auc"]["value"] is None


def test_score_of_a_part_that_is_empty_is_wrong_usage(models, listing, tmp_path):
    lines = [line for line in listing.read_text().splitlines() if not line.endswith(",test")]
    path = listing.with_name("without-test.csv")
    path.write_text("\n".join(lines) + "\n")
    result = _score(models["retrieval"][1], path, "--split", "test")
    assert result.exit_code == 2
    assert "no image of the split test" in result.stderr


def test_the_command_trains_from_a_listing_and_a_recipe(folder, listing):
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(RECIPES["verification"].model_dump(mode="json")))
    arguments = [listing, "--output", folder / "cli", "--work", folder / "cli-work", "--recipe", path, "--seed", SEED]
    result = CliRunner().invoke(app, ["train", "verification", *map(str, arguments)])
    assert result.exit_code == 0, result.output
    assert load_model(folder / "cli").manifest.digest in result.stdout
    wrong = CliRunner().invoke(app, ["train", "retrieval", *map(str, arguments)])
    assert wrong.exit_code == 2
    assert "not for a retrieval model" in wrong.stderr


def test_the_command_makes_a_listing_of_the_published_split(tmp_path):
    write_listing(tmp_path / "images", [{"image": f"{name}/{name}.png", "patient_id": ""} for name in "abc"])
    for name, image in {"train": "a", "validation": "b", "test": "c"}.items():
        (tmp_path / f"{name}.csv").write_text(f",Image Index,Patient ID\n0,{image}.png,{image}\n")
    output = tmp_path / "listing.csv"
    arguments = ["--nih-splits", tmp_path, "--images", tmp_path / "images", "--output", output]
    result = CliRunner().invoke(app, ["train", "listing", *map(str, arguments)])
    assert result.exit_code == 0, result.output
    assert "3 images of 3 patients" in result.stdout
    assert [listed_image.split for listed_image in read_listed_images(output)] == [Split.TRAIN, Split.TUNE, Split.TEST]
