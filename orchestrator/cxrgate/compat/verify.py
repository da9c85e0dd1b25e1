"""Step 3, anonymization-pipeline's verify_images: nearest_images.csv to verification_results.csv."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from cxrgate.compat.config import PipelineConfig
from cxrgate.compat.describe import Described, describe, failures, forget
from cxrgate.compat.private import check_same, read_origin, write_origin
from cxrgate.compat.search import NOTED
from cxrgate.compat.step import Coverage, Options, load
from cxrgate.compat.tables import Nearest, Score, read_nearest, write_scores
from cxrgate.core.heads import Head
from cxrgate.images import ImageFile
from cxrgate.models import ModelKind


def verify(config: PipelineConfig, options: Options) -> Coverage:
    """Write the same-patient score of each synthetic image and its nearest real one (rank 0).

    Each file is decoded and run through the network once, however many pairs it is in. A pair without an answer has
    the score nan, which never passes: one of its files cannot be read, or the synthetic one changed since the search.

    Raises:
        MismatchError: nearest_images.csv was changed since `cxrgate search` wrote it, or the table since it read it.
        CxrgateError: see read_nearest, read_origin and compat.step.load.
    """
    origin = read_origin(config.nearest_images_output, "search", NOTED)
    check_same(config.lookup_table_output, origin["lookup_table"], "search")
    pairs = read_nearest(config.nearest_images_output)
    forward = load(config, ModelKind.VERIFICATION, options)
    names = list(dict.fromkeys(name for pair in pairs for name in (pair.synthetic_image, pair.real_image)))
    files = [ImageFile(Path(name), name) for name in names]
    output, progress = config.verification_output, options.progress("verify", len(files))
    found = describe(files, forward, output, workers=options.workers, progress=progress)
    described = {name: item for name, item in zip(names, found, strict=True) if isinstance(item, Described)}
    unchanged = {name: item for name, item in described.items() if _is_searched(name, item, origin["pixels"])}
    scores = [_score(pair, unchanged, described, forward.head) for pair in pairs]
    write_scores(output, scores)
    made_from = {"nearest_images": origin["sha256"], "verification": forward.manifest.digest}
    write_origin(output, {**origin, **made_from})
    forget(output)
    return Coverage(sum(bool(np.isfinite(row.score)) for row in scores), len(scores), failures(found))


def _is_searched(name: str, item: Described, pixels: Mapping[str, str]) -> bool:
    return pixels.get(name) == item.pixel_digest


def _score(pair: Nearest, synthetic: Mapping[str, Described], real: Mapping[str, Described], head: Head) -> Score:
    score = float("nan")
    if pair.synthetic_image in synthetic and pair.real_image in real:
        probe, reference = synthetic[pair.synthetic_image].row, real[pair.real_image].row
        score = float(head.score(probe, reference[None])[0])
    return Score(pair.synthetic_image, pair.real_image, score)
