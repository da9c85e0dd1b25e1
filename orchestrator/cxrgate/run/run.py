"""One run of the filter over a finished synthetic set: resumable, and published whole or not at all."""

from __future__ import annotations

import asyncio
import json
import platform
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import pandas as pd

from cxrgate.certification import certified_laxer, laxer_words, utc_now
from cxrgate.core.digest import rows_digest
from cxrgate.core.progress import Progress, Tell, silent, untold
from cxrgate.core.promise import Promise
from cxrgate.core.threads import run_with_threads
from cxrgate.gate.config import RunConfig
from cxrgate.gate.dtypes import DtypeRule
from cxrgate.gate.local import LocalModels
from cxrgate.gate.model_set import ModelSet
from cxrgate.gate.opening import IN_THIS_PROCESS, Services, open_gate, open_models
from cxrgate.gate.pipeline import Gate
from cxrgate.images import ImageFile
from cxrgate.images.codec.encode import ENCODER
from cxrgate.index.measurement_text import recognised_by
from cxrgate.models.runtimes.cores import usable_cores
from cxrgate.run.batch_lines import is_batch
from cxrgate.run.commits import Commits
from cxrgate.run.described import read_described, stays_described
from cxrgate.run.engines.batches import Batches
from cxrgate.run.engines.engine import Check, Engine, LocalEngine
from cxrgate.run.held import Held, expect_held, hold_served
from cxrgate.run.host_fault import expect_no_outage, is_fault_row
from cxrgate.run.journal import Journal
from cxrgate.run.journal_place import network_sentence
from cxrgate.run.names import release_names
from cxrgate.run.nearness import nearest_recorded
from cxrgate.run.paths import Paths
from cxrgate.run.plan import Plan, hold_existing, open_or_enrol, prepare
from cxrgate.run.reading import file_stamp
from cxrgate.run.recorded import IMAGES
from cxrgate.run.release import MANIFEST, is_staged, publish
from cxrgate.run.released_files import ReleasedFiles
from cxrgate.run.results import write_nearest, write_results
from cxrgate.run.row_groups import row_groups
from cxrgate.run.rows import RESULT_COLUMNS
from cxrgate.run.withheld import (
    NAMED,
    expect_withheld,
    publishing,
    read_withheld,
    remember_withheld,
    withheld_names,
    without,
)
from cxrgate.storage import write_durably


@dataclass(frozen=True, slots=True, eq=False)
class RunSummary:
    """What a run came to: `read_table` gives the results, `released` names the files of the released set.

    `held` says against which real images it was checked, `promise` what the rule promises of unenrolled patients.
    """

    read_table: Callable[[], pd.DataFrame] = field(repr=False)
    released: Collection[str] = field(repr=False)
    seconds: float
    checked: int
    held: Held
    promise: Promise | None = None
    recognised: str | None = None
    """What of enrolled patients' other radiographs is recognised, in a sentence; None where nothing is promised."""
    nearest: pd.DataFrame = field(default_factory=pd.DataFrame)
    """The released images that are nearest to a threshold, see nearness.nearest_recorded."""

    @property
    def results(self) -> pd.DataFrame:
        """One row per synthetic image, read from the disk each time: a run keeps none of them in memory."""
        return self.read_table()


def run(
    config: RunConfig,
    progress: Progress = silent,
    services: Services = IN_THIS_PROCESS,
    tell: Tell = untold,
    engine: Engine | None = None,
) -> RunSummary:
    """Enrol where there is no snapshot yet, check every synthetic image, publish what may be released.

    Args:
        config: see RunConfig.
        progress: called with the step ("enrol" or "check"), images done now and images in all.
        services: where models and index answer. Only with both in this process is a missing snapshot enrolled.
        tell: called with what the user should know before anything is computed.
        engine: where images are checked and enrolled; None is this process. The result is the same.

    Raises:
        CxrgateError: see core.errors; nothing is published then.
    """
    plan = prepare(config, services, progress, tell)
    # Before there are models: from then on what naming frees is kept, see core.allocator.
    batches = Batches(plan.files, release_names(plan.files, config.output, [MANIFEST]), config.batch_size)
    if place := network_sentence(Paths(config.output).journal.parent):
        tell(place)
    return run_with_threads(_run(services, config, plan, batches, progress, engine or LocalEngine()))


