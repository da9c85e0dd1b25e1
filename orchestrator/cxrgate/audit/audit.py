"""The audit: leaks that we plant ourselves, through a gate as it is used, on patients that no model saw.

patients -> enrolled | test
enrolled -> snapshot, which measures itself -> gate with the thresholds that a rule takes from it
leaks of the enrolled, patients of the test part, outliers -> gate -> table of cases
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from cxrgate.audit.axes import Axes, infer_membership, measure_consistency
from cxrgate.audit.exhaustive import verify_all
from cxrgate.audit.parts import Parts
from cxrgate.core import Policy
from cxrgate.core.progress import Progress, silent
from cxrgate.core.standout import Standout
from cxrgate.gate.config import ModelFolders, PolicyConfig
from cxrgate.gate.local import local_models
from cxrgate.growth.growth import Growth, measure_models
from cxrgate.growth.measure import ALL, Drawing
from cxrgate.index.keys import KEY_BYTES
from cxrgate.index.self_measurement import OperatingPoint, read_measurement
from cxrgate.planted.cases import PlantedCase
from cxrgate.planted.classes.catalogue import GENERATED_STRENGTHS, LEAKS
from cxrgate.planted.harness import EnrolledSet, Harness
from cxrgate.planted.leak import Pixels
from cxrgate.planted.origins import (
    LeakOrigin,
    generated,
    outlier_cases,
    plant,
    sampled,
    siblings,
    unenrolled_cases,
)
from cxrgate.planted.outliers.catalogue import outliers

MAIN = frozenset({"identical", "re_encoded", "medium_copy", "strong_copy"})
"""Classes with a target of their own: more patients, so narrower bounds."""
MAIN_PATIENTS, PATIENTS, GENERATED_PATIENTS = 300, 80, 48
"""Patients per class, drawn with a seed where there are more: a run on 5,000 images stays below twelve minutes."""
GALLERIES = Drawing(draws=10)
"""Half as many as `cxrgate evaluate` draws, of all sources together."""
_MAIN_LEAKS = tuple(leak for leak in LEAKS if leak.leak_class in MAIN)
_OTHER_LEAKS = tuple(leak for leak in LEAKS if leak.leak_class not in MAIN)


@dataclass(frozen=True, slots=True, eq=False)
class Audit:
    """What was asked and answered. Tables as cases.check_cases gives them.

    Attributes:
        policy: that decided, with the thresholds that the snapshot measured for itself where the rule sets none.
        points: the thresholds that the snapshot measured for other false-flag rates; none where the score decides.
        cases: the leaks, the unenrolled patients of the test part, the outliers.
        axes: consistency, membership inference, exhaustive verification.
        standout: of the snapshot, by which the standouts of the cases were made; None where it has none.
        growth: what the default rule recognises and flags as the index grows.
    """

    policy: Policy
    points: Sequence[OperatingPoint] = field(repr=False)
    cases: pd.DataFrame = field(repr=False)
    axes: Axes = field(repr=False)
    standout: Standout | None = field(repr=False)
    growth: Growth = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Opened:
    """A gate over the enrolled patients."""

    harness: Harness
    enrolled: EnrolledSet


def audit(
    store: Path,
    parts: Parts,
    work: Path,
    device: str = "cpu",
    progress: Progress = silent,
    others: Sequence[Path] = (),
    rule: PolicyConfig | None = None,
) -> Audit:
    """Enrol, plant, ask.

    Args:
        store: the models.
        parts: the patients.
        work: a folder for the snapshots.
        device: cpu or cuda.
        progress: called with what is being done, how much was done now and of how much.
        others: models of other training seeds: each gets an index with thresholds of its own, and is asked whether it
            decides the same of the same images.
        rule: that every gate is opened with, None the default one; with match_threshold the snapshots keep keypoints.

    Raises:
        ModelError: a folder is not a model of its kind.
        SnapshotError: an image could not be enrolled.
        UsageError: too few patients, or an image cannot be decoded.
    """
    key = secrets.token_bytes(KEY_BYTES)
    with ExitStack() as stack:
        opened, *rest = (
            stack.enter_context(
                _opened(folder, rule or PolicyConfig(), parts, work / str(number), key, device, progress)
            )
            for number, folder in enumerate((store, *others))
        )
        by_name = {f"models of {folder.name}": other.harness for folder, other in zip(others, rest, strict=True)}
        cases = asyncio.run(_measure(opened.harness, parts))
        axes = asyncio.run(_measure_axes(opened, parts, cases, by_name))
        models = opened.enrolled.models
        growth = measure_models(models, parts.unseen, parts.others, (ALL,), work, progress, GALLERIES)
    policy, measurement = opened.harness.gate.policy, read_measurement(opened.enrolled.snapshot.manifest)
    points = () if policy.standout is None or measurement is None else measurement.points
    return Audit(policy, points, cases, axes, opened.harness.standout, growth)


@contextmanager
def _opened(
    store: Path, rule: PolicyConfig, parts: Parts, work: Path, key: bytes, device: str, progress: Progress
) -> Iterator[_Opened]:
    with local_models(ModelFolders.of(store), device) as models:
        enrolled = EnrolledSet.enrol(parts.enrolled, models, store, work, key, progress, rule)
        with enrolled.open(progress) as harness:
            yield _Opened(harness, enrolled)


async def _measure(harness: Harness, parts: Parts) -> pd.DataFrame:
    origins = await harness.origins(sampled(parts.sources, MAIN_PATIENTS))
    donors = [origin.pixels for origin in await harness.origins(sampled(parts.test, PATIENTS))]
    steps = _steps(parts, origins, donors, harness)
    return pd.concat([await harness.ask(*step) for step in steps], ignore_index=True)


async def _measure_axes(opened: _Opened, parts: Parts, cases: pd.DataFrame, others: Mapping[str, Harness]) -> Axes:
    harness, enrolled = opened.harness, opened.enrolled
    same = await harness.origins(sampled(parts.siblings, PATIENTS))
    both = [*same, *await harness.origins(sampled(parts.test, PATIENTS))]
    return Axes(
        consistency=await measure_consistency(harness, both, others),
        membership=infer_membership(cases),
        exhaustive=await verify_all(same, enrolled.models, enrolled.snapshot, harness.gate.policy),
    )


def _steps(
    parts: Parts, origins: Sequence[LeakOrigin], donors: Sequence[Pixels], harness: Harness
) -> Iterator[tuple[str, Iterator[PlantedCase], int]]:
    """What is asked, and how many cases there are of it; each is made when its turn has come."""
    few, drawn, others = sampled(origins, PATIENTS), sampled(origins, GENERATED_PATIENTS), list(outliers())
    yield "plant copies", plant(origins, donors, _MAIN_LEAKS), len(origins) * len(_MAIN_LEAKS)
    yield "plant other leaks", plant(few, donors, _OTHER_LEAKS), len(few) * len(_OTHER_LEAKS)
    yield "plant generated ones", generated(drawn, harness.progress), len(drawn) * len(GENERATED_STRENGTHS)
    yield "ask about siblings", siblings(parts.siblings, harness.key), len(parts.siblings)
    yield "ask about patients not enrolled", unenrolled_cases(parts.test, harness.key), len(parts.test)
    yield "ask about outliers", outlier_cases(others), len(others)
