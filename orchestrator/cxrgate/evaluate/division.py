"""Whom the gate enrols, and what it is asked about."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from cxrgate.train import ListedImage, patient_hash


@dataclass(frozen=True, slots=True)
class Division:
    """Images by their part: enrolled, other images of enrolled patients, and images of patients not enrolled."""

    enrolled: list[ListedImage] = field(default_factory=list, repr=False)
    others: list[ListedImage] = field(default_factory=list, repr=False)
    unenrolled: list[ListedImage] = field(default_factory=list, repr=False)


def divide(listed_images: Sequence[ListedImage]) -> Division:
    """Divide by patient.

    Every patient with several images is enrolled by the first; the others are to be found. Of the patients with one
    image those with an even hash are enrolled too, to fill the index; the rest, about a half, stay unenrolled and
    are to pass, one image each. The same patients give the same division in any order of the sources.
    """
    patients = defaultdict(list)
    for listed_image in listed_images:
        patients[listed_image.patient_id].append(listed_image)
    parts = Division()
    for patient, (first, *others) in patients.items():
        enrolled = others or int(patient_hash(patient), 16) % 2 == 0
        (parts.enrolled if enrolled else parts.unenrolled).append(first)
        parts.others.extend(others)
    return parts
