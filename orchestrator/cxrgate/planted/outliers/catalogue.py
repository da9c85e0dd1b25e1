"""Images that are no frontal chest radiograph, by named sources: what a gate is shown to see that it answers none.

No model was fitted to any of these sources: the outliers that the outlier head was fitted to are others, named in the
retrieval model's manifest.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from cxrgate.planted.outliers.drawn import drawings, gradients, noises, text_pages
from cxrgate.planted.outliers.samples import medical_samples, photographs

Outlier = tuple[str, str, NDArray[np.uint8]]
"""The source, a name within it, and the pixels, uint8[height, width]."""

SEED = 20261125


def outliers() -> Iterator[Outlier]:
    """More than 300 images, the same ones on every call.

    Raises:
        UsageError: scikit-image, of the extra `audit`, is not installed.
    """
    random = np.random.default_rng(SEED)
    makers = (photographs, medical_samples, text_pages, drawings, noises, gradients)
    return chain.from_iterable(maker(random) for maker in makers)
