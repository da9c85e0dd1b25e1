"""The retrieval and verification networks: architecture, preprocessing, storage, import and local inference."""

from cxrgate.models.checkpoint import PRESETS, import_checkpoint
from cxrgate.models.heads import CalibratedCosineHead, CosineHead, Head, SiameseHead
from cxrgate.models.local import LocalEmbedder, LocalVerifier, copy_threshold, make_descriptors
from cxrgate.models.manifest import (
    BANDS,
    Dtype,
    ModelKind,
    ModelManifest,
    make_architecture,
    make_preprocessing,
    read_manifest,
)
from cxrgate.models.networks.embedder import Embedder, EmbedderArchitecture
from cxrgate.models.networks.published import (
    Architecture,
    RetrievalArchitecture,
    SiameseNetwork,
    VerificationArchitecture,
)
from cxrgate.models.networks.trunks import TRUNKS
from cxrgate.models.preprocess import Fit, Interpolation, Preprocessing
from cxrgate.models.runtimes.allocator import keep_freed_memory
from cxrgate.models.runtimes.forward import Forward
from cxrgate.models.store import StoredModel, cast_model, load_model, save_model

__all__ = [
    "BANDS",
    "PRESETS",
    "TRUNKS",
    "Architecture",
    "CalibratedCosineHead",
    "CosineHead",
    "Dtype",
    "Embedder",
    "EmbedderArchitecture",
    "Fit",
    "Forward",
    "Head",
    "Interpolation",
    "LocalEmbedder",
    "LocalVerifier",
    "ModelKind",
    "ModelManifest",
    "Preprocessing",
    "RetrievalArchitecture",
    "SiameseHead",
    "SiameseNetwork",
    "StoredModel",
    "VerificationArchitecture",
    "cast_model",
    "copy_threshold",
    "import_checkpoint",
    "keep_freed_memory",
    "load_model",
    "make_architecture",
    "make_descriptors",
    "make_preprocessing",
    "read_manifest",
    "save_model",
]
