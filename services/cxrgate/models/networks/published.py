"""The two networks of Packhäuser et al. (Sci Rep 12:14851, 2022), with the published checkpoints' parameter names."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from cxrgate.models.networks.architectures import RetrievalArchitecture, VerificationArchitecture
from cxrgate.models.networks.trunks import build_trunk


def retrieval_network(shape: RetrievalArchitecture) -> nn.Sequential:
    """The untrained network: float[n, 3, h, w] to embeddings float[n, dimensions], not normalised."""
    trunk = build_trunk(shape.trunk)
    channels = trunk.fc.in_features
    return nn.Sequential(_Extractor(nn.Sequential(*list(trunk.children())[:-2])), _Head(channels, shape))


class _Extractor(nn.Module):
    def __init__(self, net: nn.Sequential) -> None:
        super().__init__()
        self.extractor_net = net

    def forward(self, x: Tensor) -> Tensor:
        return cast("Tensor", self.extractor_net(x))


class _Head(nn.Module):
    """Concatenated max and average pooling (max first), 1 x 1 bottleneck, two fully connected layers."""

    def __init__(self, channels: int, shape: RetrievalArchitecture) -> None:
        super().__init__()
        self.rows = 2 * shape.pool
        self.max_pool = nn.AdaptiveMaxPool2d(shape.pool)
        self.average_pool = nn.AdaptiveAvgPool2d(shape.pool)
        self.bottle_neck_conv = nn.Conv2d(channels, shape.bottleneck, 1, bias=False)
        flat = shape.bottleneck * self.rows * shape.pool
        self.first_fc = nn.Sequential(
            nn.Flatten(), nn.BatchNorm1d(flat), nn.Dropout(0.5), nn.Linear(flat, shape.hidden), nn.ReLU()
        )
        self.second_fc = nn.Sequential(
            nn.BatchNorm1d(shape.hidden), nn.Dropout(0.25), nn.Linear(shape.hidden, shape.dimensions)
        )

    def forward(self, x: Tensor) -> Tensor:
        pooled = torch.cat([self.max_pool(x), self.average_pool(x)], 1)
        # A view of the memory, as published: channels 2c and 2c + 1 come to lie above each other.
        stacked = pooled.contiguous().view(x.shape[0], -1, self.rows, pooled.shape[-1])
        return cast("Tensor", self.second_fc(self.first_fc(self.bottle_neck_conv(stacked))))


class SiameseNetwork(nn.Module):
    """score = sigmoid(fc_end(|f(a) - f(b)|)) with f(x) = sigmoid(trunk(x)): separable, so f is computed once."""

    def __init__(self, shape: VerificationArchitecture) -> None:
        super().__init__()
        self.model = build_trunk(shape.trunk)
        self.model.fc = nn.Linear(self.model.fc.in_features, shape.dimensions)
        self.fc_end = nn.Linear(shape.dimensions, 1)

    def features(self, x: Tensor) -> Tensor:
        """f(x): float[n, 3, h, w] to float[n, dimensions] in (0, 1)."""
        return torch.sigmoid(self.model(x))

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """The pairs' logits, float[n]: the pairwise form that training uses."""
        return self.compare(self.features(a), self.features(b))

    def compare(self, a: Tensor, b: Tensor) -> Tensor:
        """Logits float[n] of features float[n, dimensions]."""
        return cast("Tensor", self.fc_end((a - b).abs())).squeeze(1)
