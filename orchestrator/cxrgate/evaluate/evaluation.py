"""A model store on held-out patients: identity, the gate, copies."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from cxrgate.core import UsageError
from cxrgate.core.progress import Progress, silent
from cxrgate.evaluate.division import divide
from cxrgate.evaluate.gate_figures import gate_counts, gate_figures, measured_thresholds
from cxrgate.evaluate.gating import ask_gate
from cxrgate.evaluate.identity import Subgroup, identity_counts, identity_figures, score_identity, subgroups
from cxrgate.gate.config import ModelFolders
from cxrgate.gate.local import local_models
from cxrgate.growth.galleries import Protocol
from cxrgate.growth.growth import Growth, measure_models
from cxrgate.growth.measure import ALL
from cxrgate.growth.plain import plain
from cxrgate.index.measuring.fit import DEFAULT_RATE
from cxrgate.models import ModelManifest, read_manifest
from cxrgate.planted.listing import HeldOut
from cxrgate.train import ListedImage
from cxrgate.train.scoring.figures import Figure
from cxrgate.train.scoring.models import EmbeddedSet, embed_listing

SUMMARY = (
    "auc",
    "tpr_at_fpr_1pct",
    "p_at_1",
    "map_at_r",
    "sensitivity",
    "specificity",
    "medium_copy",
    "strong_copy",
)
"""What the last line printed holds of each group."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Figures and counts by group and name, figures of subgroups, measured thresholds by name, the models' digests."""

    figures: Mapping[str, Mapping[str, Figure]]
    counts: Mapping[str, Mapping[str, int]]
    subgroups: Sequence[Subgroup] = field(repr=False)
    thresholds: Mapping[str, float]
    models: Mapping[str, str]
    growth: Growth = field(default=Growth(), repr=False)

    def summary(self) -> dict[str, Any]:
        """Plain numbers, None where there is nothing to measure."""
        groups = {group: {name: plain(row[name].value) for name in SUMMARY} for group, row in self.figures.items()}
        return {**groups, "identification": self._identification(), "false_flags": self._false_flags()}

    def _identification(self) -> dict[str, dict[str, float | None]]:
        """Recognised at 5 % of false flags, all sources together, by protocol and number of references."""
        found: dict[str, dict[str, float | None]] = {"one_reference": {}, "all_but_query": {}}
        for row in self.growth.rows:
            if row.source == ALL and row.protocol.value in found:
                found[row.protocol.value][str(row.references)] = plain(row.recognised[DEFAULT_RATE].value)
        return found

    def _false_flags(self) -> dict[str, dict[str, float | None]]:
        """Unenrolled patients that the default rule flags, by source and number of references."""
        found: dict[str, dict[str, float | None]] = {}
        for row in self.growth.rows:
            if row.protocol is Protocol.AT_RANDOM:
                found.setdefault(row.source, {})[str(row.references)] = plain(row.flagged[DEFAULT_RATE].value)
        return found

    def to_json(self) -> dict[str, Any]:
        """Everything, None in place of NaN."""
        content: dict[str, Any] = {}
        for name, value in asdict(self).items():
            content |= value if name == "thresholds" else {name: value}
        growth = content.pop("growth")
        result: dict[str, Any] = plain({**content, "growth": growth["rows"], "extrapolated": growth["extrapolated"]})
        return result


def read_manifests(store: Path) -> dict[str, ModelManifest]:
    """The manifests of a store by kind; ModelError where a folder is not a model."""
    return {kind.value: read_manifest(folder) for kind, folder in ModelFolders.of(store).paths.items()}


def evaluate(
    store: Path,
    held_out: HeldOut,
    work: Path,
    device: str = "cpu",
    progress: Progress = silent,
    fillers: Sequence[ListedImage] = (),
) -> Evaluation:
    """Judge the models of a store.

    Args:
        store: with the folders retrieval, verification and, where there is one, copy.
        held_out: what they are judged on.
        work: a folder for the snapshot, which is removed again.
        device: cpu or cuda.
        progress: called with what is being done, how much was done now and of how much.
        fillers: images of patients that a model saw: they fill larger galleries.

    Raises:
        ModelError: a folder is not a model of its kind.
        UsageError: an image cannot be read.
        SnapshotError: an image cannot be enrolled.
    """
    folders, listed_images = ModelFolders.of(store), held_out.listed_images
    sources = [listed_image.source for listed_image in listed_images]

    def embed(kind: str, folder: Path) -> EmbeddedSet:
        return embed_listing(
            folder, listed_images, device, lambda done: progress(f"embed, {kind}", done, len(listed_images))
        )

    # The gate first: it refuses a store that does not fit.
    with local_models(folders, device) as models:
        division = divide(listed_images)
        if not division.enrolled:
            raise UsageError("no patient has several images, and none is drawn to be enrolled: give more images")
        answers = ask_gate(store, models, division, work, progress)
        growth = measure_models(models, listed_images, fillers, (ALL, *sorted(set(sources))), work, progress)
    shutil.rmtree(work / "snapshot")
    verification, retrieval = embed("verification", folders.verification), embed("retrieval", folders.retrieval)
    identity = score_identity(verification, retrieval, held_out.entries)
    thresholds = measured_thresholds(answers.unenrolled)
    return Evaluation(
        figures=_merge(identity_figures(identity), gate_figures(answers, sources, thresholds)),
        counts=_merge(identity_counts(identity), gate_counts(answers, sources)),
        subgroups=subgroups(identity),
        thresholds=thresholds,
        models={kind: manifest.digest for kind, manifest in read_manifests(store).items()},
        growth=growth,
    )


def _merge(*tables: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Tables of the same groups, side by side."""
    return {group: {name: value for table in tables for name, value in table[group].items()} for group in tables[0]}
