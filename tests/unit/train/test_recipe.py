from pathlib import Path

import pytest
import yaml
from support.training_sets import recipe

from cxrgate.core import UsageError
from cxrgate.models import ModelKind, RetrievalArchitecture, VerificationArchitecture
from cxrgate.models.presets import PRESETS
from cxrgate.train import read_recipe
from cxrgate.train.frontality.recipe import read_frontality_recipe
from cxrgate.train.recipe import Loss, Optimizer

RECIPES = Path(__file__).parents[3] / "model_store/recipes"


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_shipped_recipe_can_be_read(path):
    read = read_frontality_recipe if path.stem == "frontality" else read_recipe
    assert read(path).steps > 0


@pytest.mark.parametrize("kind", list(ModelKind))
def test_the_recipe_that_a_kind_has_by_default_is_of_that_kind(kind):
    assert read_recipe(RECIPES / f"{kind}.yaml").kind is kind


def test_the_published_retrieval_recipe_has_the_published_numbers():
    found = read_recipe(RECIPES / "packhaeuser-retrieval.yaml")
    assert found.architecture == RetrievalArchitecture()
    assert found.input == PRESETS["packhaeuser"][ModelKind.RETRIEVAL]
    assert (found.loss, found.memory, found.patients * found.images) == (Loss.CONTRASTIVE, 128, 32)
    assert (found.optimizer, found.rate, found.weight_decay) == (Optimizer.SGD, 0.158489, 1e-5)


def test_the_published_verification_recipe_has_the_published_numbers():
    found = read_recipe(RECIPES / "packhaeuser-verification.yaml")
    assert found.architecture == VerificationArchitecture()
    assert found.input == PRESETS["packhaeuser"][ModelKind.VERIFICATION]
    assert (found.loss, found.patients) == (Loss.PAIRS, 32)
    assert (found.optimizer, found.rate, found.weight_decay) == (Optimizer.ADAM, 1e-4, 0)


def _write(tmp_path, **changes):
    path = tmp_path / "recipe.yaml"
    path.write_text(yaml.safe_dump(recipe(Loss.PAIRS).model_dump(mode="json") | changes))
    return path


def test_what_is_written_is_read(tmp_path):
    assert read_recipe(_write(tmp_path)) == recipe(Loss.PAIRS)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"learning_rate": 1}, "learning_rate: Extra inputs are not permitted"),
        ({"rate": 0}, "rate: Input should be greater than 0"),
        ({"loss": "triplet"}, "loss: Input should be"),
        ({"augmentation": {"rotate": 3}}, "augmentation.rotate: Extra inputs"),
        ({"network": {"network": "vgg"}}, "network or preprocessing"),
        ({"network": {"network": "packhaeuser-verification", "trunk": "resnet7"}}, "expected a trunk of"),
        ({"preprocessing": {"height": 64}}, "network or preprocessing"),
        ({"network": {"network": "embedder", "cohort": 90}}, "leave it out"),
    ],
)
def test_a_wrong_recipe_is_refused_and_says_where(tmp_path, changes, message):
    with pytest.raises(UsageError, match=message):
        read_recipe(_write(tmp_path, **changes))


def test_an_input_that_is_not_square_is_refused(tmp_path):
    preprocessing = recipe(Loss.PAIRS).preprocessing | {"height": 64}
    with pytest.raises(UsageError, match="expected a square input, got 64 x 32"):
        read_recipe(_write(tmp_path, preprocessing=preprocessing))


@pytest.mark.parametrize("content", ["a: [", "\xff", None])
def test_what_is_no_yaml_file_is_refused(tmp_path, content):
    path = tmp_path / "recipe.yaml"
    if content is not None:
        path.write_bytes(content.encode("latin-1"))
    with pytest.raises(UsageError, match=r"recipe\.yaml is not a readable YAML file"):
        read_recipe(path)
