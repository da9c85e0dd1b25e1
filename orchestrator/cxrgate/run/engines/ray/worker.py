"""What runs on a cluster's nodes: a gate that checks batches, or models that embed files."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from cxrgate.core import Failure, GreyImage, UsageError
from cxrgate.gate.config import RunConfig
from cxrgate.gate.dtypes import DtypeRule
from cxrgate.gate.local import LocalModels, local_models
from cxrgate.gate.model_set import with_keypoints
from cxrgate.gate.opening import Services, open_gate, open_models
from cxrgate.gate.pipeline import Gate
from cxrgate.gate.workers import count_workers
from cxrgate.images import ImageFile
from cxrgate.images.sandbox.decoder import SandboxedDecoder
from cxrgate.index.build import EmbeddedImage, embed_images
from cxrgate.models import ModelKind, ModelManifest
from cxrgate.models.runtimes.cores import limit_cores
from cxrgate.run.engines.batches import Batch, CheckedBatch, check_batches
from cxrgate.run.engines.engine import EmbedJob
from cxrgate.run.engines.writers import Writers
from cxrgate.run.reading import decoded_files


@dataclass(frozen=True, slots=True)
class Opened:
    """What a worker or the driver has opened: answers of others are not taken."""

    cxrgate: str
    digest: str

    @classmethod
    def of(cls, digest: str) -> Opened:
        """By this installation."""
        return cls(version("cxrgate"), digest)


def enter_folder(folder: Path) -> None:
    """Make relative paths mean what they mean to the driver; UsageError where its folder is not there."""
    try:
        os.chdir(folder)
    except OSError as error:
        raise UsageError(
            f"{socket.gethostname()} does not have the folder {folder} that the run was started in"
        ) from error


def expect_shared(folder: Path, expected: str) -> None:
    """Raise UsageError unless the driver's mark lies in that folder, so that it is the same folder here."""
    path = folder / MARK
    try:
        found = path.read_text()
    except OSError:
        found = ""
    if found != expected:
        raise UsageError(f"{socket.gethostname()} does not see the folder {folder} of the host that started the run")


MARK = ".shared"
"""A file that the driver writes into what it shares."""


@dataclass(frozen=True, slots=True)
class CheckJob:
    """What a check worker opens; `mark` is what the driver wrote into `staged`."""

    cwd: Path
    config: RunConfig
    services: Services
    cores: int
    staged: Path
    mark: str


class CheckWorker:
    """An actor with a gate of its own."""

    def __init__(self, job: CheckJob) -> None:
        """Opened by `open`, in the actor's event loop."""
        self._job, self._stack = job, AsyncExitStack()
        self._gate: Gate | None = None

    async def open(self) -> Opened:
        """Load the models and the snapshot; errors as open_models, open_gate and expect_shared."""
        job = self._job
        enter_folder(job.cwd)
        expect_shared(job.staged, job.mark)
        limit_cores(job.cores)
        models = await self._stack.enter_async_context(
            open_models(job.config.folders, job.config.device, job.services, DtypeRule.of(job.config))
        )
        gate, _ = await self._stack.enter_async_context(open_gate(job.config, models, job.services))
        self._gate, self._writers = gate, self._stack.enter_context(Writers(job.config.decode_workers))
        return Opened.of(gate.policy.digest)

    async def work(self, batches: Sequence[Batch]) -> list[CheckedBatch]:
        """See check_batches."""
        if self._gate is None:
            raise RuntimeError("expected a worker that was opened")
        return [checked async for checked in check_batches(self._gate, self._writers, batches, self._job.staged)]


@dataclass(frozen=True, slots=True)
class FilesPart:
    """Files to embed, and the number of the first."""

    start: int
    files: Sequence[ImageFile]


@dataclass(frozen=True, slots=True)
class EmbeddedPart:
    """What came of them."""

    start: int
    images: Sequence[EmbeddedImage | Failure]


class EmbedWorker:
    """An actor with the models that make descriptors of real images."""

    def __init__(self, cwd: Path, job: EmbedJob, cores: int) -> None:
        """Opened by `open`."""
        self._cwd, self._job, self._cores, self._stack = cwd, job, cores, AsyncExitStack()
        self._models: LocalModels | None = None

    async def open(self) -> Opened:
        """Load the models; errors as local_models."""
        enter_folder(self._cwd)
        limit_cores(self._cores)
        job = self._job
        self._decoder = self._stack.enter_context(SandboxedDecoder(count_workers(job.workers, job.device)))
        opening = local_models(job.folders, job.device, job.dtypes)
        self._models = await asyncio.to_thread(self._stack.enter_context, opening)
        return opened_models(self._models.manifests)

    async def work(self, part: FilesPart) -> EmbeddedPart:
        """What a snapshot keeps of each file."""
        if self._models is None:
            raise RuntimeError("expected a worker that was opened")
        found = [image async for _, image in decoded_files(part.files, self._decoder)]
        images = [image for image in found if isinstance(image, GreyImage)]
        embedder = with_keypoints(self._models.embedder) if self._job.keypoints else self._models.embedder
        embedded = iter(await embed_images(images, embedder, self._models.verifier))
        kept = [next(embedded) if isinstance(image, GreyImage) else image for image in found]
        return EmbeddedPart(part.start, kept)


def opened_models(manifests: Mapping[ModelKind, ModelManifest]) -> Opened:
    """All that descriptors depend on."""
    return Opened.of(" ".join(manifest.digest for manifest in manifests.values()))
