"""The audit: leaks that we plant ourselves, through a gate as it is used, on patients that no model saw.

patients -> enrolled | calibration | test
enrolled -> snapshot -> gate; calibration -> its thresholds
leaks of the enrolled, patients of the test part, outliers -> gate -> table of cases
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd

from cxrgate.audit.axes import Axes, infer_membership, measure_consistency
from cxrgate.audit.exhaustive import verify_all
from cxrgate.audit.parts import Parts
from cxrgate.audit.rule import choose_rule, nothing_matches
from cxrgate.core.progress import Progress, silent
from cxrgate.gate.binding import SnapshotFacts, bind_policy, resolve_defaults
from cxrgate.gate.config import ModelFolders, PolicyConfig, RunConfig
from cxrgate.gate.local import LocalModels, local_gate, local_models
from cxrgate.gate.pipeline import Gate
from cxrgate.index import Snapshot
from cxrgate.index.keys import KEY_BYTES
from cxrgate.planted.cases import PlantedCase, check_cases
from cxrgate.planted.classes.catalogue import LEAKS
from cxrgate.planted.generator import STRENGTHS
from cxrgate.planted.leak import Pixels
from cxrgate.planted.origins import (
    LeakOrigin,
    generated,
    outlier_cases,
    plant,
    read_origins,
    sampled,
    siblings,
    unenrolled_cases,
)
from cxrgate.planted.outliers.catalogue import outliers
from cxrgate.run.enrol import enrol

MAIN = frozenset({"identical", "re_encoded", "medium_copy", "strong_copy"})
"""Classes with a target of their own: more patients, so narrower bounds."""
MAIN_PATIENTS, PATIENTS, GENERATED_PATIENTS = 300, 80, 48
"""Patients per class, drawn with a seed where there are more: a run on 5,000 images stays below twelve minutes."""
_MAIN_LEAKS = tuple(leak for leak in LEAKS if leak.leak_class in MAIN)
_OTHER_LEAKS = tuple(leak for leak in LEAKS if leak.leak_class not in MAIN)


@dataclass(frozen=True, slots=True, eq=False)
class Audit:
    """What was asked and answered. Tables as cases.check_cases gives them.

    Attributes:
        rule: with the thresholds that were chosen.
        band: how far below a threshold counts as reaching it.
        snapshot: its digest.
        calibration: the cases that the thresholds were chosen on.
        cases: the leaks, the unenrolled patients of the test part, the outliers.
        axes: consistency, membership inference, exhaustive verification.
    """

    rule: PolicyConfig
    band: float
    snapshot: str
    calibration: pd.DataFrame = field(repr=False)
    cases: pd.DataFrame = field(repr=False)
    axes: Axes = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Opened:
    """A gate over the enrolled patients, with the thresholds that were chosen for it."""

    gate: Gate
    models: LocalModels
    snapshot: Snapshot
    rule: PolicyConfig
    chosen_on: pd.DataFrame = field(repr=False)


def audit(
    store: Path,
    parts: Parts,
    work: Path,
    device: str = "cpu",
    progress: Progress = silent,
    others: Sequence[Path] = (),
) -> Audit:
    """Enrol, choose thresholds, plant, ask.

    Args:
        store: the models.
        parts: the patients.
        work: a folder for the snapshots.
        device: cpu or cuda.
        progress: called with what is being done, how much was done now and of how much.
        others: models of other training seeds: each gets an index and thresholds of its own, and is asked whether it
            decides the same of the same images.

    Raises:
        ModelError: a folder is not a model of its kind.
        SnapshotError: an image could not be enrolled.
        UsageError: too few patients, or an image cannot be decoded.
    """
    # The key makes ids opaque and nothing else; no figure depends on it.
    key = secrets.token_bytes(KEY_BYTES)
    with ExitStack() as stack:
        opened, *rest = (
            stack.enter_context(_opened(folder, parts, work / str(number), key, device, progress))
            for number, folder in enumerate((store, *others))
        )
        gates = {f"models of {folder.name}": other.gate for folder, other in zip(others, rest, strict=True)}
        auditor = _Auditor(opened.gate, progress)
        cases = asyncio.run(auditor.measure(parts, key))
        axes = asyncio.run(auditor.measure_axes(parts, key, cases, opened, gates))
    return Audit(opened.rule, opened.gate.policy.band, opened.snapshot.manifest.digest, opened.chosen_on, cases, axes)


@contextmanager
def _opened(store: Path, parts: Parts, work: Path, key: bytes, device: str, progress: Progress) -> Iterator[_Opened]:
    config = RunConfig(synthetic=work, output=work, snapshot=work / "snapshot", models=store)
    with local_models(ModelFolders.of(store), device) as models:
        snapshot = _enrol(parts, config, models, key, progress)
        open_config = config.model_copy(update={"policy": nothing_matches(config.policy)})
        resolved = resolve_defaults(config.policy, models.manifests)
        with local_gate(open_config, models, snapshot) as open_gate:
            chosen_on, rule = asyncio.run(_Auditor(open_gate, progress).choose(parts, resolved, key))
            gate = replace(open_gate, policy=bind_policy(rule, SnapshotFacts.of(snapshot.manifest), models))
            yield _Opened(gate, models, snapshot, rule, chosen_on)


def _enrol(parts: Parts, config: RunConfig, models: LocalModels, key: bytes, progress: Progress) -> Snapshot:
    files = [sample.file for sample in parts.enrolled]

    def done(count: int) -> None:
        progress("enrol", count, len(files))

    return asyncio.run(enrol(files, config.snapshot, models, key, progress=done))


@dataclass(frozen=True, slots=True)
class _Auditor:
    """A gate, and how far it has come."""

    gate: Gate
    progress: Progress

    async def ask(self, step: str, cases: Iterable[PlantedCase], total: int) -> pd.DataFrame:
        return await check_cases(self.gate, cases, lambda count: self.progress(step, count, total))

    async def choose(self, parts: Parts, rule: PolicyConfig, key: bytes) -> tuple[pd.DataFrame, PolicyConfig]:
        cases = await self.ask("choose thresholds", unenrolled_cases(parts.calibration, key), len(parts.calibration))
        return cases, choose_rule(cases, rule, self.gate.policy.band)

    async def measure(self, parts: Parts, key: bytes) -> pd.DataFrame:
        decoder = self.gate.decoder
        origins = await read_origins(sampled(parts.sources, MAIN_PATIENTS), decoder, key)
        donors = [origin.pixels for origin in await read_origins(sampled(parts.test, PATIENTS), decoder, key)]
        return pd.concat([await self.ask(*step) for step in _steps(parts, origins, donors, key)], ignore_index=True)

    async def measure_axes(
        self, parts: Parts, key: bytes, cases: pd.DataFrame, opened: _Opened, others: Mapping[str, Gate]
    ) -> Axes:
        decoder, policy = self.gate.decoder, self.gate.policy
        same = await read_origins(sampled(parts.siblings, PATIENTS), decoder, key)
        both = [*same, *await read_origins(sampled(parts.test, PATIENTS), decoder, key)]
        return Axes(
            consistency=await measure_consistency(self.gate, both, others, self.progress),
            membership=infer_membership(cases),
            exhaustive=await verify_all(same, opened.models, opened.snapshot, policy),
        )


def _steps(
    parts: Parts, origins: Sequence[LeakOrigin], donors: Sequence[Pixels], key: bytes
) -> Iterator[tuple[str, Iterator[PlantedCase], int]]:
    """What is asked, and how many cases there are of it; each is made when its turn has come."""
    few, drawn, others = sampled(origins, PATIENTS), sampled(origins, GENERATED_PATIENTS), list(outliers())
    yield "plant copies", plant(origins, donors, _MAIN_LEAKS), len(origins) * len(_MAIN_LEAKS)
    yield "plant other leaks", plant(few, donors, _OTHER_LEAKS), len(few) * len(_OTHER_LEAKS)
    yield "plant generated ones", generated(drawn), len(drawn) * len(STRENGTHS)
    yield "ask about siblings", siblings(parts.siblings, key), len(parts.siblings)
    yield "ask about patients not enrolled", unenrolled_cases(parts.test, key), len(parts.test)
    yield "ask about outliers", outlier_cases(others), len(others)
