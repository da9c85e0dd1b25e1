"""Which patients an audit enrols, and which it asks about as not enrolled."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from cxrgate.core import UsageError
from cxrgate.models import ModelManifest
from cxrgate.planted.listing import Entry
from cxrgate.train import ListedImage, Split
from cxrgate.train.scoring.models import unseen

SEED = "cxrgate audit 1"
ENROLLED = 0.4
"""Share of the patients that no model saw; the rest is tested on."""


@dataclass(frozen=True, slots=True)
class Parts:
    """Images by their part.

    Attributes:
        enrolled: every image of the index.
        sources: the first image of each enrolled patient whom no model saw; leaks are planted from these.
        siblings: another image of such a patient, one each, that the index does not hold.
        test: one image of each patient who is not enrolled.
        seen: how many patients a model saw; all of them are enrolled.
        unseen: every image of the other patients.
        others: every image of those `seen`.
    """

    enrolled: list[ListedImage] = field(default_factory=list, repr=False)
    sources: list[ListedImage] = field(default_factory=list, repr=False)
    siblings: list[ListedImage] = field(default_factory=list, repr=False)
    test: list[ListedImage] = field(default_factory=list, repr=False)
    seen: int = 0
    unseen: list[ListedImage] = field(default_factory=list, repr=False)
    others: list[ListedImage] = field(default_factory=list, repr=False)

    @property
    def counts(self) -> dict[str, int]:
        """How many images each part has, and how many patients a model saw."""
        lists = ("enrolled", "sources", "siblings", "test")
        return {**{name: len(getattr(self, name)) for name in lists}, "seen_patients": self.seen}


def divide(entries: Sequence[Entry], models: Iterable[ModelManifest]) -> Parts:
    """Divide by patient, by a hash of SEED and the patient's id: the same in every run and any order.

    A patient whom a model saw, and one whom the listing has in `train` or `tune`, is enrolled and nothing else. An
    enrolled patient's last image is kept out of the index where there are several: a twin index, in which the patient
    is, and the image that is asked about is not.

    Raises:
        UsageError: a part is empty.
    """
    listed_images = [entry.listed_image for entry in entries]
    fresh = [listed_image for listed_image in listed_images if listed_image.split in {None, Split.TEST}]
    for model in models:
        fresh = unseen(model, fresh)
    known = {listed_image.patient_id for listed_image in fresh}
    others = [listed_image for listed_image in listed_images if listed_image.patient_id not in known]
    parts = Parts(seen=len({listed_image.patient_id for listed_image in others}), unseen=fresh, others=others)
    for patient, images in _by_patient(listed_images).items():
        _place(parts, images, _draw(patient) if patient in known else None)
    empty = [name for name in ("sources", "test") if not getattr(parts, name)]
    if empty:
        raise UsageError(f"no model saw {len(known)} patients, which leaves none for {empty}: give more patients")
    return parts


def _place(parts: Parts, images: list[ListedImage], draw: float | None) -> None:
    if draw is None:
        parts.enrolled.extend(images)
    elif draw < ENROLLED:
        enrolled, siblings = (images[:-1], images[-1:]) if len(images) > 1 else (images, [])
        parts.enrolled.extend(enrolled)
        parts.sources.append(images[0])
        parts.siblings.extend(siblings)
    else:
        parts.test.append(images[0])


def _by_patient(listed_images: Sequence[ListedImage]) -> dict[str, list[ListedImage]]:
    patients = defaultdict(list)
    for listed_image in listed_images:
        patients[listed_image.patient_id].append(listed_image)
    return patients


def _draw(patient: str) -> float:
    """A number in [0, 1), fixed for the patient."""
    return int.from_bytes(sha256(f"{SEED}:{patient}".encode()).digest()[:6], "big") / 2**48
