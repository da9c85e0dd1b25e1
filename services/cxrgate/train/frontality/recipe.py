"""How the head for frontality is fitted. One YAML file, written into the model's manifest."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cxrgate.core import UsageError
from cxrgate.storage.yaml_file import read_yaml
from cxrgate.train.augmentation import Augmentation

Count = Annotated[int, Field(ge=1)]


class OutlierPackage(BaseModel):
    """A published package with pictures that are no frontal chest radiograph, and the files that are left out."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: str
    licence: str
    without: tuple[str, ...] = ()


class FrontalityRecipe(BaseModel):
    """Everything that a fit depends on but its images and the model."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    units: Count = 32
    """Hidden units of the head."""
    steps: Count = 600
    batch: Count = 256
    rate: Annotated[float, Field(gt=0)] = 1e-3
    weight_decay: Annotated[float, Field(ge=0)] = 0.1
    per_source: Count = 900
    """Radiographs of one source, at most."""
    spoiled: Count = 250
    """Radiographs that are spoiled in each way."""
    views: Count = 900
    """Views of the pictures of one source, at most; 4 of each picture, more where there are fewer pictures."""
    refused: Annotated[float, Field(gt=0, lt=0.5)] = 0.001
    """Share of the radiographs of the tune part that lie below 0.5."""
    augmentation: Augmentation = Augmentation()
    packages: dict[str, OutlierPackage] = {}
    """Where the pictures come from, see outlier_packages.collect."""


def read_frontality_recipe(path: Path) -> FrontalityRecipe:
    """Read and check a recipe.

    Raises:
        UsageError: no such file, not YAML, a key that is unknown, or a value out of range.
    """
    try:
        return FrontalityRecipe.model_validate(read_yaml(path))
    except ValidationError as error:
        raise UsageError(f"{path} is no recipe for frontality: {error}") from error
