import numpy as np
import pytest
from PIL import Image
from support.fakes import SMALL, picture
from support.training_sets import rows, write_listing
from typer.testing import CliRunner

from cxrgate.cli.main import app
from cxrgate.core import ModelError
from cxrgate.models import EmbedderArchitecture, ModelKind
from cxrgate.models.networks.build import build_network
from cxrgate.models.runtimes.forward import open_forward
from cxrgate.models.store import load_model, save_model
from cxrgate.train import read_listed_images
from cxrgate.train.frontality import fit
from cxrgate.train.frontality.fit import FrontalityJob, fit_frontality
from cxrgate.train.frontality.recipe import FrontalityRecipe

SHAPE = EmbedderArchitecture(pool=2, dimensions=8)
RECIPE = FrontalityRecipe(units=4, steps=60, batch=16, rate=0.01, spoiled=4, views=12, refused=0.01)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A retrieval model, a listing and outliers: nothing but stripes."""
    folder = tmp_path_factory.mktemp("frontality")
    save_model(folder / "model", ModelKind.RETRIEVAL, SHAPE, SMALL, build_network(SHAPE).state_dict(), {"seed": 0})
    write_listing(folder, [*rows(8, 1, "a", "train"), *rows(8, 1, "a", "tune")])
    (folder / "outliers/stripes").mkdir(parents=True)
    for number in range(4):
        Image.fromarray(stripes(number)).save(folder / f"outliers/stripes/{number}.png")
    (folder / "recipe.yaml").write_text(
        "{units: 4, steps: 60, batch: 16, rate: 0.01, spoiled: 4, views: 12, refused: 0.01}"
    )
    return folder


def stripes(number):
    return np.tile(np.repeat(np.array([0, 255], np.uint8), number + 3), (96, 8))


def job(folder, output, model="model"):
    listed_images = read_listed_images(folder / "listing.csv")
    return FrontalityJob(
        listed_images, RECIPE, 3, folder / model, folder / "outliers", folder / "work", folder / output
    )


def test_a_head_is_fitted_again_alike_and_leaves_the_embeddings_as_they_were(folder):
    first, again = (fit_frontality(job(folder, name)) for name in ("first", "again"))
    pictures = [picture(1), stripes(0)]
    before, after = (open_forward(folder / name)(pictures) for name in ("model", "first"))

    assert first.weights_sha256 == again.weights_sha256
    assert np.array_equal(before, after[:, :-1])
    assert first.architecture.frontality == 4
    assert first.provenance["frontality"]["images"] == {
        "radiographs": 8,
        "stripes": 12,
        "inverted": 4,
        "turned": 4,
        "shuffled": 4,
        "scrambled": 4,
        "detail": 4,
    }
    # Half a radiograph of eight is refused by the quantile at most: all but one lie at 0.5 or above.
    tune = [file.file.path for file in read_listed_images(folder / "listing.csv") if file.split == "tune"]
    rows = open_forward(folder / "first")([np.asarray(Image.open(path).convert("L")) for path in tune])
    assert (rows[:, -1] >= 0.5 - 1e-3).sum() >= 7


def test_the_bands_of_a_model_with_its_head_are_measured_on_the_tune_part(folder, monkeypatch):
    measured = []
    monkeypatch.setattr(
        fit, "certify_bands", lambda manifest, path, pixels, _: measured.append((path, pixels.shape)) or manifest
    )
    fit_frontality(job(folder, "banded"))

    assert measured == [(folder / "banded", (8, SMALL.height, SMALL.width))]


def test_the_command_writes_a_model_in_place_of_its_own_head(folder):
    fit_frontality(job(folder, "headed"))
    names = ["--outliers", "outliers", "--output", "renewed", "--work", "work", "--recipe", "recipe.yaml"]
    paths = [item if item.startswith("--") else str(folder / item) for item in names]
    result = CliRunner().invoke(
        app, ["train", "frontality", str(folder / "headed"), str(folder / "listing.csv"), *paths, "--seed", "3"]
    )

    assert result.exit_code == 0, result.output
    assert (
        load_model(folder / "renewed").manifest.weights_sha256 == load_model(folder / "headed").manifest.weights_sha256
    )


def test_a_model_that_pools_nothing_is_refused(folder):
    save_model(folder / "other", ModelKind.VERIFICATION, SHAPE, SMALL, build_network(SHAPE).state_dict(), {})
    with pytest.raises(ModelError, match="embedder"):
        fit_frontality(job(folder, "none", "other"))
