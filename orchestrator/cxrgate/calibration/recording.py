"""The cases of a calibration, through the gate that is to be certified, and what else the promise depends on."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cxrgate.calibration.enough import expect_enough
from cxrgate.calibration.leak_policy import LeakPolicy
from cxrgate.calibration.overlap import Scan, scan_overlap
from cxrgate.calibration.patients import Patients, choose_patients
from cxrgate.core import Policy, UsageError
from cxrgate.core.progress import Progress, Tell, silent, untold
from cxrgate.core.spaces import CHOSEN, COSINE_SPACES, IDENTITY_THRESHOLD, STANDOUT_THRESHOLD
from cxrgate.gate.binding import BINDING_KEYS, binding
from cxrgate.gate.config import PolicyConfig, RunConfig
from cxrgate.gate.default_rule import SCORE_THRESHOLD
from cxrgate.gate.dtypes import DtypeRule
from cxrgate.gate.local import local_models
from cxrgate.index import Snapshot, opaque_id, read_key
from cxrgate.index.changes import without_references
from cxrgate.index.keys import ID_BYTES
from cxrgate.index.self_measurement import Basis, SelfMeasurement, read_measurement
from cxrgate.planted.cases import PlantedCase
from cxrgate.planted.classes.catalogue import GENERATED, GENERATED_STRENGTHS, LEAKS
from cxrgate.planted.harness import EnrolledSet, Harness
from cxrgate.planted.origins import LeakOrigin, generated, patient_key, plant, siblings, unenrolled_cases
from cxrgate.planted.threshold_path import HIGHEST
from cxrgate.train import ListedImage

_MIXED = 8
"""Images that are blended in."""


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """What the gate said, and of which gate.

    Attributes:
        cases: see cases.check_cases.
        references: opaque ids of all references, sorted, uint8[n, 16].
        binding: of the gate, without the thresholds, which are yet to be chosen.
        scan: how many images were held against each other.
        twins: references that the twin index is without.
        thresholds: names of those that the gate has.
        default_rule: the numbers of the default rule for this snapshot and these models.
    """

    cases: pd.DataFrame = field(repr=False)
    references: NDArray[np.uint8] = field(repr=False)
    binding: dict[str, Any] = field(repr=False)
    scan: Scan
    twins: int
    thresholds: tuple[str, ...]
    default_rule: dict[str, Any] = field(repr=False)


def record(
    config: RunConfig,
    listed_images: Sequence[ListedImage],
    policy: LeakPolicy,
    recorded: Collection[str] | None = None,
    progress: Progress = silent,
    tell: Tell = untold,
) -> Recording:
    """Plant leaks of enrolled patients, and ask the gate about them and about patients who are not enrolled.

    Args:
        config: of the gate; its enrolment names the key of the opaque ids.
        listed_images: of a listing whose images are named as they were at enrolment.
        policy: says which pairs are certified; those take every patient.
        recorded: as for choose_patients; with it, patients may have become too few, which the rates then show.
        progress: called with what is being done, how much was done now and of how much.
        tell: called with who takes part, before anything is decoded.

    Raises:
        UsageError: no key, patients that are not what is needed (see choose_patients and expect_enough), or a picture
            under two names.
        SnapshotError: the snapshot is not what its manifest says.
    """
    if config.enrol is None:
        raise UsageError("the configuration lacks enrol.key, which tells which patients are enrolled")
    key = read_key(config.enrol.key)
    with (
        local_models(config.folders, config.device, DtypeRule.of(config)) as models,
        tempfile.TemporaryDirectory(prefix="cxrgate-") as work,
    ):
        snapshot = Snapshot.open(config.snapshot, config.read_storage_key())
        rule = _open_rule(config.policy, read_measurement(snapshot.manifest))
        patients = choose_patients(listed_images, snapshot, key, models.manifests.values(), recorded)
        tell(patients.sentence)
        if recorded is None:
            expect_enough(patients, policy, key)
        enrolled = EnrolledSet(config, models, snapshot, key)
        with enrolled.open(progress, rule) as harness:
            scan = asyncio.run(_scan(harness, patients))
            tables = [asyncio.run(_plant(harness, patients, policy)), asyncio.run(_ask_unenrolled(harness, patients))]
            opened = harness.gate.policy
        tables += _ask_siblings(enrolled, opened, patients, Path(work) / "twin", progress)
    return Recording(
        cases=pd.concat(tables, ignore_index=True),
        references=_sorted_ids(snapshot),
        binding={name: value for name, value in binding(opened, models.manifests).items() if name not in CHOSEN},
        scan=scan,
        twins=len(patients.twins),
        thresholds=tuple(name for name in CHOSEN if getattr(rule, name) is not None),
        default_rule=_default_rule(enrolled, opened),
    )


def _default_rule(enrolled: EnrolledSet, opened: Policy) -> dict[str, Any]:
    """The numbers of the default rule that decides as the calibrated one does: by the standout, or by the score."""
    rule = PolicyConfig() if opened.standout is not None else PolicyConfig(score_threshold=SCORE_THRESHOLD)
    default = enrolled.policy(rule)
    return {name: value for name in BINDING_KEYS if (value := getattr(default, name)) is not None or name in CHOSEN}


async def _scan(harness: Harness, patients: Patients) -> Scan:
    taking_part, seen = patients.taking_part, patients.seen
    total = len(taking_part) + len(seen)
    return await scan_overlap(
        taking_part, seen, harness.gate.decoder, lambda count: harness.progress("scan for overlap", count, total)
    )


async def _plant(harness: Harness, patients: Patients, policy: LeakPolicy) -> pd.DataFrame:
    """The certified pairs of every patient, and all others of those whom a hash picks."""
    certified = {(pair.leak_class, pair.strength) for pair in policy.certified}
    promised = [leak for leak in LEAKS if (leak.leak_class, leak.strength) in certified]
    others = [leak for leak in LEAKS if leak not in promised]
    few = sorted(patients.sources, key=partial(_lot, harness.key))[: policy.measured_patients]
    drawn = patients.sources if GENERATED in {leak_class for leak_class, _ in certified} else few
    # Blends are with patients who are not enrolled: what is found is the source.
    mixed = [origin.pixels for origin in await harness.origins(patients.unenrolled[:_MIXED])]
    tables = []
    for step, listed_images, leaks in (("plant certified", patients.sources, promised), ("plant others", few, others)):
        make = partial(plant, others=mixed, leaks=leaks)
        tables += await harness.ask_of_origins(step, listed_images, make, len(listed_images) * len(leaks))
    tables += await harness.ask_of_origins("draw near-duplicates", drawn, _drawn, len(drawn) * len(GENERATED_STRENGTHS))
    return pd.concat([table for table in tables if len(table)], ignore_index=True)


def _drawn(origins: Sequence[LeakOrigin]) -> Iterable[PlantedCase]:
    """What generators draw, each over-fitted on a few images; a single image is none to fit on."""
    return generated(origins) if len(origins) > 1 else ()


def _lot(key: bytes, listed_image: ListedImage) -> str:
    return sha256(f"measured:{patient_key(key, listed_image)}".encode()).hexdigest()


async def _ask_unenrolled(harness: Harness, patients: Patients) -> pd.DataFrame:
    cases = unenrolled_cases(patients.unenrolled, harness.key)
    return await harness.ask("ask about unenrolled patients", cases, len(patients.unenrolled))


def _ask_siblings(
    enrolled: EnrolledSet, opened: Policy, patients: Patients, folder: Path, progress: Progress
) -> list[pd.DataFrame]:
    """Another radiograph of each patient, asked of an index without it; no table where there are none.

    The twin index decides by the standout of the whole one: it is to stand in for that, and never measured itself.
    """
    listed_images = [*patients.twins, *patients.siblings]
    if not listed_images:
        return []
    removed = {opaque_id(enrolled.key, "reference", listed_image.file.image_id) for listed_image in patients.twins}
    twin = replace(enrolled, snapshot=without_references(enrolled.snapshot, folder, removed))
    by_score = _open_rule(enrolled.config.policy, None)
    with twin.open(progress, by_score) as harness:
        own = harness.gate.policy
        asked = harness.under(replace(opened, snapshot=own.snapshot, references=own.references))
        cases = siblings(listed_images, enrolled.key)
        return [asyncio.run(asked.ask("ask about siblings", cases, len(listed_images)))]


def _open_rule(rule: PolicyConfig, measurement: SelfMeasurement | None) -> PolicyConfig:
    """The rule with the highest thresholds: what these do not release no others do.

    The standout decides as it does without a certificate: unless the rule names a score_threshold, or the snapshot has
    no measurement to make standouts by.
    """
    spaces = [space.threshold for space in COSINE_SPACES if getattr(rule, space.threshold) is not None]
    by_score = rule.score_threshold is not None or measurement is None or measurement.basis is Basis.NOTHING
    identity = {
        IDENTITY_THRESHOLD: HIGHEST if by_score else None,
        STANDOUT_THRESHOLD: None if by_score else HIGHEST,
    }
    return rule.model_copy(update={**identity, **dict.fromkeys(spaces, HIGHEST)})


def _sorted_ids(snapshot: Snapshot) -> NDArray[np.uint8]:
    rows = sorted(row.tobytes() for row in np.asarray(snapshot.reference_ids))
    return np.frombuffer(b"".join(rows), np.uint8).reshape(-1, ID_BYTES)
