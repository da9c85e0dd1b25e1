"""The audit: leaks that we plant ourselves, through a gate as it is used, on patients that no model saw.

patients -> enrolled | calibration | test
enrolled -> snapshot -> gate; calibration -> its thresholds
leaks of the enrolled, patients of the test part, strangers -> gate -> table of cases
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd

from cxrgate.evaluate.gating import Progress
from cxrgate.gate import Gate, LocalModels, ModelFolders, Rule, RunConfig, enrol, local_gate, local_models
from cxrgate.gate.local import make_policy
from cxrgate.index import Snapshot
from cxrgate.index.keys import KEY_BYTES
from cxrgate.trust.audit_parts import Parts
from cxrgate.trust.audit_rule import choose_rule, nothing_matches
from cxrgate.trust.canaries import clean, plant, read_canaries, sampled, siblings
from cxrgate.trust.cases import Case, check_cases
from cxrgate.trust.leaks import LEAKS

MAIN = frozenset({"identical", "re_encoded", "medium_copy", "strong_copy"})
"""Classes with a target of their own: more patients, so narrower bounds."""
MAIN_PATIENTS, PATIENTS = 300, 80
"""Patients per class, drawn with a seed where there are more: a run on 5,000 images stays below twelve minutes."""
_MAIN_LEAKS = tuple(leak for leak in LEAKS if leak.leak_class in MAIN)
_OTHER_LEAKS = tuple(leak for leak in LEAKS if leak.leak_class not in MAIN)


@dataclass(frozen=True, slots=True, eq=False)
class Audit:
    """What was asked and answered. Tables as cases.check_cases gives them.

    Attributes:
        rule: with the thresholds that were chosen.
        snapshot: its digest.
        calibration: the cases that the thresholds were chosen on.
        cases: the leaks, the clean patients of the test part, the strangers.
    """

    rule: Rule
    snapshot: str
    calibration: pd.DataFrame = field(repr=False)
    cases: pd.DataFrame = field(repr=False)


def audit(store: Path, parts: Parts, work: Path, device: str = "cpu", progress: Progress = lambda *_: None) -> Audit:
    """Enrol, choose thresholds, plant, ask.

    Args:
        store: the models.
        parts: the patients.
        work: a folder for the snapshot.
        device: cpu or cuda.
        progress: called with what is being done, how much was done now and of how much.

    Raises:
        ModelError: a folder is not a model of its kind.
        SnapshotError: an image could not be enrolled.
        UsageError: too few patients, or an image cannot be decoded.
    """
    config = RunConfig(synthetic=work, output=work, snapshot=work / "snapshot", models=store)
    # The key makes ids opaque and nothing else; no figure depends on it.
    key = secrets.token_bytes(KEY_BYTES)
    with local_models(ModelFolders.of(store), device) as models:
        snapshot = _enrol(parts, config, models, key, progress)
        open_config = config.model_copy(update={"policy": nothing_matches(config.policy)})
        with local_gate(open_config, models, snapshot) as open_gate:
            chosen_on, rule = asyncio.run(_Auditor(open_gate, progress).choose(parts, config.policy, key))
            gate = replace(open_gate, policy=make_policy(rule, snapshot, models))
            cases = asyncio.run(_Auditor(gate, progress).measure(parts, key))
    return Audit(rule, snapshot.manifest.digest, chosen_on, cases)


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

    async def ask(self, step: str, cases: Iterable[Case], total: int) -> pd.DataFrame:
        return await check_cases(self.gate, cases, lambda count: self.progress(step, count, total))

    async def choose(self, parts: Parts, rule: Rule, key: bytes) -> tuple[pd.DataFrame, Rule]:
        cases = await self.ask("choose thresholds", clean(parts.calibration, key), len(parts.calibration))
        return cases, choose_rule(cases, rule)

    async def measure(self, parts: Parts, key: bytes) -> pd.DataFrame:
        decoder = self.gate.decoder
        canaries = await read_canaries(sampled(parts.sources, MAIN_PATIENTS), decoder, key)
        others = [canary.pixels for canary in await read_canaries(sampled(parts.test, PATIENTS), decoder, key)]
        tables = []
        for step, leaks, most in (
            ("plant copies", _MAIN_LEAKS, MAIN_PATIENTS),
            ("plant others", _OTHER_LEAKS, PATIENTS),
        ):
            chosen = sampled(canaries, most)
            tables.append(await self.ask(step, plant(chosen, others, leaks), len(chosen) * len(leaks)))
        tables.append(await self.ask("ask about siblings", siblings(parts.siblings, key), len(parts.siblings)))
        tables.append(await self.ask("ask about others", clean(parts.test, key), len(parts.test)))
        return pd.concat(tables, ignore_index=True)
