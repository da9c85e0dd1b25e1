"""What a network's trunk pools of the images of a listing: what everything behind a trunk is fitted to."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from cxrgate.core.progress import Progress, silent
from cxrgate.models import Preprocessing
from cxrgate.models.networks.embedder import Embedder
from cxrgate.train.inputs import normalise
from cxrgate.train.pixels import PixelSet

_BATCH = 32


@torch.inference_mode()
def pool(
    network: Embedder, preprocessing: Preprocessing, images: PixelSet, progress: Progress = silent, part: float = 1.0
) -> NDArray[np.float32]:
    """float32[n, pooled] of images that are of the network's input size.

    Args:
        network: in eval mode.
        preprocessing: of its model.
        images: n of them.
        progress: told "look at images", how many were looked at now, and of how many.
        part: how much of each side, about the middle, the network is shown, brought to the input's size again.
    """
    rows = []
    for start in range(0, len(images.pixels), _BATCH):
        pixels = torch.from_numpy(np.array(images.pixels[start : start + _BATCH])).unsqueeze(1).to(torch.float32) / 255
        rows.append(network.pooled(normalise(_middle(pixels, part), preprocessing)).numpy())
        progress("look at images", len(pixels), len(images.pixels))
    return np.concatenate(rows)


def _middle(x: torch.Tensor, part: float) -> torch.Tensor:
    side = x.shape[-1]
    edge = round(side * (1 - part) / 2)
    if not edge:
        return x
    cut = x[..., edge : side - edge, edge : side - edge]
    return functional.interpolate(cut, size=side, mode="bilinear", align_corners=False)
