"""All images of a listing as enrolment stores them, for drawing galleries from."""

from __future__ import annotations

import asyncio
import secrets
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cxrgate.core.progress import Progress
from cxrgate.gate.local import LocalModels
from cxrgate.growth.scores import Everything
from cxrgate.index.keys import KEY_BYTES
from cxrgate.index.measuring.asking import References
from cxrgate.run.enrol import enrol, trained_on
from cxrgate.train import Sample
from cxrgate.train.pixels import numbers


def embed_everything(
    samples: Sequence[Sample], unseen: int, models: LocalModels, work: Path, progress: Progress
) -> Everything:
    """Enrol every sample in a snapshot of its own, which is removed again.

    Args:
        samples: the first `unseen` of them are of patients that no model saw.
        unseen: how many.
        models: loaded.
        work: a folder for the snapshot.
        progress: called with what is being done, how much was done now and of how much.

    Raises:
        SnapshotError: an image cannot be enrolled.
    """
    files = [sample.file for sample in samples]
    # The key makes ids opaque and nothing else; no figure depends on it.
    key, folder = secrets.token_bytes(KEY_BYTES), work / "everything"
    shutil.rmtree(folder, ignore_errors=True)
    task = enrol(files, folder, models, key, progress=lambda done: progress("embed everything", done, len(files)))
    snapshot = asyncio.run(task)
    # Copied: the folder goes.
    references = References.of({name: np.array(rows) for name, rows in snapshot.arrays.items()})
    known = trained_on(models, files, key)
    shutil.rmtree(folder)
    return Everything(
        references=references,
        patients=numbers([sample.patient_id for sample in samples]),
        sources=[sample.source for sample in samples],
        unseen=np.arange(len(samples)) < unseen,
        trained_on=np.array([row.tobytes() in known for row in references.patient_keys]),
    )
