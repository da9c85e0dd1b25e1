"""`cxrgate run --dry-run`: all that a run looks at before it works, every image decoded, and how long it takes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from cxrgate.core import GreyImage
from cxrgate.core.ports import Embedder, Verifier
from cxrgate.core.progress import Progress, Tell
from cxrgate.gate.config import RunConfig
from cxrgate.gate.dtypes import DtypeRule
from cxrgate.gate.model_set import with_keypoints
from cxrgate.gate.opening import Services, open_gate, open_models
from cxrgate.images import ImageFile
from cxrgate.images.sandbox.decoder import SandboxedDecoder
from cxrgate.index.build import embed_images
from cxrgate.models.verifier import FeatureVerifier
from cxrgate.run.plan import prepare
from cxrgate.run.reading import decoded_files

_TIMED = 32
"""Images that are embedded to tell how long it takes; the first half only warms the models up."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What a run will do.

    Attributes:
        to_enrol: images to enrol.
        to_check: images to check.
        seconds: that it takes on this machine, about.
        told: what was said, sentence by sentence.
    """

    to_enrol: int
    to_check: int
    seconds: float
    told: tuple[str, ...] = field(repr=False)


def dry_run(config: RunConfig, services: Services, progress: Progress, tell: Tell) -> Expected:
    """Look at all of it, open models and gate, and say how long a run will take. Nothing is written.

    Raises:
        CxrgateError: whatever would keep the run from starting.
    """
    told: list[str] = []

    def say(sentence: str, /) -> None:
        told.append(sentence)
        tell(sentence)

    plan = prepare(config, services, progress, say, every=True)
    forward = asyncio.run(_forward(config, services, plan.files, opens=plan.listed is None))
    enrol = 0 if plan.listed is None else len(plan.listed.files)
    seconds = (enrol + len(plan.files)) * max(forward, plan.seconds)
    say(
        f"nothing keeps it from running: {enrol} images to enrol and {len(plan.files)} to check, about "
        f"{duration(seconds)} on this machine"
    )
    return Expected(enrol, len(plan.files), seconds, tuple(told))


def duration(seconds: float) -> str:
    """In words that are as exact as an estimate is."""
    if seconds < 60:
        return f"{max(1, round(seconds))} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


async def _forward(config: RunConfig, services: Services, files: Sequence[ImageFile], *, opens: bool) -> float:
    """Seconds that the models take per image; 0 where none of the first images can be decoded."""
    with SandboxedDecoder(config.decode_workers) as decoder:
        found = [image async for _, image in decoded_files(files[:_TIMED], decoder)]
    images = [image for image in found if isinstance(image, GreyImage)]
    async with open_models(config.folders, config.device, services, DtypeRule.of(config)) as models:
        if opens:
            async with open_gate(config, models, services):
                pass
        if not images:
            return 0.0
        half = max(1, len(images) // 2)
        embedder = models.embedder if config.policy.match_threshold is None else with_keypoints(models.embedder)
        await _compute(images[:half], embedder, models.verifier)
        started = time.perf_counter()
        await _compute(images[-half:], embedder, models.verifier)
        return (time.perf_counter() - started) / half


async def _compute(images: Sequence[GreyImage], embedder: Embedder, verifier: Verifier) -> None:
    """What the models make of images that are enrolled or checked."""
    if isinstance(verifier, FeatureVerifier):
        await embed_images(images, embedder, verifier)
    else:  # one that asks a server for scores alone, which takes about as long as the retrieval model
        await embedder.embed(images)
        await embedder.embed(images)
