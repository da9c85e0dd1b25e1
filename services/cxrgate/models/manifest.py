"""A model folder: `model.json` (architecture, preprocessing, dtype, digest, provenance) and `weights.safetensors`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from cxrgate.core import BAND, ModelError
from cxrgate.core.digest import bytes_digest, file_digest, mapping_digest
from cxrgate.core.json_text import MALFORMED, parse_json
from cxrgate.core.spaces import COPY, COSINE_SPACES
from cxrgate.models.networks.architectures import (
    Architecture,
    EmbedderArchitecture,
    ResidualEmbedderArchitecture,
    RetrievalArchitecture,
    VerificationArchitecture,
)
from cxrgate.models.preprocess import Fit, Interpolation, Preprocessing
from cxrgate.storage.regular_file import read_regular_file

MANIFEST = "model.json"
WEIGHTS = "weights.safetensors"
FORMAT = 1

Item = TypeVar("Item")


class ModelKind(StrEnum):
    """What a model is for: finding the patient, judging whether it is the same, finding the picture."""

    RETRIEVAL = "retrieval"
    VERIFICATION = "verification"
    COPY = COPY.name

    @property
    def finds_pictures(self) -> bool:
        """Whether it is the model of a cosine space: it tells images apart, not patients, and has a threshold."""
        return self.value in {space.name for space in COSINE_SPACES}


def by_space(found: Mapping[ModelKind, Item]) -> dict[str, Item]:
    """What belongs to the models of the cosine spaces, by the name of the space; one without a model is not there."""
    return {space.name: item for space in COSINE_SPACES for kind, item in found.items() if kind.value == space.name}


class Dtype(StrEnum):
    """What a model computes in."""

    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"
    FLOAT16 = "float16"


BANDS = {Dtype.FLOAT32: BAND, Dtype.BFLOAT16: 0.45, Dtype.FLOAT16: 0.06}
"""How far a dtype may move a number of a model that was not measured; see core.policy.Policy.band.

