"""The head that belongs to a network."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from cxrgate.core.heads import CalibratedCosineHead, CohortCosineHead, CosineHead, Head, SiameseHead
from cxrgate.models.networks.architectures import Architecture, EmbedderArchitecture, VerificationArchitecture


def make_head(architecture: Architecture, tensor: Callable[[str], NDArray[np.float64]]) -> Head:
    """The head that belongs to a network; `tensor` gives one of its tensors by name."""
    match architecture:
        case VerificationArchitecture():
            return SiameseHead(tensor("fc_end.weight")[0], float(tensor("fc_end.bias")[0]))
        case EmbedderArchitecture():
            slope, offset = tensor("calibration").tolist()
            if architecture.cohort:
                return CohortCosineHead(slope, offset, tensor("cohort").astype(np.float32))
            return CalibratedCosineHead(slope, offset)
        case _:
            return CosineHead()
