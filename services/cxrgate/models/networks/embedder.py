"""An embedder on a light trunk: pooled maps of several depths, one projection, unit length.

Where something lies matters as much as what it is (a rib, the heart's border), so maps of the middle blocks are pooled
to a coarse grid rather than to one number, as in Packhäuser's retrieval head.
"""

from __future__ import annotations

import math
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from cxrgate.models.networks.architectures import EmbedderArchitecture
from cxrgate.models.networks.lite import EfficientNetLite


class FrontalityHead(nn.Module):
    """What is pooled, float[n, pooled], to how surely each image is a frontal chest radiograph, float[n, 1]."""

    def __init__(self, pooled: int, units: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(pooled, units)
        self.out = nn.Linear(units, 1)

    def forward(self, pooled: Tensor) -> Tensor:
        """In 0 to 1."""
        return torch.sigmoid(self.logits(pooled))

    def logits(self, pooled: Tensor) -> Tensor:
        """Before the sigmoid: what training sees."""
        return cast("Tensor", self.out(functional.relu(self.hidden(pooled))))


class Embedder(nn.Module):
    """float[n, 3, h, w] to float[n, outputs], the embedding of unit length.

    `centre` and `spread` bring what is pooled from different depths to one scale. `whiten` makes what differs
    between the images of one patient small in every direction alike (within-class covariance normalisation, Hatch et
    al. 2006). The whitened projection and the discriminants weigh the same: the cosine of two images is the mean of
    both parts' cosines. `calibration` and, where there is one, `cohort` turn a cosine into a score; see core.heads.
    With a head for frontality, in 0 to 1, that is one more number behind the embedding.
    """

    centre: Tensor
    spread: Tensor
    calibration: Tensor
    cohort: Tensor | None

    def __init__(self, shape: EmbedderArchitecture) -> None:
        super().__init__()
        self.taps = shape.taps
        self.trunk = EfficientNetLite(shape.trunk)
        self.grid = nn.AdaptiveAvgPool2d(shape.pool)
        self.point = nn.AdaptiveAvgPool2d(1)
        self.register_buffer("centre", torch.zeros(shape.pooled))
        self.register_buffer("spread", torch.ones(shape.pooled))
        self.project = nn.Linear(shape.pooled, shape.dimensions)
        self.whiten = nn.Linear(shape.dimensions, shape.dimensions)
        nn.init.eye_(self.whiten.weight)
        nn.init.zeros_(self.whiten.bias)
        self.discriminate = nn.Linear(shape.pooled, shape.discriminants) if shape.discriminants else None
        self.frontality = FrontalityHead(shape.pooled, shape.frontality) if shape.frontality else None
        self.register_buffer("calibration", torch.tensor([10.0, -5.0]))
        self.register_buffer("cohort", torch.zeros(shape.cohort, shape.embedding) if shape.cohort else None)

    def pooled(self, x: Tensor) -> Tensor:
        """The numbers before the projection, float[n, pooled]."""
        maps = self.trunk(x)
        parts = [self.grid(maps[tap]).flatten(1) for tap in self.taps]
        return torch.cat([*parts, self.point(maps[-1]).flatten(1)], 1)

    def forward(self, x: Tensor) -> Tensor:
        """The rows."""
        pooled = self.pooled(x)
        embedding = self.embedded(pooled)
        return embedding if self.frontality is None else torch.cat([embedding, self.frontality(pooled)], 1)

    def embedded(self, pooled: Tensor) -> Tensor:
        """The embedding of pooled numbers, float[n, embedding]."""
        learned = functional.normalize(self.whiten(self.directed(pooled)), dim=1)
        if self.discriminate is None:
            return learned
        return torch.cat([learned, functional.normalize(self.discriminate(pooled), dim=1)], 1) / math.sqrt(2)

    def direction(self, x: Tensor) -> Tensor:
        """The projection at unit length, float[n, dimensions]: what the loss sees, before whitening."""
        return self.directed(self.pooled(x))

    def directed(self, pooled: Tensor) -> Tensor:
        """The projection of pooled numbers at unit length, float[n, dimensions]."""
        return functional.normalize(self.project((pooled - self.centre) / self.spread), dim=1)