Above the widest bands that were measured on a model of this project, each with its margin (models.band): in bfloat16
0.425 (a retrieval model shipped before this one, the standout's cohort included; today's have 0.337, 0.241 and
0.058), in float16 0.022 (another, before the cohort was counted). Where both dtypes were measured on a model, float16
had 0.138 times the band of bfloat16 or less: of 0.425 that is 0.059. A model may still move further than any seen so
far: `cxrgate model band` measures it."""

NETWORKS: dict[str, type[Architecture]] = {
    "packhaeuser-retrieval": RetrievalArchitecture,
    "packhaeuser-verification": VerificationArchitecture,
    "embedder": EmbedderArchitecture,
    "residual-embedder": ResidualEmbedderArchitecture,
}
"""The networks by the name that manifests and recipes use."""

_KINDS: dict[type[Architecture], tuple[ModelKind, ...]] = {
    RetrievalArchitecture: (ModelKind.RETRIEVAL, ModelKind.VERIFICATION),
    ResidualEmbedderArchitecture: (ModelKind.RETRIEVAL, ModelKind.VERIFICATION),
    VerificationArchitecture: (ModelKind.VERIFICATION,),
    EmbedderArchitecture: tuple(ModelKind),
}
"""What a network can be used for: any embedder verifies by its cosine, only a calibrated one finds copies."""


@dataclass(frozen=True, slots=True)
class ModelManifest:
    """What a model is. `provenance` tells where the weights come from and takes no part in the digest.

    `threshold` is the similarity from which a copy model calls two images copies, chosen on data that it was not
    trained on; None for the other kinds. `bands` are those of 16-bit dtypes as measured on this model; see band. They
    are no part of the digest, but the policy's digest covers the band that it decides with.
    """

    name: str
    kind: ModelKind
    architecture: Architecture
    preprocessing: Preprocessing
    dtype: Dtype
    weights_sha256: str
    threshold: float | None = None
    provenance: Mapping[str, Any] = field(default_factory=dict)
    bands: Mapping[Dtype, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.kind not in _KINDS[type(self.architecture)]:
            raise ValueError(f"expected a network for {self.kind}, got {network_name(self.architecture)}")
        if self.architecture.outputs > self.architecture.embedding and self.kind is not ModelKind.RETRIEVAL:
            raise ValueError(f"expected frontality from a retrieval model, got it from a {self.kind} model")
        if not all(BAND <= band < 1 for band in self.bands.values()):
            raise ValueError(f"expected bands of {BAND} to 1, got {dict(self.bands)}")
        if (self.threshold is not None) != self.kind.finds_pictures:
            raise ValueError(f"expected a threshold with a copy model and with no other, got {self.threshold}")

    @property
    def digest(self) -> str:
        """Sha256 over everything that an output depends on: weights, architecture, preprocessing, dtype."""
        parts = self.to_json()
        return mapping_digest(
            {key: parts[key] for key in ("kind", "architecture", "preprocessing", "dtype", "weights")}
        )

    @property
    def band(self) -> float:
        """How far the dtype may move a number of this model: as measured, else what BANDS says."""
        return self.bands.get(self.dtype, BANDS[self.dtype])

    def to_json(self) -> dict[str, Any]:
        """The manifest as it is written, without the digest."""
        return {
            "format": FORMAT,
            "name": self.name,
            "kind": self.kind.value,
            "architecture": {"network": network_name(self.architecture), **_sizes(self.architecture)},
            "preprocessing": asdict(self.preprocessing),
            "dtype": self.dtype.value,
            "weights": self.weights_sha256,
            "threshold": self.threshold,
            # Not named where nothing was measured, as in older manifests.
            **({"bands": {dtype.value: band for dtype, band in self.bands.items()}} if self.bands else {}),
            "provenance": dict(self.provenance),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> ModelManifest:
        """Read what `to_json` wrote; KeyError, TypeError or ValueError where it does not fit."""
        if value["format"] != FORMAT:
            raise ValueError(f"expected format {FORMAT}, got {value['format']}")
        return cls(
            name=str(value["name"]),
            kind=ModelKind(value["kind"]),
            architecture=make_architecture(value["architecture"]),
            preprocessing=make_preprocessing(value["preprocessing"]),
            dtype=Dtype(value["dtype"]),
            weights_sha256=str(value["weights"]),
            threshold=None if value["threshold"] is None else float(value["threshold"]),
            provenance=dict(value["provenance"]),
            bands={Dtype(name): float(band) for name, band in value.get("bands", {}).items()},
        )


def network_name(architecture: Architecture) -> str:
    """The key in NETWORKS."""
    return next(name for name, network in NETWORKS.items() if isinstance(architecture, network))


def _sizes(architecture: Architecture) -> dict[str, Any]:
    """Its fields; a head that a network lacks is not named, so that networks older than that head keep their digest."""
    later = {("frontality", 0), ("cohort", 0)}
    return {name: size for name, size in asdict(architecture).items() if (name, size) not in later}


def make_architecture(value: Mapping[str, Any]) -> Architecture:
    """An architecture from its `network` and its sizes; KeyError, TypeError or ValueError where it does not fit."""
    return NETWORKS[value["network"]](**{name: size for name, size in value.items() if name != "network"})


def make_preprocessing(value: Mapping[str, Any]) -> Preprocessing:
    """A preprocessing from its parts; KeyError, TypeError or ValueError where it does not fit."""
    red, green, blue = (float(number) for number in value["mean"])
    deviations = tuple(float(number) for number in value["std"])
    return Preprocessing(
        height=int(value["height"]),
        width=int(value["width"]),
        fit=Fit(value["fit"]),
        interpolation=Interpolation(value["interpolation"]),
        mean=(red, green, blue),
        std=(deviations[0], deviations[1], deviations[2]),
    )


def write_manifest(folder: Path, manifest: ModelManifest) -> None:
    """Write `model.json`."""
    content = {**manifest.to_json(), "digest": manifest.digest}
    (folder / MANIFEST).write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def read_manifest(folder: Path) -> ModelManifest:
    """Read `model.json` and check that digest and weights are those that it names.

    Raises:
        ModelError: a file is missing, malformed, or its digest differs.
    """
    try:
        value = parse_json(read_regular_file(folder / MANIFEST))
        manifest = ModelManifest.from_json(value)
        stated = value["digest"]
    except FileNotFoundError as error:
        raise ModelError(f"{folder.absolute()} is no model folder: it has no {MANIFEST}") from error
    except (OSError, *MALFORMED) as error:
        raise ModelError(f"{folder / MANIFEST}: {error}") from error
    if stated != manifest.digest:
        raise ModelError(f"{folder}: the manifest has the digest {manifest.digest} and states {stated}: it was changed")
    weights = folder / WEIGHTS
    _expect_named(weights, manifest, file_digest(weights) if weights.is_file() else "no file")
    return manifest


def read_weights(folder: Path, manifest: ModelManifest) -> bytes:
    """The content of the weights' file, read once: what is checked is what is computed with, whoever writes meanwhile.

    Raises:
        ModelError: it cannot be read, or its sha256 is not the one that the manifest names.
    """
    weights = folder / WEIGHTS
    try:
        content = weights.read_bytes()
    except OSError as error:
        raise ModelError(f"{weights} cannot be read: {error.strerror}") from error
    _expect_named(weights, manifest, bytes_digest(content))
    return content


def _expect_named(weights: Path, manifest: ModelManifest, found: str) -> None:
    if found != manifest.weights_sha256:
        raise ModelError(
            f"{weights}: the sha256 is {found}, the manifest names {manifest.weights_sha256}. Get the model again"
        )
