"""Scores of a model folder on a listing: per source and pooled, without the patients that the model saw."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cxrgate.core import UsageError
from cxrgate.core.allocator import keep_freed_memory
from cxrgate.core.heads import Head
from cxrgate.models import ModelKind, ModelManifest, read_manifest
from cxrgate.models.runtimes.forward import Forward, open_forward
from cxrgate.train.listing import ListedImage, patient_hash
from cxrgate.train.pixels import decoded, numbers
from cxrgate.train.scoring.figures import (
    Figure,
    Pairs,
    Queries,
    all_pairs,
    rank_queries,
    retrieval_figures,
    verification_figures,
)
from cxrgate.train.scoring.pair_file import NamedPair, find_pairs

Float64s = NDArray[np.float64]
Int64s = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class EmbeddedSet:
    """Embeddings (or Siamese features) float32[n, d] of listed images, their patients int64[n], and the model's own."""

    rows: NDArray[np.float32] = field(repr=False)
    patients: Int64s = field(repr=False)
    listed_images: Sequence[ListedImage] = field(repr=False)
    manifest: ModelManifest
    head: Head

    def take(self, rows: Int64s) -> EmbeddedSet:
        """Only these rows; patients keep their numbers."""
        listed_images = [self.listed_images[row] for row in rows]
        return EmbeddedSet(self.rows[rows], self.patients[rows], listed_images, self.manifest, self.head)

    def sources(self) -> dict[str, Int64s]:
        """The rows of each source, in the listing's order."""
        names = np.array([listed_image.source for listed_image in self.listed_images])
        return {str(name): np.flatnonzero(names == name) for name in dict.fromkeys(names)}


@dataclass(frozen=True, slots=True, eq=False)
class SourceScores:
    """What one source gives to score: pairs of its images, and each image's search among the source's others."""

    pairs: Pairs
    queries: Queries


@dataclass(frozen=True, slots=True)
class Scores:
    """The figures of a model on a listing, what they are of, and what was left out because the model saw it."""

    manifest: ModelManifest
    figures: Figures
    images: int
    patients: int
    left_out_images: int
    left_out_patients: int
    pairs: int
    left_out_pairs: int


@dataclass(frozen=True, slots=True)
class Figures:
    """AUC, TPR at FPR, P@1, mAP@R and R-precision by name: of all sources pooled, and of each source."""

    pooled: Mapping[str, Figure]
    sources: Mapping[str, Mapping[str, Figure]]


def score_model(
    folder: Path,
    listed_images: Sequence[ListedImage],
    pairs: Sequence[NamedPair] | None = None,
    device: str = "cpu",
    progress: Callable[[int], None] = lambda _: None,
) -> Scores:
    """Score a model folder on the listed images of patients that it did not see.

    Args:
        folder: of any kind of model.
        listed_images: of a listing.
        pairs: the pairs to verify; every pair of a source's images where None.
        device: cpu or cuda.
        progress: as embed_listing.

    Raises:
        ModelError: not a model folder.
        UsageError: no image is left, or see find_pairs and embed_listing.
    """
    kept = unseen(read_manifest(folder), listed_images)
    named = None if pairs is None else find_pairs(listed_images, pairs)
    chosen = None if named is None else kept_pairs(named, listed_images, kept)
    embedded = embed_listing(folder, kept, device, progress)
    sources = score_sources(embedded, chosen)
    patients, patients_kept = (
        len({listed_image.patient_id for listed_image in part}) for part in (listed_images, kept)
    )
    return Scores(
        embedded.manifest,
        summarise(sources),
        images=len(kept),
        patients=patients_kept,
        left_out_images=len(listed_images) - len(kept),
        left_out_patients=patients - patients_kept,
        pairs=sum(len(part.pairs.scores) for part in sources.values()),
        left_out_pairs=0 if named is None or chosen is None else len(named) - len(chosen),
    )


def kept_pairs(pairs: Int64s, listed_images: Sequence[ListedImage], kept: Sequence[ListedImage]) -> Int64s:
    """Pairs of rows of `listed_images` as pairs of rows of `kept`, int64[p, 2]; without those not wholly there."""
    rows = {listed_image.file.image_id: row for row, listed_image in enumerate(kept)}
    renumbered = np.array([rows.get(listed_image.file.image_id, -1) for listed_image in listed_images], dtype=np.int64)[
        pairs
    ]
    return np.asarray(renumbered[(renumbered >= 0).all(axis=1)])


