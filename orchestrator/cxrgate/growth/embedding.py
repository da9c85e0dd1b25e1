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
from cxrgate.train import ListedImage
from cxrgate.train.pixels import numbers


def embed_everything(
    listed_images: Sequence[ListedImage], unseen: int, models: LocalModels, work: Path, progress: Progress
) -> Everything:
    """Enrol every listed image in a snapshot of its own, which is removed again.

    Args:
        listed_images: the first `unseen` of them are of patients that no model saw.
        unseen: how many.
        models: loaded.
        work: a folder for the snapshot.
        progress: called with what is being done, how much was done now and of how much.

    Raises:
        SnapshotError: an image cannot be enrolled.
    """
    files = [listed_image.file for listed_image in listed_images]
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
        patients=numbers([listed_image.patient_id for listed_image in listed_images]),
        sources=[listed_image.source for listed_image in listed_images],
        unseen=np.arange(len(listed_images)) < unseen,
        trained_on=np.array([row.tobytes() in known for row in references.patient_keys]),
    )
