"""What a run and an enrolment ask of an engine, and the engine that is this process."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

from cxrgate.core import Failure, GreyImage
from cxrgate.gate.config import ModelFolders, RunConfig
from cxrgate.gate.dtypes import DtypeRule
from cxrgate.gate.opening import Services
from cxrgate.gate.pipeline import Gate
from cxrgate.gate.workers import WorkerChoice
from cxrgate.images import ImageFile
from cxrgate.index.build import EmbeddedImage
from cxrgate.run.engines.batches import Batch, CheckedBatch, check_batches
from cxrgate.run.engines.writers import Writers

Check = Callable[[Sequence[Batch], Path], AsyncGenerator[CheckedBatch]]
"""Batches, and the folder where releases are staged; answers come in any order."""

Embed = Callable[[Sequence[ImageFile]], AsyncGenerator[tuple[ImageFile, GreyImage | EmbeddedImage | Failure]]]
"""Each file with what was made of it, in order: a decoded image is embedded by whoever asked."""


@dataclass(frozen=True, slots=True)
class EmbedJob:
    """What enrolment computes with."""

    folders: ModelFolders
    device: str
    dtypes: DtypeRule
    workers: WorkerChoice
    keypoints: bool = False
    """Whether the snapshot is to keep them."""


class Engine(Protocol):
    """Where images are checked and embedded."""

    def checking(self, config: RunConfig, services: Services, gate: Gate) -> AbstractAsyncContextManager[Check]:
        """Be ready to check; `gate` is the caller's own, and decides what the answers must be made with."""
        ...

    def embedding(self, job: EmbedJob) -> AbstractAsyncContextManager[Embed] | None:
        """Be ready to decode and embed real images; None where the caller does it."""
        ...


class LocalEngine:
    """This process with its decode workers and writers."""

    @asynccontextmanager
    async def checking(self, config: RunConfig, services: Services, gate: Gate) -> AsyncIterator[Check]:  # noqa: ARG002 - the gate was opened with them
        """See Engine."""
        with Writers(config.decode_workers) as writers:
            yield partial(check_batches, gate, writers)

    def embedding(self, job: EmbedJob) -> None:  # noqa: ARG002 - the caller has the models
        """See Engine."""
        return
