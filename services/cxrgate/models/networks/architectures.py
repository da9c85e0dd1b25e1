"""The networks' shapes: what a manifest or a recipe names. Building one needs torch; see build.build_network."""

from __future__ import annotations

from dataclasses import dataclass

RESIDUAL_TRUNKS = ("resnet10", "resnet18", "resnet34", "resnet50")
"""The trunks of the published networks; trunks.build_trunk makes them."""
LITE_TRUNK = "efficientnet-lite0"

LITE_STAGES = (
    # expansion, channels, blocks, stride, kernel
    (1, 16, 1, 1, 3),
    (6, 24, 2, 2, 3),
    (6, 40, 2, 2, 5),
    (6, 80, 3, 2, 3),
    (6, 112, 3, 1, 5),
    (6, 192, 4, 2, 5),
    (6, 320, 1, 1, 3),
)
HEAD_CHANNELS = 1280
BLOCK_CHANNELS = tuple(channels for _, channels, blocks, _, _ in LITE_STAGES for _ in range(blocks))
"""Channels that leave each of the 16 blocks of EfficientNet-Lite0."""


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
    """Trunk, tapped blocks (0 to 15), the side of the grid they are pooled to, and numbers per image.

    `dimensions` come from the projection that training makes, `discriminants` from a linear discriminant analysis of
    what is pooled, fitted afterwards; 0 without. `frontality` is the number of hidden units that tell frontal chest
    radiographs from everything else, fitted afterwards too; 0 without.
    """

    trunk: str = LITE_TRUNK
    taps: tuple[int, ...] = (4, 10)
    pool: int = 4
    dimensions: int = 256
    discriminants: int = 0
    frontality: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "taps", tuple(self.taps))
        sizes = min(self.pool, self.dimensions) > 0 and min(self.discriminants, self.frontality) >= 0
        if self.trunk != LITE_TRUNK or not sizes:
            raise ValueError(f"expected the trunk {LITE_TRUNK} and positive sizes, got {self}")
        if not set(self.taps) <= set(range(len(BLOCK_CHANNELS))):
            raise ValueError(f"expected taps of 0 to {len(BLOCK_CHANNELS) - 1}, got {self.taps}")

    @property
    def pooled(self) -> int:
        """Numbers per image before the projection."""
        return sum(BLOCK_CHANNELS[tap] for tap in self.taps) * self.pool**2 + HEAD_CHANNELS

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
