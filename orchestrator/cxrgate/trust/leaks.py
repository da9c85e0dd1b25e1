"""The catalogue of planted leaks: every class that is a change of one enrolled image.

Two further classes are no such change: another radiograph of the same patient (`SAME_PATIENT`), which only a data set
has, and what an over-fitted generator draws of an enrolled image (`GENERATED`, see generator.py).
"""

from __future__ import annotations

from cxrgate.trust.leak import Leak
from cxrgate.trust.leaks_blend import BLEND
from cxrgate.trust.leaks_copies import MEDIUM_COPY, STRONG_COPY
from cxrgate.trust.leaks_detail import NOISE_BLUR
from cxrgate.trust.leaks_elastic import ELASTIC
from cxrgate.trust.leaks_encoding import IDENTICAL, RE_ENCODED
from cxrgate.trust.leaks_geometry import GEOMETRIC
from cxrgate.trust.leaks_intensity import INTENSITY
from cxrgate.trust.leaks_local import LOCAL_EDIT

SAME_PATIENT = "same_patient"
GENERATED = "generated"

LEAKS: tuple[Leak, ...] = (
    *IDENTICAL,
    *RE_ENCODED,
    *MEDIUM_COPY,
    *STRONG_COPY,
    *GEOMETRIC,
    *INTENSITY,
    *NOISE_BLUR,
    *LOCAL_EDIT,
    *BLEND,
    *ELASTIC,
)
CLASSES = (*dict.fromkeys(leak.leak_class for leak in LEAKS), SAME_PATIENT, GENERATED)


def of_class(leak_class: str) -> tuple[Leak, ...]:
    """The leaks of a class, in order of the catalogue; none of the two classes that are no change of an image."""
    return tuple(leak for leak in LEAKS if leak.leak_class == leak_class)
