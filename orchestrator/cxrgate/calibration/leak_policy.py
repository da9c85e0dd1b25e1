"""What an operator wants promised: the leaks that count, the rates of misses, and what it may cost."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, model_validator

from cxrgate.gate.config import read_section
from cxrgate.gate.section import Section
from cxrgate.planted.classes.catalogue import GENERATED, GENERATED_STRENGTHS, LEAKS, SAME_PATIENT

LARGEST_RATE = 0.09
"""The threshold for the risk of re-identification that EMA's policy 0070 and Health Canada set."""
ANOTHER_RADIOGRAPH = "another radiograph"
"""The strength of the class same_patient; see origins.siblings."""
KNOWN = frozenset(
    {
        *((leak.leak_class, leak.strength) for leak in LEAKS),
        *((GENERATED, f"noise {strength:g}") for strength in GENERATED_STRENGTHS),
        (SAME_PATIENT, ANOTHER_RADIOGRAPH),
    }
)


class CertifiedPair(Section):
    """A leak class at a strength, and the largest share of patients who may be missed."""

    leak_class: Annotated[str, Field(alias="class")]
    strength: str
    rate: Annotated[float, Field(gt=0, le=LARGEST_RATE)]

    @property
    def name(self) -> str:
        """As messages name it."""
        return f"{self.leak_class}, {self.strength}"

    @model_validator(mode="after")
    def _is_known(self) -> CertifiedPair:
        if (self.leak_class, self.strength) not in KNOWN:
            strengths = sorted(strength for leak_class, strength in KNOWN if leak_class == self.leak_class)
            raise ValueError(f"expected a class and a strength that can be planted, got {self.name}; {strengths}")
        return self


class LeakPolicy(Section):
    """The certified pairs and the terms that they share.

    Attributes:
        certified: what is promised. All other classes are measured and promise nothing.
        confidence: that no promised rate is broken, of all pairs together.
        false_flags: largest share of patients who are not enrolled that may be flagged.
        days: how long a certificate is good for.
        measured_patients: patients per class that is not certified.
        allow_laxer_thresholds: whether a gate may be certified whose numbers let more pass than the default rule's.
    """

    certified: Annotated[tuple[CertifiedPair, ...], Field(min_length=1)]
    confidence: Annotated[float, Field(ge=0.5, lt=1)] = 0.95
    false_flags: Annotated[float, Field(gt=0, lt=1)] = 0.1
    days: Annotated[int, Field(ge=1)] = 90
    measured_patients: Annotated[int, Field(ge=1)] = 60
    allow_laxer_thresholds: bool = False

    @property
    def risk(self) -> float:
        """What each pair may be wrong with, so that all of them together keep the confidence (Bonferroni)."""
        return (1 - self.confidence) / len(self.certified)

    @model_validator(mode="after")
    def _are_distinct(self) -> LeakPolicy:
        if len({(pair.leak_class, pair.strength) for pair in self.certified}) != len(self.certified):
            raise ValueError("expected every certified pair once")
        return self


def read_leak_policy(path: Path) -> LeakPolicy:
    """Read and check a policy file; UsageError says which line is not what was expected."""
    return read_section(path, LeakPolicy)
