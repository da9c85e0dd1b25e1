"""The networks' shapes: what a manifest or a recipe names. Building one needs torch; see build.build_network."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from cxrgate.core.heads import USUAL

RESIDUAL_TRUNKS = ("resnet10", "resnet18", "resnet34", "resnet50")
"""The trunks of the published networks; trunks.build_trunk makes them."""
LITE_TRUNKS = {"efficientnet-lite0": (1.0, 1.0), "efficientnet-lite1": (1.0, 1.1), "efficientnet-lite2": (1.1, 1.2)}
"""The trunks of an embedder, each with how much wider and deeper than the first it is."""
HEAD_CHANNELS = 1280
"""Channels that leave a trunk; no trunk is wider there."""
_MULTIPLE = 8


class LiteStage(NamedTuple):
    """Like blocks of an EfficientNet-Lite; the first of them has the stride."""

    expansion: int
    channels: int
    blocks: int
    stride: int
    kernel: int


_LITE0 = (
    LiteStage(1, 16, 1, 1, 3),
    LiteStage(6, 24, 2, 2, 3),
    LiteStage(6, 40, 2, 2, 5),
    LiteStage(6, 80, 3, 2, 3),
    LiteStage(6, 112, 3, 1, 5),
    LiteStage(6, 192, 4, 2, 5),
    LiteStage(6, 320, 1, 1, 3),
)


@cache
def lite_stages(trunk: str) -> tuple[LiteStage, ...]:
    """The stages of a trunk of LITE_TRUNKS; the first and the last have one block in each of them (Tan and Le 2019)."""
    width, depth = LITE_TRUNKS[trunk]
    inner = range(1, len(_LITE0) - 1)
    return tuple(
        stage._replace(
            channels=round(stage.channels * width / _MULTIPLE) * _MULTIPLE,
            blocks=math.ceil(stage.blocks * depth) if number in inner else stage.blocks,
        )
        for number, stage in enumerate(_LITE0)
    )


@cache
def block_channels(trunk: str) -> tuple[int, ...]:
    """Channels that leave each block of a trunk of LITE_TRUNKS: 16 blocks of EfficientNet-Lite0, 21 of the others."""
    return tuple(stage.channels for stage in lite_stages(trunk) for _ in range(stage.blocks))


@dataclass(frozen=True, slots=True)
class RetrievalArchitecture:
    """Trunk and head of the retrieval network; the defaults are the published ones (34,231,248 parameters)."""

    trunk: str = "resnet50"
    pool: int = 5
    bottleneck: int = 100
    hidden: int = 2048
    dimensions: int = 128

    def __post_init__(self) -> None:
        _check_published(self.trunk, self.pool, self.bottleneck, self.hidden, self.dimensions)

    @property
    def outputs(self) -> int:
        """Numbers per image."""
        return self.dimensions

    @property
    def embedding(self) -> int:
        """How many of them are the embedding: all."""
        return self.dimensions


@dataclass(frozen=True, slots=True)
class VerificationArchitecture:
    """Trunk and width of the Siamese network; the defaults are the published ones (23,770,433 parameters)."""

    trunk: str = "resnet50"
    dimensions: int = 128

    def __post_init__(self) -> None:
        _check_published(self.trunk, self.dimensions)

    @property
    def outputs(self) -> int:
        """Numbers per image."""
        return self.dimensions

    @property
    def embedding(self) -> int:
        """How many of them are the embedding: all."""
        return self.dimensions


@dataclass(frozen=True, slots=True)
class EmbedderArchitecture:
    """Trunk, tapped blocks (counted from 0), the side of the grid they are pooled to, and numbers per image.

    `dimensions` come from the projection that training makes, `discriminants` from a linear discriminant analysis of
    what is pooled, fitted afterwards; 0 without. `frontality` is the number of hidden units that tell frontal chest
    radiographs from everything else, fitted afterwards too; 0 without. `cohort` is the number of centroids that a
    cosine is held against (heads.CohortCosineHead); 0 without.
    """

    trunk: str = "efficientnet-lite0"
    taps: tuple[int, ...] = (4, 10)
    pool: int = 4
    dimensions: int = 256
    discriminants: int = 0
    frontality: int = 0
    cohort: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "taps", tuple(self.taps))
        sizes = min(self.pool, self.dimensions) > 0 and min(self.discriminants, self.frontality) >= 0
        if self.cohort and self.cohort < USUAL:
            raise ValueError(f"expected no cohort or one of {USUAL} centroids or more, got {self.cohort}")
        if self.trunk not in LITE_TRUNKS or not sizes:
            raise ValueError(f"expected a trunk of {', '.join(LITE_TRUNKS)} and positive sizes, got {self}")
        blocks = len(block_channels(self.trunk))
        if not set(self.taps) <= set(range(blocks)):
            raise ValueError(f"expected taps of 0 to {blocks - 1}, got {self.taps}")

    @property
    def pooled(self) -> int:
        """Numbers per image before the projection."""
        return sum(block_channels(self.trunk)[tap] for tap in self.taps) * self.pool**2 + HEAD_CHANNELS

    @property
    def embedding(self) -> int:
        """Numbers of the embedding."""
        return self.dimensions + self.discriminants

    @property
    def outputs(self) -> int:
        """Numbers per image: the embedding and, where the network tells it, the frontality."""
        return self.embedding + (1 if self.frontality else 0)


@dataclass(frozen=True, slots=True)
class ResidualEmbedderArchitecture:
    """Trunk, units of the layer before the last (0 without that layer), and numbers per image.

    The defaults are those of Bausch's Few-Shot-Fingerprinting for its ResNet-50.
    """

    trunk: str = "resnet50"
    hidden: int = 1000
    dimensions: int = 128

    def __post_init__(self) -> None:
        _check_published(self.trunk, self.dimensions)
        if self.hidden < 0:
            raise ValueError(f"expected no or some hidden units, got {self.hidden}")

    @property
    def outputs(self) -> int:
        """Numbers per image."""
        return self.dimensions

    @property
    def embedding(self) -> int:
        """How many of them are the embedding: all."""
        return self.dimensions


Architecture = RetrievalArchitecture | VerificationArchitecture | EmbedderArchitecture | ResidualEmbedderArchitecture


def _check_published(trunk: str, *sizes: int) -> None:
    if trunk not in RESIDUAL_TRUNKS:
        raise ValueError(f"expected a trunk of {', '.join(RESIDUAL_TRUNKS)}, got {trunk!r}")
    if min(sizes) < 1:
        raise ValueError(f"expected positive sizes, got {', '.join(map(str, sizes))}")
