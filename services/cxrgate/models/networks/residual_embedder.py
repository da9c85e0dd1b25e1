"""A residual network with a fully connected head as embedder, with the tensor names of torchvision's ResNet.

Bausch's re-identification model is one (Few-Shot-Fingerprinting, arXiv 2512.16685): 512 x 512 px to 128 numbers that
are compared by their cosine, so that the rows have unit length here.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from cxrgate.models.networks.architectures import ResidualEmbedderArchitecture
from cxrgate.models.networks.trunks import build_trunk

_TRUNK = ("conv1", "bn1", "relu", "maxpool", "layer1", "layer2", "layer3", "layer4", "avgpool")


class ResidualEmbedder(nn.Module):
    """float[n, 3, h, w] to float[n, dimensions] of unit length: trunk, fc and, behind a ReLU, embedding_layer."""

    def __init__(self, shape: ResidualEmbedderArchitecture) -> None:
        super().__init__()
        trunk = build_trunk(shape.trunk)
        for name in _TRUNK:
            self.add_module(name, trunk.get_submodule(name))
        self.fc = nn.Linear(trunk.fc.in_features, shape.hidden or shape.dimensions)
        self.embedding_layer = nn.Linear(shape.hidden, shape.dimensions) if shape.hidden else None

    def forward(self, x: Tensor) -> Tensor:
        """The rows."""
        for name in _TRUNK:
            x = self.get_submodule(name)(x)
        x = self.fc(torch.flatten(x, 1))
        if self.embedding_layer is not None:
            x = self.embedding_layer(functional.relu(x))
        return functional.normalize(x, dim=1)
