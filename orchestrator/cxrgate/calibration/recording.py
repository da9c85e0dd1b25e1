"""The cases of a calibration, through the gate that is to be certified, and what else the promise depends on."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cxrgate.calibration.leak_policy import LeakPolicy
from cxrgate.calibration.overlap import Scan, scan_overlap
from cxrgate.calibration.patients import Patients, choose_patients
from cxrgate.core import UsageError
from cxrgate.core.progress import Progress, silent
from cxrgate.gate.binding import binding
from cxrgate.gate.config import PolicyConfig, RunConfig
from cxrgate.gate.local import LocalModels, local_gate, local_models
from cxrgate.gate.pipeline import Gate
from cxrgate.index import Snapshot, opaque_id, read_key
from cxrgate.index.changes import without_references
from cxrgate.index.keys import ID_BYTES
from cxrgate.planted.cases import PlantedCase, check_cases
from cxrgate.planted.classes.catalogue import GENERATED, LEAKS
from cxrgate.planted.generator import STRENGTHS
from cxrgate.planted.leak import Leak, Pixels
from cxrgate.planted.origins import generated, patient_key, plant, read_origins, siblings, unenrolled_cases
from cxrgate.planted.threshold_path import HIGHEST
from cxrgate.train import Sample

THRESHOLDS = ("score_threshold", "copy_threshold")
_ORIGINS, _MIXED = 64, 8
"""Images in memory that leaks are planted from, and that are blended in."""


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """What the gate said, and of which gate.

    Attributes:
        cases: see cases.check_cases.
        references: opaque ids of all references, sorted, uint8[n, 16].
        binding: of the gate, without the thresholds, which are yet to be chosen.
        scan: how many images were held against each other.
        twins: references that the twin index is without.
        copy_space: whether the gate has it.
    """

    cases: pd.DataFrame = field(repr=False)
    references: NDArray[np.uint8] = field(repr=False)
    binding: dict[str, Any] = field(repr=False)
    scan: Scan
    twins: int
    copy_space: bool


def record(
    config: RunConfig,
    samples: Sequence[Sample],
    policy: LeakPolicy,
    recorded: Collection[str] | None = None,
    progress: Progress = silent,
) -> Recording:
    """Plant leaks of enrolled patients, and ask the gate about them and about patients who are not enrolled.

    Args:
        config: of the gate; its enrolment names the key of the opaque ids.
        samples: of a listing whose images are named as they were at enrolment.
        policy: says which pairs are certified; those take every patient.
        recorded: as for choose_patients.
        progress: called with what is being done, how much was done now and of how much.

    Raises:
        UsageError: no key, patients that are not what is needed (see choose_patients), or a picture under two names.
        SnapshotError: the snapshot is not what its manifest says.
    """
    if config.enrol is None:
        raise UsageError("expected enrol.key in the configuration: it tells which patients are enrolled")
    key = read_key(config.enrol.key)
    asked = config.model_copy(update={"certification": "none", "policy": _open_rule(config.policy)})
    with (
        local_models(config.folders, config.device) as models,
        tempfile.TemporaryDirectory(prefix="cxrgate-") as work,
    ):
        snapshot = Snapshot.open(config.snapshot, config.read_storage_key())
        patients = choose_patients(samples, snapshot, key, models.manifests.values(), recorded)
        with local_gate(asked, models, snapshot) as gate:
            recorder = _Recorder(gate, key, progress)
            scan = asyncio.run(recorder.scan(patients))
            tables = [asyncio.run(recorder.planted(patients, policy)), asyncio.run(recorder.unenrolled(patients))]
            bound = binding(gate.policy, models.manifests)
        twin = _Twin(asked, models, snapshot, Path(work) / "twin", key)
        tables += twin.siblings(patients, progress)
    return Recording(
        cases=pd.concat(tables, ignore_index=True),
        references=_sorted_ids(snapshot),
        binding={name: value for name, value in bound.items() if name not in THRESHOLDS},
        scan=scan,
        twins=len(patients.twins),
        copy_space=asked.policy.copy_threshold is not None,
    )


@dataclass(frozen=True, slots=True)
class _Recorder:
    """A gate, the key of its ids, and how far it has come."""

    gate: Gate
    key: bytes
    progress: Progress

    async def scan(self, patients: Patients) -> Scan:
        taking_part, seen = patients.taking_part, patients.seen
        total = len(taking_part) + len(seen)
        return await scan_overlap(
            taking_part, seen, self.gate.decoder, lambda count: self.progress("scan for overlap", count, total)
        )

    async def planted(self, patients: Patients, policy: LeakPolicy) -> pd.DataFrame:
        """The certified pairs of every patient, and all others of those whom a hash picks."""
        certified = {(pair.leak_class, pair.strength) for pair in policy.certified}
        promised = [leak for leak in LEAKS if (leak.leak_class, leak.strength) in certified]
        others = [leak for leak in LEAKS if leak not in promised]
        few = sorted(patients.sources, key=self._lot)[: policy.measured_patients]
        drawn = patients.sources if GENERATED in {leak_class for leak_class, _ in certified} else few
        # Blends are with patients who are not enrolled: what is found is the source.
        mixed = await read_origins(patients.clean[:_MIXED], self.gate.decoder, self.key)
        pixels = [origin.pixels for origin in mixed]
        parts = await self._plant("plant certified", patients.sources, promised, pixels)
        parts += await self._plant("plant others", few, others, pixels)
        parts += await self._generate(drawn)
        return pd.concat(parts, ignore_index=True)

    async def unenrolled(self, patients: Patients) -> pd.DataFrame:
        return await self.ask(
            "ask about unenrolled patients", unenrolled_cases(patients.clean, self.key), len(patients.clean)
        )

    async def ask(self, step: str, cases: Iterable[PlantedCase], total: int) -> pd.DataFrame:
        return await check_cases(self.gate, cases, lambda count: self.progress(step, count, total))

    async def _plant(
        self, step: str, samples: Sequence[Sample], leaks: Sequence[Leak], mixed: Sequence[Pixels]
    ) -> list[pd.DataFrame]:
        """Tables in order; few images are in memory at once."""
        tables = []
        for start in range(0, len(samples), _ORIGINS):
            origins = await read_origins(samples[start : start + _ORIGINS], self.gate.decoder, self.key)
            tables.append(await self.ask(step, plant(origins, mixed, leaks), len(samples) * len(leaks)))
        return tables

    async def _generate(self, samples: Sequence[Sample]) -> list[pd.DataFrame]:
        """Tables of what generators draw, each over-fitted on a few images; a single image is none to fit on."""
        tables = []
        for start in range(0, len(samples), _ORIGINS):
            origins = await read_origins(samples[start : start + _ORIGINS], self.gate.decoder, self.key)
            if len(origins) > 1:
                cases = generated(origins)
                tables.append(await self.ask("draw near-duplicates", cases, len(samples) * len(STRENGTHS)))
        return tables

    def _lot(self, sample: Sample) -> str:
        return sha256(f"measured:{patient_key(self.key, sample)}".encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class _Twin:
    """The same gate over an index without the images that it is asked about."""

    config: RunConfig
    models: LocalModels
    snapshot: Snapshot
    folder: Path
    key: bytes

    def siblings(self, patients: Patients, progress: Progress) -> list[pd.DataFrame]:
        """Cases of another radiograph of the same patient; none where there are none."""
        samples = [*patients.twins, *patients.siblings]
        if not samples:
            return []
        removed = {opaque_id(self.key, "reference", sample.file.image_id) for sample in patients.twins}
        twin = without_references(self.snapshot, self.folder, removed)
        with local_gate(self.config, self.models, twin) as gate:
            recorder = _Recorder(gate, self.key, progress)
            return [asyncio.run(recorder.ask("ask about siblings", siblings(samples, self.key), len(samples)))]


def _open_rule(rule: PolicyConfig) -> PolicyConfig:
    """The rule with the highest thresholds: what these do not release no others do."""
    copy = None if rule.copy_threshold is None else HIGHEST
    return rule.model_copy(update={"score_threshold": HIGHEST, "copy_threshold": copy})


def _sorted_ids(snapshot: Snapshot) -> NDArray[np.uint8]:
    rows = sorted(row.tobytes() for row in np.asarray(snapshot.reference_ids))
    return np.frombuffer(b"".join(rows), np.uint8).reshape(-1, ID_BYTES)
