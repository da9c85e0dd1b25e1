"""Types, errors, ports, policy and digests: numpy and the standard library only."""

from cxrgate.core.errors import (
    CertificateError,
    CxrgateError,
    ImageError,
    MismatchError,
    ModelError,
    SnapshotCorrupt,
    SnapshotError,
    UsageError,
)
from cxrgate.core.policy import BAND, Policy
from cxrgate.core.types import (
    Candidates,
    Decision,
    Descriptors,
    Evidence,
    Failure,
    GreyImage,
    ImageRecord,
    MediaType,
    Outcome,
    Space,
    Stage,
    Verdict,
)

__all__ = [
    "BAND",
    "Candidates",
    "CertificateError",
    "CxrgateError",
    "Decision",
    "Descriptors",
    "Evidence",
    "Failure",
    "GreyImage",
    "ImageError",
    "ImageRecord",
    "MediaType",
    "MismatchError",
    "ModelError",
    "Outcome",
    "Policy",
    "SnapshotCorrupt",
    "SnapshotError",
    "Space",
    "Stage",
    "UsageError",
    "Verdict",
]
