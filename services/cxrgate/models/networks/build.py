"""From a network's shape to the network."""

from __future__ import annotations

from typing import overload

from torch import nn

from cxrgate.models.networks.architectures import (
    Architecture,
    EmbedderArchitecture,
    ResidualEmbedderArchitecture,
    RetrievalArchitecture,
    VerificationArchitecture,
)
from cxrgate.models.networks.embedder import Embedder
from cxrgate.models.networks.published import SiameseNetwork, retrieval_network
from cxrgate.models.networks.residual_embedder import ResidualEmbedder


@overload
def build_network(architecture: RetrievalArchitecture) -> nn.Sequential: ...
@overload
def build_network(architecture: VerificationArchitecture) -> SiameseNetwork: ...
@overload
def build_network(architecture: EmbedderArchitecture) -> Embedder: ...
@overload
def build_network(architecture: ResidualEmbedderArchitecture) -> ResidualEmbedder: ...


def build_network(architecture: Architecture) -> nn.Module:
    """The untrained network of that shape."""
    match architecture:
        case RetrievalArchitecture():
            return retrieval_network(architecture)
        case VerificationArchitecture():
            return SiameseNetwork(architecture)
        case EmbedderArchitecture():
            return Embedder(architecture)
        case ResidualEmbedderArchitecture():
            return ResidualEmbedder(architecture)