def unseen(manifest: ModelManifest, listed_images: Sequence[ListedImage]) -> list[ListedImage]:
    """The listed images of patients that neither weights nor thresholds of the model were fitted on.

    A model without a record of its patients (an imported one) leaves all of them.
    """
    seen = {patient for split in manifest.provenance.get("patients", {}).values() for patient in split}
    return [listed_image for listed_image in listed_images if patient_hash(listed_image.patient_id) not in seen]


def embed_listing(
    folder: Path,
    listed_images: Sequence[ListedImage],
    device: str = "cpu",
    progress: Callable[[int], None] = lambda _: None,
) -> EmbeddedSet:
    """Decode every listed image as a gate does and run the model on it.

    Args:
        folder: model folder.
        listed_images: of a listing.
        device: cpu or cuda.
        progress: called with the number of images that were embedded since the last call.

    Raises:
        ModelError: not a model folder.
        UsageError: no image, one that cannot be read (it is named), or the model gives numbers that are not finite.
    """
    if not listed_images:
        raise UsageError("the listing has no image to score")
    keep_freed_memory()
    forward = open_forward(folder, device)
    rows = np.concatenate(asyncio.run(_embed(forward, listed_images, progress)))
    if not np.isfinite(rows).all():
        raise UsageError(f"the model {folder} gives numbers that are not finite")
    return EmbeddedSet(
        rows, numbers([s.patient_id for s in listed_images]), listed_images, forward.manifest, forward.head
    )


async def _embed(
    forward: Forward, listed_images: Sequence[ListedImage], progress: Callable[[int], None]
) -> list[NDArray[np.float32]]:
    parts = []
    async for images in decoded(listed_images):
        parts.append(forward(images)[:, : forward.manifest.architecture.embedding])
        progress(len(images))
    return parts


def against(embedded: EmbeddedSet, probe: NDArray[np.float32], candidates: NDArray[np.float32]) -> Float64s:
    """How alike one image's row float32[d] and others' float32[m, d] are, float64[m].

    A retrieval model gives the negative Euclidean distance, which an index searches by; any other its head's score.
    """
    if embedded.manifest.kind is ModelKind.RETRIEVAL:
        difference = candidates.astype(np.float64) - probe.astype(np.float64)
        return np.asarray(-np.linalg.norm(difference, axis=1), dtype=np.float64)
    return embedded.head.score(probe, candidates)


def similarities(embedded: EmbeddedSet) -> Float64s:
    """Every image against every image, float64[n, n]: memory grows with the square of the images."""
    return np.stack([against(embedded, row, embedded.rows) for row in embedded.rows])


def pair_scores(embedded: EmbeddedSet, pairs: Int64s) -> Float64s:
    """How alike the two images of each pair of rows int64[p, 2] are, float64[p]."""
    scores = np.empty(len(pairs))
    order = np.argsort(pairs[:, 0], kind="stable")
    for part in np.split(order, np.flatnonzero(np.diff(pairs[order, 0])) + 1):
        if len(part):
            scores[part] = against(embedded, embedded.rows[pairs[part[0], 0]], embedded.rows[pairs[part, 1]])
    return scores


def score_sources(embedded: EmbeddedSet, pairs: Int64s | None = None) -> dict[str, SourceScores]:
    """Score every source by itself; a gallery holds the other images of the query's source.

    Args:
        embedded: patients keep their numbers, so that sources can be pooled.
        pairs: rows int64[p, 2] to verify, both of one source; every pair of a source's images where None.
    """
    result = {}
    for name, rows in embedded.sources().items():
        part = embedded.take(rows)
        matrix = similarities(part)
        verified = all_pairs(matrix, part.patients)
        if pairs is not None:
            verified = scored_pairs(embedded, pairs[np.isin(pairs[:, 0], rows)])
        result[name] = SourceScores(verified, rank_queries(matrix, part.patients))
    return result


def scored_pairs(embedded: EmbeddedSet, pairs: Int64s) -> Pairs:
    """Pairs of rows int64[p, 2] with their scores."""
    first, second = embedded.patients[pairs[:, 0]], embedded.patients[pairs[:, 1]]
    return Pairs(pair_scores(embedded, pairs), first == second, first, second)


def summarise(sources: Mapping[str, SourceScores]) -> Figures:
    """The figures of each source and of all of them pooled."""
    return Figures(_figures(list(sources.values())), {name: _figures([part]) for name, part in sources.items()})


def _figures(parts: Sequence[SourceScores]) -> dict[str, Figure]:
    return {
        **verification_figures([part.pairs for part in parts]),
        **retrieval_figures([part.queries for part in parts]),
    }
