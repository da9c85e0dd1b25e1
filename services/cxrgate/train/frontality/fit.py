"""Fit the head that tells frontal chest radiographs from everything else, on what a finished retrieval model pools.

It sees radiographs, as they are and changed, and what is none: views of other pictures and spoiled radiographs
(outlier exposure, Hendrycks et al. 2019). The model's embeddings stay what they were, bit for bit.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from cxrgate.core import ModelError, UsageError
from cxrgate.core.allocator import keep_freed_memory
from cxrgate.core.progress import Progress, silent
from cxrgate.models import ModelKind, ModelManifest, make_architecture
from cxrgate.models.networks.embedder import Embedder, FrontalityHead
from cxrgate.models.resize import resize
from cxrgate.models.store import StoredModel, load_model, save_model
from cxrgate.train.augmenter import Augmenter
from cxrgate.train.bands import certify_bands
from cxrgate.train.frontality.outliers import SPOILED, read_pictures, view
from cxrgate.train.frontality.recipe import FrontalityRecipe
from cxrgate.train.inputs import normalise, stored_side
from cxrgate.train.listing import ListedImage, Split
from cxrgate.train.pixels import PixelSet, decode_part

_BATCH = 32
Float32s = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class FrontalityJob:
    """What to fit to. `model` is a finished retrieval model, `outliers` a folder of pictures in one folder per source.

    `work` holds decoded images; `folder` becomes the model with its head.
    """

    listed_images: Sequence[ListedImage]
    recipe: FrontalityRecipe
    seed: int
    model: Path
    outliers: Path
    work: Path
    folder: Path


def fit_frontality(job: FrontalityJob, progress: Progress = silent) -> ModelManifest:
    """Write the model with a head for frontality, in place of an older one.

    Args:
        job: listed images of the split `train` are fitted to, those of `tune` set where 0.5 lies.
        progress: called with what is being done, how much was done now and of how much.

    Raises:
        ModelError: no model folder, or not an embedder for retrieval, or a number that is not finite in 16 bits, see
            certify_bands.
        UsageError: no radiographs of a split, no pictures, or an image cannot be read.
    """
    keep_freed_memory()
    model = load_model(job.model)
    if not isinstance(model.network, Embedder) or model.manifest.kind is not ModelKind.RETRIEVAL:
        raise ModelError(f"{job.model} is no retrieval model whose network is an embedder")
    material = _Material(job, _Pooling(model.manifest, model.network, progress))
    for split in (Split.TRAIN, Split.TUNE):
        material.expect(split)
    frontal, strange = material.radiographs(Split.TRAIN), material.outliers()
    head = _fit(frontal.rows, strange.rows, job)
    _set_threshold(head, material.radiographs(Split.TUNE, changed=False).rows, job.recipe.refused)
    saved = _save(job, model, head, {**frontal.counts, **strange.counts})
    return certify_bands(saved, job.folder, material.plain(Split.TUNE), progress)


@dataclass(frozen=True, slots=True, eq=False)
class _Pooled:
    """What the trunk pools, float32[n, d], and how many images of each source there are."""

    rows: Float32s = field(repr=False)
    counts: dict[str, int]


@dataclass(frozen=True, slots=True, eq=False)
class _Pooling:
    """Runs images through the model's trunk."""

    manifest: ModelManifest
    network: Embedder
    progress: Progress

    @torch.inference_mode()
    def inputs(self, what: str, batches: Iterable[Tensor], count: int) -> Float32s:
        """Of float32[n, 1, side, side] in 0 to 1."""
        rows = []
        for batch in batches:
            rows.append(self.network.pooled(normalise(batch, self.manifest.preprocessing)).numpy())
            self.progress(f"look at {what}", len(batch), count)
        return np.concatenate(rows)

    def pictures(self, what: str, pictures: Sequence[NDArray[np.uint8]]) -> Float32s:
        """Of uint8[h, w] of any shape."""
        fitted = [resize(picture, self.manifest.preprocessing) for picture in pictures]
        stacks = (np.stack(fitted[i : i + _BATCH]) for i in range(0, len(fitted), _BATCH))
        return self.inputs(what, (torch.from_numpy(stack).unsqueeze(1) / 255 for stack in stacks), len(fitted))