async def _run(
    services: Services, config: RunConfig, plan: Plan, batches: Batches, progress: Progress, engine: Engine
) -> RunSummary:
    async with open_models(config.folders, config.device, services, DtypeRule.of(config)) as models:
        held = plan.held
        if plan.listed is not None:
            if isinstance(models, LocalModels):
                await asyncio.to_thread(open_or_enrol, config, models, progress, plan.listed, engine)
            # What was just enrolled too: another process may have put a snapshot of its own there.
            held = await asyncio.to_thread(hold_existing, config, progress, plan.listed)
        async with open_gate(config, models, services) as (gate, about):
            if services.index is not None:
                held = await asyncio.to_thread(hold_served, config, about, progress)
            expect_held(config, held, gate.policy.snapshot)
            return await _Run(config, gate, models, about, plan.files, batches, held, progress).finish(engine, services)


_NO_LIST = "no list is configured to compare it with"


class _Run:
    """The parts of one run, in the order in which they happen."""

    def __init__(
        self,
        config: RunConfig,
        gate: Gate,
        models: ModelSet,
        snapshot: Mapping[str, Any],
        files: Sequence[ImageFile],
        batches: Batches,
        held: Held | None,
        progress: Progress,
    ) -> None:
        self._config, self._gate, self._models, self._snapshot = config, gate, models, snapshot
        self._held = held or Held(snapshot["references"], snapshot["patients"], 0, _NO_LIST, gate.policy.snapshot)
        self._files, self._batches, self._progress = files, batches, progress
        self._paths = Paths(config.output)

    async def finish(self, engine: Engine, services: Services) -> RunSummary:
        """Check what the journal lacks, then publish.

        A batch with a host's fault is in the journal, since its other images may be released; the next run checks it
        again, and the later line counts.
        """
        journal = Journal(self._paths.journal, self._identity(), self._config.read_storage_key(), is_batch)
        try:
            async with engine.checking(self._config, services, self._gate) as check:
                started = time.perf_counter()
                checked = await self._check(check, journal)
                seconds = time.perf_counter() - started
            decisions = write_results(self._paths.results, journal.batches)
            self._gate.check_certificate()
            # Before the set, which is nowhere without the record of what it was held against.
            self._describe(seconds, checked)
            released, nearest = self._publish(journal.batches, decisions)
        finally:
            journal.close()
        promise = self._gate.policy.promise
        told = recognised_by(self._snapshot, promise)
        return RunSummary(self._table, released, seconds, checked, self._held, promise, told, nearest)

    def _name_nearest(self, released: Collection[str]) -> pd.DataFrame:
        """The released images to look at first, which are written beside the results."""
        nearest = nearest_recorded(self._paths.results / IMAGES, self._gate.policy, released)
        write_nearest(self._paths.results, nearest)
        return nearest

    def _identity(self) -> dict[str, Any]:
        """What makes this run this run: resuming with anything else would mix verdicts."""
        return {
            "cxrgate": version("cxrgate"),
            "columns": list(RESULT_COLUMNS),
            "encoder": ENCODER,
            "policy": self._gate.policy.digest,
            "images": rows_digest("files", ([file.image_id, *file_stamp(file.path)] for file in self._files)),
            "batch_size": self._config.batch_size,
            "engine": self._config.engine.value,
            "certification": self._config.certification,
            **({"float_range": list(self._config.float_range)} if self._config.float_range else {}),
        }

    async def _check(self, check: Check, journal: Journal) -> int:
        """Check the batches that are not done; a batch is redone when a file that it released is gone or changed."""
        done = {n for n, batch in journal.batches.items() if is_staged(self._paths.staged, batch["released"])}
        done -= {n for n in done if any(map(is_fault_row, journal.batches[n]["results"]))}
        todo = self._batches.without(done)
        self._progress("check", len(self._files) - todo.images, len(self._files))
        count = 0
        work = check(todo, self._paths.staged)
        async with Commits(journal) as commits, aclosing(work) as stream:
            async for checked in stream:
                if count == 0 and len(checked.faults) == checked.images:
                    expect_no_outage(checked.faults, "checked")
                await commits.add(checked.number, checked.content)
                self._progress("check", checked.images, len(self._files))
                count += checked.images
        return count

    def _table(self) -> pd.DataFrame:
        # By this thread alone: Arrow never ends where its own threads find no memory.
        path = self._paths.results / IMAGES
        return pd.read_parquet(path, use_threads=False, pre_buffer=False)

    def _publish(self, batches: Mapping[int, Any], decisions: Counter[str]) -> tuple[Collection[str], pd.DataFrame]:
        """Publish what was not withheld, and give its names and what to look at first."""
        released = ReleasedFiles(file for number in sorted(batches) for file in batches[number]["released"].items())
        self._gate.check_certificate()
        self._gate.check_index()
        about = {
            "cxrgate": version("cxrgate"),
            "encoder": ENCODER,
            "certification": self._gate.certification,
            "policy": self._gate.policy.digest,
            "checked": decisions.total(),
            "decisions": dict(sorted(decisions.items())),
        }
        with publishing(self._paths.released):
            withheld = read_withheld(self._config.review)
            remaining, count = released, 0
            if withheld.pixels:
                parts = row_groups(self._paths.results / IMAGES, list(NAMED))
                remaining, count = without(released, withheld_names(parts, withheld, self._gate.policy.digest))
            expect_withheld(self._paths.released, count, withheld.pixels)
            remember_withheld(self._paths.released, withheld.pixels)
            more = {"withheld": count} if count else {}
            # As the record: a set without it was not left by a run that was stopped, see verify_run.
            nearest = self._name_nearest(remaining)
            publish(self._paths.staged, self._paths.released, remaining, {**about, **more})
        return remaining, nearest

    def _describe(self, seconds: float, checked: int) -> None:
        """Write run.json, which the report is made from; where nothing was checked see stays_described."""
        content = describe(self._config, self._gate, self._models, self._snapshot, len(self._files))
        content["held"] = {"sentence": self._held.sentence, **asdict(self._held)}
        path = self._paths.results / "run.json"
        earlier = read_described(path)
        finished = utc_now().replace(microsecond=0).isoformat()
        if checked:
            rate = checked / seconds
            stages = self._gate.stopwatch.stages()
            content["timing"] = {
                "finished": finished,
                "seconds": seconds,
                "images": checked,
                "images_per_second": rate,
                "stages": stages,
            }
        else:
            # Without a record of when it ended nobody could say whether its certificate was current then: it is now.
            content["timing"] = earlier.get("timing") or {"finished": finished}
        told = {name: value for name, value in content.items() if value is not None}
        if not checked and stays_described(earlier, told):
            return
        write_durably(path, f"{json.dumps(told, indent=2)}\n".encode())


