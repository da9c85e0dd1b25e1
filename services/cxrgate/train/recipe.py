"""A recipe: everything that a training depends on but its images. One YAML file, written into the model's manifest."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cxrgate.core import UsageError
from cxrgate.core.json_text import MALFORMED
from cxrgate.models import Architecture, ModelKind, Preprocessing, make_architecture, make_preprocessing
from cxrgate.storage.yaml_file import read_yaml
from cxrgate.train.augmentation import Augmentation

Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]


class Loss(StrEnum):
    """What training makes small."""

    CONTRASTIVE = "contrastive"
    """Contrastive loss with cross-batch memory (Packhäuser et al. 2022, retrieval)."""
    PAIRS = "pairs"
    """Binary cross-entropy of balanced pairs (Packhäuser et al. 2022, verification)."""
    NEIGHBOURS = "neighbours"
    """Supervised contrastive loss (Khosla et al. 2020) against the batch and a memory, within one source."""


class Initial(StrEnum):
    """What training starts from."""

    RANDOM = "random"
    IMAGENET = "imagenet"


class Optimizer(StrEnum):
    """The optimisers of the published recipes and of ours."""

    SGD = "sgd"
    ADAM = "adam"
    ADAMW = "adamw"


class Recipe(BaseModel):
    """See the fields; sizes are in images unless they say otherwise."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: ModelKind
    network: dict[str, Any]
    preprocessing: dict[str, Any]
    initial: Initial = Initial.RANDOM
    loss: Loss
    temperature: Positive = 0.08
    memory: Annotated[int, Field(ge=0)] = 1024
    """Embeddings of earlier batches, per source."""
    patients: Count = 32
    """Patients in a batch; for copies, images."""
    images: Annotated[int, Field(ge=2)] = 2
    """Images per patient in a batch."""
    several: Annotated[float, Field(ge=0, le=1)] = 1.0
    """Share of a batch's patients with two or more images; of the others one image is seen in several ways."""
    optimizer: Optimizer = Optimizer.ADAMW
    rate: Positive = 3e-4
    trunk_rate: Positive = 1e-4
    weight_decay: Annotated[float, Field(ge=0)] = 0.02
    warm_up: Count = 100
    """Steps until the full rate; a half cosine takes it to zero at the end."""
    steps: Count = 1500
    frozen_blocks: Annotated[int, Field(ge=0, le=21)] = 3
    average: Annotated[float, Field(ge=0, lt=1)] = 0.997
    """Decay of the moving average of the weights, which is what is kept; 0 keeps the last weights."""
    augmentation: Augmentation = Augmentation()

    @property
    def architecture(self) -> Architecture:
        """The network's sizes."""
        return make_architecture(self.network)

    @property
    def input(self) -> Preprocessing:
        """How an image becomes the network's input."""
        return make_preprocessing(self.preprocessing)


def read_recipe(path: Path) -> Recipe:
    """Read and check a recipe.

    Raises:
        UsageError: no such file, not YAML, a key that is unknown or missing, or a value out of range.
    """
    try:
        recipe = Recipe.model_validate(read_yaml(path))
        _check(recipe)
    except ValidationError as error:
        lines = [f"  {'.'.join(map(str, e['loc'])) or 'file'}: {e['msg']}" for e in error.errors()]
        raise UsageError("\n".join([f"{path} is no recipe:", *lines])) from error
    except MALFORMED as error:
        raise UsageError(f"{path}: its network or preprocessing cannot be made: {error}") from error
    return recipe


def _check(recipe: Recipe) -> None:
    """Raise unless architecture and input can be made and belong together."""
    if getattr(make_architecture(recipe.network), "cohort", 0):
        raise ValueError("expected no `cohort` in the network: it is fitted afterwards, leave it out")
    if recipe.input.height != recipe.input.width:
        raise ValueError(f"expected a square input, got {recipe.input.height} x {recipe.input.width}")
