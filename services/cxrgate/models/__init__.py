"""The retrieval and verification networks: architecture, preprocessing, storage, import and local inference.

What describes a model is re-exported, and loads no torch; what computes is imported from where it is defined.
"""

from cxrgate.models.manifest import (
    BANDS,
    Dtype,
    ModelKind,
    ModelManifest,
    by_space,
    make_architecture,
    make_preprocessing,
    read_manifest,
)
from cxrgate.models.networks.architectures import (
    Architecture,
    EmbedderArchitecture,
    ResidualEmbedderArchitecture,
    RetrievalArchitecture,
    VerificationArchitecture,
)
from cxrgate.models.preprocess import Fit, Interpolation, Preprocessing

__all__ = [
    "BANDS",
    "Architecture",
    "Dtype",
    "EmbedderArchitecture",
    "Fit",
    "Interpolation",
    "ModelKind",
    "ModelManifest",
    "Preprocessing",
    "ResidualEmbedderArchitecture",
    "RetrievalArchitecture",
    "VerificationArchitecture",
    "by_space",
    "make_architecture",
    "make_preprocessing",
    "read_manifest",
]
