"""Who takes part in a calibration: enrolled patients, whose images leaks are planted from, and unenrolled ones."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from cxrgate.core import UsageError
from cxrgate.index import Snapshot, opaque_id
from cxrgate.models import ModelManifest
from cxrgate.planted.origins import patient_key
from cxrgate.train import ListedImage, Split
from cxrgate.train.scoring.models import unseen


@dataclass(frozen=True, slots=True)
class Patients:
    """Images by their part, at most one per patient in each; no model saw any of these patients.

    Attributes:
        sources: an enrolled image of each enrolled patient.
        twins: another enrolled image of such a patient; the twin index is without it.
        siblings: an image, not enrolled, of an enrolled patient who has no twin.
        unenrolled: an image of each patient who is not enrolled.
        seen: the listing's images of patients whom a model saw; they take no part.
    """

    sources: list[ListedImage] = field(default_factory=list, repr=False)
    twins: list[ListedImage] = field(default_factory=list, repr=False)
    siblings: list[ListedImage] = field(default_factory=list, repr=False)
    unenrolled: list[ListedImage] = field(default_factory=list, repr=False)
    seen: list[ListedImage] = field(default_factory=list, repr=False)

    @property
    def taking_part(self) -> list[ListedImage]:
        """Every image that the gate is asked about or that leaks are planted from."""
        return [*self.sources, *self.twins, *self.siblings, *self.unenrolled]

    @property
    def sentence(self) -> str:
        """How many patients take part as what, and how many images do not."""
        return (
            f"{len(self.sources)} enrolled and {len(self.unenrolled)} unenrolled patients take part; {len(self.seen)} "
            "images are of patients whom a model saw, or of the splits train and tune"
        )


def choose_patients(
    listed_images: Sequence[ListedImage],
    snapshot: Snapshot,
    key: bytes,
    models: Iterable[ModelManifest],
    recorded: Collection[str] | None = None,
) -> Patients:
    """Divide a listing by patient, without those whom a model saw and those in the splits `train` and `tune`.

    Args:
        listed_images: of the listing, its images named as they were at enrolment.
        snapshot: what is enrolled.
        key: HMAC key of its opaque ids.
        models: the gate's.
        recorded: keys in hex of the only patients that may take part; None for all.

    Raises:
        UsageError: no patient is enrolled, or none is not.
    """
    patients, keys, references = Patients(), _hex(snapshot.patient_keys), _hex(snapshot.reference_ids)
    fresh = _fresh(listed_images, models)
    patients.seen.extend(listed_image for listed_image in listed_images if listed_image.patient_id not in fresh)
    for images in _by_patient(listed_images, fresh).values():
        patient = patient_key(key, images[0])
        if recorded is not None and patient not in recorded:
            continue
        enrolled = [image for image in images if opaque_id(key, "reference", image.file.image_id).hex() in references]
        if patient in keys:
            _place(patients, enrolled, [image for image in images if image not in enrolled])
        else:
            patients.unenrolled.append(images[0])
    if not patients.sources or not patients.unenrolled:
        counts = f"{len(patients.sources)} and {len(patients.unenrolled)}"
        raise UsageError(
            f"of patients that no model saw {counts} are enrolled and unenrolled: give a listing with both"
        )
    return patients


def _place(patients: Patients, enrolled: Sequence[ListedImage], others: Sequence[ListedImage]) -> None:
    patients.sources.extend(enrolled[:1])
    if len(enrolled) > 1:
        patients.twins.append(enrolled[-1])
    else:
        patients.siblings.extend(others[:1])


def _fresh(listed_images: Sequence[ListedImage], models: Iterable[ModelManifest]) -> set[str]:
    """Ids of the patients that neither weights nor thresholds of any model were chosen on."""
    kept = [listed_image for listed_image in listed_images if listed_image.split in {None, Split.TEST}]
    for model in models:
        kept = unseen(model, kept)
    return {listed_image.patient_id for listed_image in kept}


def _by_patient(listed_images: Sequence[ListedImage], kept: Collection[str]) -> dict[str, list[ListedImage]]:
    patients = defaultdict(list)
    for listed_image in listed_images:
        if listed_image.patient_id in kept:
            patients[listed_image.patient_id].append(listed_image)
    return patients


def _hex(rows: np.ndarray) -> set[str]:
    return {row.tobytes().hex() for row in np.asarray(rows)}
