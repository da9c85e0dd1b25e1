"""One model over many files: decode in the sandbox, run, keep. Resumes where it was stopped."""

from __future__ import annotations

import asyncio
import base64
import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import aclosing
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxrgate.compat.decoding import BATCH, batches, decode_files, each
from cxrgate.core import Failure, GreyImage, Stage
from cxrgate.core.digest import mapping_digest
from cxrgate.gate.ordered import ordered_map
from cxrgate.gate.pipeline import WINDOW
from cxrgate.images import ImageFile
from cxrgate.images.sandbox.decoder import SandboxedDecoder
from cxrgate.models.runtimes.forward import Forward
from cxrgate.run.journal import Journal
from cxrgate.run.reading import file_stamp

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True, eq=False)
class Described:
    """A file's row of a model, float32[d], and the digest of the pixels that it was computed from."""

    row: NDArray[np.float32] = field(repr=False)
    pixel_digest: str


Description = Described | Failure


def describe(
    files: Sequence[ImageFile], forward: Forward, output: Path, *, workers: int, progress: Progress
) -> list[Description]:
    """Each file's Described, or a Failure, in order.

    Finished batches are kept in `<output>.work` until the caller has written `output` and calls `forget`: a step
    that was stopped goes on there, unless the model or a file has changed.
    """
    listed = [[str(file.path), *file_stamp(file.path)] for file in files]
    run = {
        "cxrgate": version("cxrgate"),
        "model": forward.manifest.digest,
        "files": mapping_digest({"files": listed}),
        "batch": BATCH,
    }
    journal = Journal(_work(output) / f"{mapping_digest(run)[:16]}.jsonl", run)
    try:
        with SandboxedDecoder(workers) as decoder, ThreadPoolExecutor(1, "compute") as compute:
            return asyncio.run(_finish(files, _Describer(forward, decoder, compute), journal, progress))
    finally:
        journal.close()


def failures(found: Sequence[Description]) -> tuple[Failure, ...]:
    """Those among the answers that are none."""
    return tuple(item for item in found if isinstance(item, Failure))


def forget(output: Path) -> None:
    """Remove what describe kept."""
    shutil.rmtree(_work(output), ignore_errors=True)


def _work(output: Path) -> Path:
    return output.with_name(output.name + ".work")


@dataclass(frozen=True, slots=True)
class _Describer:
    forward: Forward
    decoder: SandboxedDecoder
    compute: Executor

    async def batch(self, files: Sequence[ImageFile]) -> list[Description]:
        found = await decode_files(files, self.decoder)
        pixels = [item.pixels for item in found if isinstance(item, GreyImage)]
        rows = iter(await asyncio.get_running_loop().run_in_executor(self.compute, self.forward, pixels))
        return [_described(item, next(rows)) if isinstance(item, GreyImage) else item for item in found]


def _described(image: GreyImage, row: NDArray[np.float32]) -> Description:
    if np.isfinite(row).all():
        return Described(row, image.digest)
    return Failure(image.image_id, Stage.EMBED, "INTERNAL", "NONFINITE", "the model gave numbers that are not finite")


async def _finish(
    files: Sequence[ImageFile], describer: _Describer, journal: Journal, progress: Progress
) -> list[Description]:
    """Describe the batches that the journal lacks; one with a failure is not kept, it may succeed the next time."""
    parts = batches(files)
    found = {number: _from_json(content) for number, content in journal.batches.items()}
    progress(sum(map(len, found.values())))
    todo = [number for number in range(len(parts)) if number not in found]
    async with aclosing(ordered_map(describer.batch, each([parts[n] for n in todo]), WINDOW)) as stream:
        numbers = iter(todo)
        async for part in stream:
            number = next(numbers)
            found[number] = part
            done = [item for item in part if isinstance(item, Described)]
            if len(done) == len(part):
                journal.append(number, _to_json(done))
            progress(len(part))
    return [item for number in range(len(parts)) for item in found[number]]


def _to_json(part: Sequence[Described]) -> dict[str, Any]:
    rows = np.stack([item.row for item in part]).astype("<f4")
    return {"rows": base64.b64encode(rows.tobytes()).decode(), "pixels": [item.pixel_digest for item in part]}


def _from_json(content: dict[str, Any]) -> list[Description]:
    rows = np.frombuffer(base64.b64decode(content["rows"]), "<f4").reshape(len(content["pixels"]), -1)
    return [Described(row, digest) for row, digest in zip(rows.astype(np.float32), content["pixels"], strict=True)]
