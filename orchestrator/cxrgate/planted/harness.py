"""An enrolled set, a gate over it, and the cases that the gate is asked about: one way for every experiment.

listed_images -> EnrolledSet (snapshot, models, key) -> open with a policy -> Harness -> ask about PlantedCases -> table
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd

from cxrgate.core import Policy
from cxrgate.core.progress import Progress
from cxrgate.core.standout import Standout
from cxrgate.gate.binding import SnapshotFacts, bind_policy
from cxrgate.gate.config import ModelFolders, PolicyConfig, RunConfig
from cxrgate.gate.local import LocalModels, local_gate
from cxrgate.gate.pipeline import Gate
from cxrgate.index import Snapshot
from cxrgate.index.self_measurement import read_measurement
from cxrgate.planted.cases import BATCH, PlantedCase, check_cases
from cxrgate.planted.origins import LeakOrigin, read_origins
from cxrgate.run.enrol import enrol
from cxrgate.train import ListedImage

ORIGINS = 64
"""Images in memory that cases are made of."""


@dataclass(frozen=True, slots=True)
class Harness:
    """A gate over an enrolled set, the key of the set's opaque ids, and who is told how far it has come.

    `standout` is recorded of every case, also where the score decides; None for a snapshot that has none.
    """

    gate: Gate
    key: bytes = field(repr=False)
    progress: Progress = field(repr=False)
    standout: Standout | None = None

    async def origins(self, listed_images: Sequence[ListedImage]) -> list[LeakOrigin]:
        """The listed images' images, decoded as for enrolment; errors as read_origins."""
        return await read_origins(listed_images, self.gate.decoder, self.key)

    async def ask(self, step: str, cases: Iterable[PlantedCase], total: int, batch: int = BATCH) -> pd.DataFrame:
        """Ask the gate about each case; the table of check_cases.

        Args:
            step: what progress is told is being done.
            cases: taken one by one.
            total: how many cases the step has in all.
            batch: cases per batch of the gate.
        """
        told = self.gate.policy.standout or self.standout
        return await check_cases(self.gate, cases, lambda count: self.progress(step, count, total), batch, told)

    async def ask_of_origins(
        self,
        step: str,
        listed_images: Sequence[ListedImage],
        make: Callable[[Sequence[LeakOrigin]], Iterable[PlantedCase]],
        total: int,
    ) -> list[pd.DataFrame]:
        """Ask about what `make` makes of the listed images, ORIGINS of them at a time; one table for each time."""
        tables = []
        for start in range(0, len(listed_images), ORIGINS):
            origins = await self.origins(listed_images[start : start + ORIGINS])
            tables.append(await self.ask(step, make(origins), total))
        return tables

    def under(self, policy: Policy) -> Harness:
        """The same gate with another policy over the same snapshot and models."""
        return replace(self, gate=replace(self.gate, policy=policy))


@dataclass(frozen=True, slots=True)
class EnrolledSet:
    """Real images in a snapshot, with the models that it was built with and the key of its opaque ids."""

    config: RunConfig
    models: LocalModels
    snapshot: Snapshot
    key: bytes = field(repr=False)

    @classmethod
    def enrol(
        cls,
        listed_images: Sequence[ListedImage],
        models: LocalModels,
        store: Path,
        work: Path,
        key: bytes,
        progress: Progress,
        rule: PolicyConfig,
    ) -> EnrolledSet:
        """Enrol every listed image into work/snapshot, with keypoints where the rule asks for matches.

        Args:
            listed_images: whose images are enrolled.
            models: loaded from `store`.
            store: the model store.
            work: a folder without a snapshot.
            key: makes the ids opaque and nothing else; no figure depends on it.
            progress: called with "enrol", the images done now and those in all.
            rule: that a gate over the set is opened with.

        Raises:
            SnapshotError: an image could not be enrolled, or there is none.
        """
        folders, keypoints = ModelFolders.of(store), rule.match_threshold is not None
        config = RunConfig(synthetic=work, output=work, snapshot=work / "snapshot", models=folders, policy=rule)
        files = [listed_image.file for listed_image in listed_images]

        def done(count: int) -> None:
            progress("enrol", count, len(files))

        snapshot = asyncio.run(enrol(files, config.snapshot, models, key, progress=done, keypoints=keypoints))
        return cls(config, models, snapshot, key)

    @contextmanager
    def open(self, progress: Progress, rule: PolicyConfig | None = None) -> Iterator[Harness]:
        """A gate over the set under `rule`, the configured one where it is None; no certificate is asked for.

        Raises:
            MismatchError: the snapshot was built with other models.
            SnapshotError: it is not what its manifest says.
        """
        update = {"certification": "none", "policy": rule or self.config.policy}
        with local_gate(self.config.model_copy(update=update), self.models, self.snapshot) as gate:
            measurement = read_measurement(self.snapshot.manifest)
            yield Harness(gate, self.key, progress, None if measurement is None else measurement.standout)

    def policy(self, rule: PolicyConfig) -> Policy:
        """The rule, bound to this snapshot and these models."""
        return bind_policy(rule, SnapshotFacts.of(self.snapshot.manifest), self.models, self.config.release.side)
