"""A verification model of a finished retrieval model: the same embedding, held against a cohort.

A gate with both computes one forward for the two, see models.borrowed_head.
"""

from __future__ import annotations

from dataclasses import replace

from cxrgate.core import ModelError
from cxrgate.core.progress import Progress, silent
from cxrgate.models import ModelKind, ModelManifest
from cxrgate.train.fitting import fit_cohort, set_calibration
from cxrgate.train.listing import Split
from cxrgate.train.pooling import pool
from cxrgate.train.refits.finished import RefitJob, embedded, open_finished, save_finished


def make_verifier(job: RefitJob, progress: Progress = silent) -> ModelManifest:
    """Write the verification model.

    Args:
        job: its model is the retrieval model.
        progress: called with what is being done, how much was done now and of how much.

    Raises:
        ModelError: no model folder, or no embedder for retrieval,
            or a number that is not finite in 16 bits, see save_finished.
        UsageError: see open_finished, or an image cannot be read.
    """
    model = open_finished(job)
    if model.manifest.kind is not ModelKind.RETRIEVAL:
        raise ModelError(f"{job.model} is no retrieval model: a verification model is made of one")
    network, preprocessing = model.network, model.manifest.preprocessing
    network.frontality = None
    seen, kept = (model.decode(job, split, progress) for split in (Split.TRAIN, Split.TUNE))
    fit_cohort(network, embedded(network, pool(network, preprocessing, seen, progress)), seen.patients, job.seed)
    embeddings = embedded(network, pool(network, preprocessing, kept, progress))
    set_calibration(network, ModelKind.VERIFICATION, embeddings, kept.patients)
    shape = replace(model.shape, frontality=0)
    made = {"verifier": {"images_sha256": seen.digest}}
    return save_finished(job, network, ModelKind.VERIFICATION, shape, [model], made, kept, progress)
