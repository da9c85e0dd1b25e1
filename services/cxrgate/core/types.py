"""What flows between the stages. Arrays inside, objects between.

    source -ImageRecord-> decode -GreyImage-> embed -Descriptors-> search -Candidates-> verify -Evidence->
    policy -Verdict-> sink

Any stage may turn one item into a `Failure`. Every object is frozen and valid once it is constructed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from cxrgate.core.digest import pixel_digest
from cxrgate.core.keypoints import ROW_BYTES
from cxrgate.core.spaces import COSINE_SPACES, IDENTITY
from cxrgate.core.standout import Cohort

Float32s = NDArray[np.float32]
Float64s = NDArray[np.float64]


class Decision(StrEnum):
    """What is said of one synthetic image. Only ANONYMOUS is ever released."""

    ANONYMOUS = "ANONYMOUS"
    NOT_ANONYMOUS = "NOT_ANONYMOUS"
    INDETERMINATE = "INDETERMINATE"


class Stage(StrEnum):
    """Where an item failed."""

    READ = "read"
    DECODE = "decode"
    EMBED = "embed"
    SEARCH = "search"
    VERIFY = "verify"


class MediaType(StrEnum):
    """The encodings that are read."""

    PNG = "PNG"
    JPEG = "JPEG"
    DICOM = "DICOM"
    TIFF = "TIFF"
    BMP = "BMP"
    WEBP = "WEBP"
    JPEG2000 = "JPEG2000"
    NPY = "NPY"


@dataclass(frozen=True, slots=True)
class ImageRecord:
    """One encoded image on its way in.

    `image_id` names it among the images of a run; `label` is its class folder ("" without one);
    `declared` is the encoding that its sender claims, checked against the content; `value_range` says what the
    floats of an array call black and white.
    """

    image_id: str
    content: bytes = field(repr=False)
    label: str = ""
    declared: MediaType | None = None
    value_range: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class GreyImage:
    """A decoded image: uint8[height, width], 0 black. `colour` records that channels which differed were joined."""

    image_id: str
    pixels: NDArray[np.uint8] = field(repr=False)
    colour: bool = False

    def __post_init__(self) -> None:
        if self.pixels.ndim != 2 or self.pixels.dtype != np.uint8:
            raise ValueError(f"expected uint8[height, width], got {self.pixels.dtype}{list(self.pixels.shape)}")

    @property
    def digest(self) -> str:
        """Sha256 of the shape and the pixels, in hex."""
        return pixel_digest(self.pixels)


@dataclass(frozen=True, slots=True, eq=False)
class Descriptors:
    """What search needs of one image: float32[d] per space, and the layout, float32[64], for typicality.

    `spaces` holds by name the retrieval embedding of identity (Euclidean) and the descriptor of each space of
    core.spaces (cosine); a copy descriptor may be two in one row (images.join_copies). `frontality`, in 0 to 1, is how
    surely the retrieval model takes the image for a frontal chest radiograph; None where the model does not say.
    `keypoints` is the image's row of them, uint8[ROW_BYTES] (see core.keypoints); None where nobody asks for matches.
    """

    image_id: str
    spaces: Mapping[str, Float32s] = field(repr=False)
    layout: Float32s = field(repr=False)
    frontality: float | None = None
    keypoints: NDArray[np.uint8] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        for name in (IDENTITY, *(space.name for space in COSINE_SPACES)):
            _check_finite(name, self.spaces[name])
        _check_finite("layout", self.layout)
        row = self.keypoints
        if row is not None and (row.dtype != np.uint8 or row.shape != (ROW_BYTES,)):
            raise ValueError(f"expected uint8[{ROW_BYTES}] as keypoints, got {row.dtype}{list(row.shape)}")


def _check_finite(name: str, values: Float32s) -> None:
    if values.ndim != 1 or values.dtype != np.float32 or not np.isfinite(values).all():
        raise ValueError(f"expected finite float32[d] as {name}, got {values.dtype}{list(values.shape)}")


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """The references that one image is compared with: the union of all spaces' nearest, m of them.

    `distances` (identity, Euclidean) and `similarities` (cosine, by name of the space) hold the value of every
    candidate, whichever space it came from; `features` are the stored f(x) that verification needs, float32[m, d].
    `typicality` is the cosine of the image's layout and the references' mean layout, `frontality` that of the image's
    descriptors. `cohort` sums up the most similar other patients; None where the search did not say. `matches`,
    int64[m], counts the keypoints of the image that one similarity transform takes to the candidate's (core.matching);
    None where nobody asked or the search did not say.
    `nearest`, bool[l, m], marks which of them each list holds: that of the nearest in identity, then one per part of
    the descriptor of each other space that was searched, and last, where matches are asked for, that of the one with
    the most of them. None where the search did not say, and for what was recorded.
    """

    image_id: str
    reference_ids: tuple[str, ...]
    patient_keys: tuple[str, ...]
    distances: Float64s
    similarities: Mapping[str, Float64s]
    features: Float32s = field(repr=False)
    typicality: float
    frontality: float | None = None
    cohort: Cohort | None = None
    matches: NDArray[np.int64] | None = None
    nearest: NDArray[np.bool_] | None = None

    def __post_init__(self) -> None:
        count = len(self.reference_ids)
        cosines = [len(self.similarities[space.name]) for space in COSINE_SPACES]
        asked = [] if self.matches is None else [len(self.matches)]
        said = [] if self.nearest is None else [self.nearest.shape[1]]
        lengths = (len(self.patient_keys), len(self.distances), *cosines, len(self.features), *asked, *said)
        if count == 0 or any(length != count for length in lengths):
            raise ValueError(f"expected one or more candidates with equal columns, got {count} ids and {lengths}")


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """Everything a decision rests on: the candidates and the same-patient score of each, float64[m] in [0, 1]."""

    candidates: Candidates
    scores: Float64s

    @property
    def image_id(self) -> str:
        """The image that this is evidence of."""
        return self.candidates.image_id


@dataclass(frozen=True, slots=True, eq=False)
class Verdict:
    """A decision and why. `score` is the largest same-patient score, `similarities` the largest of each cosine space.

    `standout` is the largest standout, NaN where the policy does not ask for it, `matches` the most agreeing matches,
    None where nobody asked. All are maxima over the candidates, and so over the candidates' patients; `reasons` is
    empty when nothing stands against a release.
    """

    image_id: str
    decision: Decision
    reasons: tuple[str, ...]
    borderline: bool
    score: float
    similarities: Mapping[str, float]
    evidence: Evidence
    pixel_digest: str
    policy_digest: str
    standout: float = math.nan
    matches: int | None = None


_OWN = frozenset({"NONFINITE", "DECODER_ERROR"})
"""Reasons that come of the image again, though the fault is not in its bytes: a model or a decoder fails on it."""


@dataclass(frozen=True, slots=True)
class Failure:
    """One image that got no answer. `code` is a gRPC status name, `reason` UPPER_SNAKE, `message` safe to show."""

    image_id: str
    stage: Stage
    code: str
    reason: str
    message: str

    @property
    def decision(self) -> Decision:
        """A failure is never a pass."""
        return Decision.INDETERMINATE

    @property
    def is_host_fault(self) -> bool:
        """Whether the cause may be this host's or a server's and not the image's: another try may give an answer."""
        return self.code != "INVALID_ARGUMENT" and self.reason not in _OWN


Outcome = Verdict | Failure