def _versions() -> dict[str, str]:
    """Of what computes, as far as it is installed: a gate on a CPU has no torch."""
    found = {}
    for name in ("numpy", "openvino", "pillow", "pydicom", "scipy", "torch", "torchvision"):
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def describe(
    config: RunConfig, gate: Gate, models: ModelSet, snapshot: Mapping[str, Any], images: int
) -> dict[str, Any]:
    """Everything that a result depends on: policy, certificate, models, snapshot, versions."""
    manifests = {str(kind): {**item.to_json(), "digest": item.digest} for kind, item in models.manifests.items()}
    certificate = gate.certificate
    laxer = [] if certificate is None else certified_laxer(certificate.statement, manifests)
    return {
        "cxrgate": version("cxrgate"),
        "certification": gate.certification,
        "policy": gate.policy.to_json(),
        "policy_digest": gate.policy.digest,
        "laxer": laxer_words(laxer) or None,
        "models": manifests,
        "snapshot": dict(snapshot),
        "synthetic": {"images": images, "name": config.synthetic.name},
        "invented_patients": config.invented_patients or None,
        "engine": config.engine.value,
        "batch_size": config.batch_size,
        "workers": config.decode_workers,
        "device": config.device,
        "threads": usable_cores(),
        "versions": {"python": platform.python_version(), **_versions()},
    }