@dataclass(frozen=True, slots=True)
class _Material:
    """The images that a head is fitted to."""

    job: FrontalityJob
    pooling: _Pooling

    def radiographs(self, split: Split, *, changed: bool = True) -> _Pooled:
        """The radiographs of a split as they are and, with `changed`, once more changed at random."""
        preprocessing, recipe = self.pooling.manifest.preprocessing, self.job.recipe
        listed_images = self._chosen(split)
        rows = [self.pooling.pictures(f"radiographs of {split}", list(self.plain(split)))]
        if changed:
            larger = self._decode(listed_images, stored_side(preprocessing)).pixels
            generator = torch.Generator().manual_seed(self.job.seed)
            parts = (np.array(larger[i : i + _BATCH]) for i in range(0, len(larger), _BATCH))
            batches = (
                Augmenter(recipe.augmentation)(torch.from_numpy(part), preprocessing.height, generator)
                for part in parts
            )
            rows.append(self.pooling.inputs("changed radiographs", batches, len(larger)))
        return _Pooled(np.concatenate(rows), {"radiographs": len(listed_images)})

    def plain(self, split: Split) -> NDArray[np.uint8]:
        """The radiographs of a split as they are, uint8[n, side, side] of the network's input."""
        return self._decode(self._chosen(split), self.pooling.manifest.preprocessing.height).pixels

    def outliers(self) -> _Pooled:
        """Views of the pictures, and spoiled radiographs."""
        random = np.random.default_rng(self.job.seed)
        made = [*self._views(random), *self._spoiled(random)]
        counts: dict[str, int] = defaultdict(int)
        for source, _ in made:
            counts[source] += 1
        return _Pooled(self.pooling.pictures("outliers", [pixels for _, pixels in made]), counts)

    def _views(self, random: np.random.Generator) -> Iterable[tuple[str, NDArray[np.uint8]]]:
        sources = defaultdict(list)
        for source, picture in read_pictures(self.job.outliers):
            sources[source].append(picture)
        for source, pictures in sources.items():
            yield from ((source, picture) for picture in pictures)
            count = min(self.job.recipe.views, max(4 * len(pictures), 24)) - len(pictures)
            yield from ((source, view(pictures[n % len(pictures)], random)) for n in range(count))

    def _spoiled(self, random: np.random.Generator) -> Iterable[tuple[str, NDArray[np.uint8]]]:
        listed_images = self._chosen(Split.TRAIN)
        pixels = self._decode(listed_images, stored_side(self.pooling.manifest.preprocessing)).pixels
        for name, spoil in SPOILED.items():
            rows = random.permutation(len(pixels))[: self.job.recipe.spoiled]
            yield from ((name, spoil(np.array(pixels[row]), random)) for row in rows)

    def expect(self, split: Split) -> None:
        """Raise UsageError where there is no radiograph of the split."""
        if not any(listed_image.split is split for listed_image in self.job.listed_images):
            raise UsageError(f"the listing has no radiograph of the split {split}: this needs train and tune")

    def _chosen(self, split: Split) -> list[ListedImage]:
        """At most `per_source` of each source, drawn; all of the tune part."""
        listed_images = [listed_image for listed_image in self.job.listed_images if listed_image.split is split]
        most = self.job.recipe.per_source if split is Split.TRAIN else len(listed_images)
        order = np.random.default_rng(self.job.seed).permutation(len(listed_images))
        taken: dict[str, list[ListedImage]] = defaultdict(list)
        for row in order:
            if len(taken[listed_images[row].source]) < most:
                taken[listed_images[row].source].append(listed_images[row])
        return [listed_image for source in sorted(taken) for listed_image in taken[source]]

    def _decode(self, listed_images: Sequence[ListedImage], side: int) -> PixelSet:
        return decode_part(listed_images, side, self.job.work, self.pooling.progress)


def _fit(frontal: Float32s, strange: Float32s, job: FrontalityJob) -> FrontalityHead:
    """The head, by binary cross-entropy in which both kinds weigh the same."""
    recipe = job.recipe
    torch.manual_seed(job.seed)
    centre, spread = frontal.mean(0), frontal.std(0) + 1e-3
    parts = [torch.from_numpy((rows - centre) / spread) for rows in (frontal, strange)]
    head = FrontalityHead(frontal.shape[1], recipe.units)
    optimizer = torch.optim.AdamW(head.parameters(), recipe.rate, weight_decay=recipe.weight_decay)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, recipe.steps)
    target = torch.cat([torch.ones(recipe.batch // 2), torch.zeros(recipe.batch // 2)])
    for _ in range(recipe.steps):
        batch = torch.cat([part[torch.randint(len(part), (recipe.batch // 2,))] for part in parts])
        loss = nn.functional.binary_cross_entropy_with_logits(head.logits(batch)[:, 0], target)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
    _fold(head, torch.from_numpy(centre), torch.from_numpy(spread))
    return head


@torch.no_grad()
def _fold(head: FrontalityHead, centre: Tensor, spread: Tensor) -> None:
    """Let the head take numbers that are not standardised."""
    head.hidden.weight.div_(spread)
    head.hidden.bias.sub_(head.hidden.weight @ centre)


@torch.no_grad()
def _set_threshold(head: FrontalityHead, frontal: Float32s, refused: float) -> None:
    """Shift the head so that the share `refused` of these radiographs lies below 0.5."""
    logits = head.logits(torch.from_numpy(frontal))[:, 0].numpy()
    head.out.bias.sub_(float(np.quantile(logits, refused)))


def _save(job: FrontalityJob, model: StoredModel, head: FrontalityHead, counts: dict[str, int]) -> ModelManifest:
    manifest, recipe = model.manifest, job.recipe
    architecture = make_architecture({**manifest.to_json()["architecture"], "frontality": recipe.units})
    kept = {name: value for name, value in model.network.state_dict().items() if not name.startswith("frontality.")}
    state = {**kept, **{f"frontality.{name}": value for name, value in head.state_dict().items()}}
    fitted = {"recipe": recipe.model_dump(mode="json"), "seed": job.seed, "images": counts}
    provenance = {**manifest.provenance, "frontality": fitted}
    return save_model(
        job.folder,
        manifest.kind,
        architecture,
        manifest.preprocessing,
        state,
        provenance,
        dtype=manifest.dtype,
    )
