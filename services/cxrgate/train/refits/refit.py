"""Fit what follows a finished model's trunk to more images: whitening, discriminants, cohort, calibration.

It costs one forward per image, minutes where a training costs hours, and the within-class covariance of patients that
the trunk was not trained on tells better how images of one patient differ.
"""

from __future__ import annotations

from cxrgate.core.progress import Progress, silent
from cxrgate.models import ModelManifest
from cxrgate.train.fitting import fit_head, set_calibration
from cxrgate.train.listing import Split
from cxrgate.train.pooling import pool
from cxrgate.train.refits.finished import RefitJob, embedded, open_finished, save_finished


def refit(job: RefitJob, progress: Progress = silent) -> ModelManifest:
    """Write the model fitted anew.

    Args:
        job: what to fit, and to what.
        progress: called with what is being done, how much was done now and of how much.

    Raises:
        ModelError: no model folder, or no embedder for retrieval or verification,
            or a number that is not finite in 16 bits, see save_finished.
        UsageError: see open_finished, or an image cannot be read.
    """
    model = open_finished(job)
    network, kind, preprocessing = model.network, model.manifest.kind, model.manifest.preprocessing
    seen, kept = (model.decode(job, split, progress) for split in (Split.TRAIN, Split.TUNE))
    fit_head(network, kind, pool(network, preprocessing, seen, progress), seen.patients, job.seed)
    set_calibration(network, kind, embedded(network, pool(network, preprocessing, kept, progress)), kept.patients)
    fitted = {"refit": {"images_sha256": seen.digest}}
    return save_finished(job, network, kind, model.shape, [model], fitted, kept, progress)
