"""Who takes part in a calibration: enrolled patients, whose images leaks are planted from, and clean ones."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from cxrgate.core import UsageError
from cxrgate.index import Snapshot, opaque_id
from cxrgate.models import ModelManifest
from cxrgate.planted.origins import patient_key
from cxrgate.train import Sample, Split
from cxrgate.train.scoring.models import unseen


@dataclass(frozen=True, slots=True)
class Patients:
    """Images by their part, at most one per patient in each; no model saw any of these patients.

    Attributes:
        sources: an enrolled image of each enrolled patient.
        twins: another enrolled image of such a patient; the twin index is without it.
        siblings: an image, not enrolled, of an enrolled patient who has no twin.
        clean: an image of each patient who is not enrolled.
        seen: the listing's images of patients whom a model saw; they take no part.
    """

    sources: list[Sample] = field(default_factory=list, repr=False)
    twins: list[Sample] = field(default_factory=list, repr=False)
    siblings: list[Sample] = field(default_factory=list, repr=False)
    clean: list[Sample] = field(default_factory=list, repr=False)
    seen: list[Sample] = field(default_factory=list, repr=False)

    @property
    def taking_part(self) -> list[Sample]:
        """Every image that the gate is asked about or that leaks are planted from."""
        return [*self.sources, *self.twins, *self.siblings, *self.clean]

    @property
    def sentence(self) -> str:
        """How many patients take part as what, and how many images do not."""
        return (
            f"{len(self.sources)} enrolled and {len(self.clean)} unenrolled patients take part; {len(self.seen)} "
            "images are of patients whom a model saw, or of the splits train and tune"
        )


def choose_patients(
    samples: Sequence[Sample],
    snapshot: Snapshot,
    key: bytes,
    models: Iterable[ModelManifest],
    recorded: Collection[str] | None = None,
) -> Patients:
    """Divide a listing by patient, without those whom a model saw and those in the splits `train` and `tune`.

    Args:
        samples: of the listing, its images named as they were at enrolment.
        snapshot: what is enrolled.
        key: HMAC key of its opaque ids.
        models: the gate's.
        recorded: keys in hex of the only patients that may take part; None for all.

    Raises:
        UsageError: no patient is enrolled, or none is not.
    """
    patients, keys, references = Patients(), _hex(snapshot.patient_keys), _hex(snapshot.reference_ids)
    fresh = _fresh(samples, models)
    patients.seen.extend(sample for sample in samples if sample.patient_id not in fresh)
    for images in _by_patient(samples, fresh).values():
        patient = patient_key(key, images[0])
        if recorded is not None and patient not in recorded:
            continue
        enrolled = [image for image in images if opaque_id(key, "reference", image.file.image_id).hex() in references]
        if patient in keys:
            _place(patients, enrolled, [image for image in images if image not in enrolled])
        else:
            patients.clean.append(images[0])
    if not patients.sources or not patients.clean:
        counts = f"{len(patients.sources)} and {len(patients.clean)}"
        raise UsageError(
            f"of patients that no model saw {counts} are enrolled and unenrolled: give a listing with both"
        )
    return patients


def _place(patients: Patients, enrolled: Sequence[Sample], others: Sequence[Sample]) -> None:
    patients.sources.extend(enrolled[:1])
    if len(enrolled) > 1:
        patients.twins.append(enrolled[-1])
    else:
        patients.siblings.extend(others[:1])


def _fresh(samples: Sequence[Sample], models: Iterable[ModelManifest]) -> set[str]:
    """Ids of the patients that neither weights nor thresholds of any model were chosen on."""
    kept = [sample for sample in samples if sample.split in {None, Split.TEST}]
    for model in models:
        kept = unseen(model, kept)
    return {sample.patient_id for sample in kept}


def _by_patient(samples: Sequence[Sample], kept: Collection[str]) -> dict[str, list[Sample]]:
    patients = defaultdict(list)
    for sample in samples:
        if sample.patient_id in kept:
            patients[sample.patient_id].append(sample)
    return patients


def _hex(rows: np.ndarray) -> set[str]:
    return {row.tobytes().hex() for row in np.asarray(rows)}
