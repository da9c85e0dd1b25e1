"""Step 1, anonymization-pipeline's compute_training_embeddings: real images to lookup_table.pth."""

from __future__ import annotations

from cxrgate.compat.config import PipelineConfig
from cxrgate.compat.describe import Described, describe, failures, forget
from cxrgate.compat.lookup import write_lookup_table
from cxrgate.compat.private import write_origin
from cxrgate.compat.step import Options, load
from cxrgate.index.build import EnrolmentError
from cxrgate.models import ModelKind
from cxrgate.run.enrol import list_images
from cxrgate.run.enrolment_list import read_excluded


def embed(config: PipelineConfig, options: Options) -> int:
    """Write the embedding of every real image, and give their number.

    Raises:
        EnrolmentError: images that could not be embedded and are not excluded; nothing is written then.
        CxrgateError: see list_images, read_excluded and compat.step.load.
    """
    listed = list_images(config.real_dataset_path, config.dataset_name, config.real_dataset_splits_path)
    excluded = read_excluded(config.exclude, listed)
    files = [file for file in listed if file.image_id not in excluded]
    forward = load(config, ModelKind.RETRIEVAL, options)
    output = config.lookup_table_output
    found = describe(files, forward, output, workers=options.workers, progress=options.progress("embed", len(files)))
    if failed := failures(found):
        raise EnrolmentError(failed)
    rows = [item.row for item in found if isinstance(item, Described)]
    write_lookup_table(output, {str(file.path): row for file, row in zip(files, rows, strict=True)})
    write_origin(output, {"retrieval": forward.manifest.digest, "excluded": len(excluded)})
    forget(output)
    return len(files)
