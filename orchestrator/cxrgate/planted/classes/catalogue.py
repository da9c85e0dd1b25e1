"""The catalogue of planted leaks: every class that is a change of one enrolled image.

Two further classes are no such change: another radiograph of the same patient (`SAME_PATIENT`), which only a data set
has, and what an over-fitted generator draws of an enrolled image (`GENERATED`, see generator.py).
"""

from __future__ import annotations

from cxrgate.planted.classes.blend import BLEND
from cxrgate.planted.classes.copies import MEDIUM_COPY, STRONG_COPY
from cxrgate.planted.classes.detail import NOISE_BLUR
from cxrgate.planted.classes.elastic import ELASTIC
from cxrgate.planted.classes.encoding import IDENTICAL, RE_ENCODED
from cxrgate.planted.classes.geometry import GEOMETRIC
from cxrgate.planted.classes.intensity import INTENSITY
from cxrgate.planted.classes.local import LOCAL_EDIT
from cxrgate.planted.leak import Leak

SAME_PATIENT = "same_patient"
GENERATED = "generated"
GENERATED_STRENGTHS = (0.0, 0.1, 0.3, 0.5, 0.7)
"""Share of the latent's amplitude that is noise."""

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
