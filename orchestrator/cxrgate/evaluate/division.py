"""Whom the gate enrols, and what it is asked about."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from cxrgate.train import Sample, patient_hash


@dataclass(frozen=True, slots=True)
class Division:
    """Images by their part: enrolled, other images of enrolled patients, and images of patients not enrolled."""

    enrolled: list[Sample] = field(default_factory=list, repr=False)
    others: list[Sample] = field(default_factory=list, repr=False)
    unenrolled: list[Sample] = field(default_factory=list, repr=False)


def divide(samples: Sequence[Sample]) -> Division:
    """Divide by patient.

    Every patient with several images is enrolled by the first; the others are to be found. Of the patients with one
    image those with an even hash are enrolled too, to fill the index; the rest, about a half, stay unenrolled and
    are to pass, one image each. The same patients give the same division in any order of the sources.
    """
    patients = defaultdict(list)
    for sample in samples:
        patients[sample.patient_id].append(sample)
    parts = Division()
    for patient, (first, *others) in patients.items():
        enrolled = others or int(patient_hash(patient), 16) % 2 == 0
        (parts.enrolled if enrolled else parts.unenrolled).append(first)
        parts.others.extend(others)
    return parts
