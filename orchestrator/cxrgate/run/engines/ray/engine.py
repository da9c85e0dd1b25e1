"""The engine that is a Ray cluster."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import ray

from cxrgate.core import Failure
from cxrgate.gate.config import RunConfig
from cxrgate.gate.opening import Services
from cxrgate.gate.pipeline import Gate
from cxrgate.images import ImageFile
from cxrgate.index.build import EmbeddedImage
from cxrgate.run.engines.batches import Batch, CheckedBatch
from cxrgate.run.engines.engine import Check, Embed, EmbedJob
from cxrgate.run.engines.ray import worker
from cxrgate.run.engines.ray.cluster import connected, size_workers
from cxrgate.run.engines.ray.pool import IN_FLIGHT, Actor, Pool
from cxrgate.run.paths import Paths
from cxrgate.storage import make_folder

TASK_IMAGES = 128
"""Images of one task: some seconds of work, so that asking costs nothing and a lost worker little."""


@contextmanager
def ray_engine(address: str | None) -> Iterator[RayEngine]:
    """Workers of the cluster at `address`, HOST:PORT, or of one on this host alone; errors as connected."""
    with connected(address):
        yield RayEngine()


class RayEngine:
    """See Engine. It needs the running connection of `ray_engine`."""

    def checking(self, config: RunConfig, services: Services, gate: Gate) -> AbstractAsyncContextManager[Check]:
        """See Engine; every worker must have opened a gate of the same policy digest."""
        return _checking(config, services, gate)

    def embedding(self, job: EmbedJob) -> AbstractAsyncContextManager[Embed]:
        """See Engine; every worker must have opened the same models."""
        return _embedding(job)


@asynccontextmanager
async def _checking(config: RunConfig, services: Services, gate: Gate) -> AsyncIterator[Check]:
    staged, mark = Paths(config.output).staged, secrets.token_hex()
    make_folder(staged)
    (staged / worker.MARK).write_text(mark)
    size = size_workers(_nodes(), config.device)
    job = worker.CheckJob(Path.cwd(), config, services, size.cores, staged, mark)
    pool: Pool[Sequence[Batch], list[CheckedBatch]] = Pool(
        _starter(worker.CheckWorker, size.cores, size.gpus, job), size.count, worker.Opened.of(gate.policy.digest)
    )

    async def check(batches: Sequence[Batch], _: Path) -> AsyncGenerator[CheckedBatch]:
        part = max(1, TASK_IMAGES // config.batch_size)
        async with aclosing(pool.run(batches[i : i + part] for i in range(0, len(batches), part))) as stream:
            async for done in stream:
                for batch in done:
                    yield batch

    async with pool:
        yield check


@asynccontextmanager
async def _embedding(job: EmbedJob) -> AsyncIterator[Embed]:
    manifests = await asyncio.to_thread(job.dtypes.manifests, job.folders, job.device)
    size = size_workers(_nodes(), job.device)
    pool: Pool[worker.FilesPart, worker.EmbeddedPart] = Pool(
        _starter(worker.EmbedWorker, size.cores, size.gpus, Path.cwd(), job, size.cores),
        size.count,
        worker.opened_models(manifests),
    )

    async def embed(files: Sequence[ImageFile]) -> AsyncGenerator[tuple[ImageFile, EmbeddedImage | Failure]]:
        """In the files' order: what comes early waits here."""
        waiting: dict[int, Sequence[EmbeddedImage | Failure]] = {}
        starts = range(0, len(files), TASK_IMAGES)
        tasks = (worker.FilesPart(start, files[start : start + TASK_IMAGES]) for start in starts)
        left = iter(starts)
        start = next(left, None)
        async with aclosing(pool.run(tasks)) as stream:
            async for done in stream:
                waiting[done.start] = done.images
                while start is not None and start in waiting:
                    for pair in zip(files[start : start + TASK_IMAGES], waiting.pop(start), strict=True):
                        yield pair
                    start = next(left, None)

    async with pool:
        yield embed


def _starter(kind: type, cores: int, gpus: int, *arguments: Any) -> Callable[[], Actor]:
    """Makes an actor; a lost one is replaced by the pool, not by Ray."""
    remote: Any = ray.remote(kind).options(num_cpus=cores, num_gpus=gpus, max_concurrency=IN_FLIGHT, max_restarts=0)
    return lambda: remote.remote(*arguments)


def _nodes() -> list[dict[str, float]]:
    nodes: Any = ray.nodes  # untyped
    return [node["Resources"] for node in nodes() if node["Alive"]]
