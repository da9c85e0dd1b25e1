"""Enrolment: every real image is decoded, embedded and written, or nothing is."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from cxrgate.core import Descriptors, Failure, GreyImage, SnapshotError
from cxrgate.core.counted import counted
from cxrgate.core.ports import Embedder
from cxrgate.core.spaces import COSINE_SPACES
from cxrgate.images.descriptors import LAYOUT_DIMENSIONS, made_by
from cxrgate.index.array_files import array_path, describe_array, write_array
from cxrgate.index.image_records import NO_FILE, PIXELS, STAMPS, pixels_digest, stamp_digest
from cxrgate.index.keypoint_rows import FILE, keypoints_entry
from cxrgate.index.keys import ID_BYTES, opaque_id
from cxrgate.index.manifest import ARRAYS, ArrayEntry, PartEntry, PartName, SnapshotManifest, write_manifest
from cxrgate.index.parts import Derive, no_parts, write_part
from cxrgate.index.snapshot import DATA_KEY, Snapshot
from cxrgate.index.space_codes import codes_part
from cxrgate.storage import create_data_key, whole_folder

_SHOWN = 20
_STAMPS, _PIXELS = f"{PartName.IMAGES}.{STAMPS}", f"{PartName.IMAGES}.{PIXELS}"


def _weight_free() -> dict[str, str]:
    return {space.name: made_by(space.name, None) for space in COSINE_SPACES}


@dataclass(frozen=True, slots=True)
class ModelDigests:
    """The models whose outputs a snapshot holds; `methods` says of each cosine space how it was described."""

    retrieval: str
    verification: str
    methods: Mapping[str, str] = field(default_factory=_weight_free)

    def to_json(self) -> dict[str, str]:
        """By name of the model or the space."""
        return {"retrieval": self.retrieval, "verification": self.verification, **self.methods}

    @classmethod
    def of(cls, manifest: SnapshotManifest) -> ModelDigests:
        """Of a snapshot."""
        return cls(manifest.retrieval, manifest.verification, manifest.methods)


@dataclass(frozen=True, slots=True, eq=False)
class EmbeddedImage:
    """What a snapshot keeps of one image; `digest` is that of its pixels, in hex."""

    digest: str
    spaces: Mapping[str, NDArray[np.float32]]
    features: NDArray[np.float32]
    layout: NDArray[np.float32]
    keypoints: NDArray[np.uint8] | None = None


Keep = Callable[[Sequence[tuple["Enrolment", EmbeddedImage]]], None]
"""Called with each batch's newly embedded images, so that a stopped enrolment can go on."""


def keep_nothing(_: Sequence[tuple[Enrolment, EmbeddedImage]]) -> None:
    """Keeps nothing."""


@dataclass(frozen=True, slots=True, eq=False)
class Enrolment:
    """One real image, decoded or embedded already, and whose it is; a Failure where it could not be decoded.

    `stamp` is its file's size in bytes and time of change in nanoseconds.
    """

    image_id: str
    patient_id: str
    image: GreyImage | EmbeddedImage | Failure
    stamp: tuple[int, int] = NO_FILE


class Featuriser(Protocol):
    """Images to the features f(x) that verification compares."""

    async def features(
        self, images: Sequence[GreyImage], described: asyncio.Future[list[Descriptors | Failure]]
    ) -> list[NDArray[np.float32] | Failure]:
        """float32[d] per image, which is described beside it."""
        ...


class EnrolmentError(SnapshotError):
    """Images that could not be enrolled. `failures` names every one, for the operator; `ways` says what to do."""

    def __init__(self, failures: Sequence[Failure], ways: str = "exclude them by name or mend them") -> None:
        self.failures = tuple(failures)
        lines = [f"  {failure.image_id}: {failure.reason}, {failure.message}" for failure in failures[:_SHOWN]]
        more = [f"  and {len(failures) - _SHOWN} more"] if len(failures) > _SHOWN else []
        head = f"{counted(len(failures), 'real image')} could not be enrolled, and every one must be"
        super().__init__("\n".join([head, *lines, *more, ways]))


async def build_snapshot(
    folder: Path,
    batches: AsyncIterable[Sequence[Enrolment]],
    count: int,
    embedder: Embedder,
    featuriser: Featuriser,
    models: ModelDigests,
    key: bytes,
    excluded: int = 0,
    progress: Callable[[int], None] = lambda _: None,
    storage_key: bytes | None = None,
    derive: Derive = no_parts,
    listing: Mapping[str, Any] | None = None,
    keep: Keep = keep_nothing,
) -> Snapshot:
    """Write a snapshot of `count` images whole or not at all, and open it.

    Args:
        folder: where the snapshot will lie; it must not exist.
        batches: decoded images in the order of insertion, which breaks ties between equal distances.
        count: how many images there are; fewer or more is an error.
        embedder: gives the descriptor of each space, and the layout.
        featuriser: gives f(x).
        models: digests that checking must find again.
        key: HMAC key of reference ids and patient keys.
        excluded: images that the operator left out by name.
        progress: called with the number of images of each finished batch.
        storage_key: seal the snapshot with it; the arrays are in memory until then and on the disk in no other form.
        derive: makes optional parts from the finished arrays.
        listing: what the manifest is to say about the listed images, such as which kinds were left out.
        keep: called with what was embedded, batch by batch; what fails later does not undo it.

    Raises:
        EnrolmentError: one or more images could not be decoded or embedded.
        SnapshotError: the folder exists, or there is no image.
    """
    if count == 0:
        raise SnapshotError("there is no real image to enrol: name some")
    with whole(folder) as partial:
        data_key = None if storage_key is None else create_data_key(partial / DATA_KEY, storage_key)
        writer = _Writer(partial, count, key, data_key)
        async for batch in batches:
            keep(await writer.add(batch, embedder, featuriser))
            progress(len(batch))
        writer.finish(models, excluded, derive, listing or {})
    return Snapshot.open(folder, storage_key)


@contextmanager
def whole(folder: Path) -> Iterator[Path]:
    """A folder to write in that becomes `folder` at the end, and vanishes on any error."""
    if folder.exists():
        raise SnapshotError(f"{folder} exists, and a snapshot is never changed in place: name another folder")
    with whole_folder(folder) as partial:
        yield partial


async def embed_images(
    images: Sequence[GreyImage], embedder: Embedder, featuriser: Featuriser
) -> list[EmbeddedImage | Failure]:
    """What a snapshot keeps of each image, or the Failure of either model."""
    if not images:
        return []
    described = asyncio.ensure_future(embedder.embed(images))
    descriptors, features = await asyncio.gather(described, featuriser.features(images, described))
    return [_joined(*parts) for parts in zip(images, descriptors, features, strict=True)]


def _joined(
    image: GreyImage, found: Descriptors | Failure, features: NDArray[np.float32] | Failure
) -> EmbeddedImage | Failure:
    if isinstance(found, Failure):
        return found
    if isinstance(features, Failure):
        return features
    if found.image_id != image.image_id:
        raise ValueError("expected each image's own descriptors, got another's")
    return EmbeddedImage(image.digest, found.spaces, features, found.layout, found.keypoints)


class _Writer:
    """Fills the arrays row by row; memory stays flat however many images there are, unless they are to be sealed."""

    def __init__(self, folder: Path, count: int, key: bytes, data_key: bytes | None) -> None:
        self._folder, self._count, self._key, self._data_key = folder, count, key, data_key
        self._arrays: dict[str, Any] = {}
        self._failures: list[Failure] = []
        self._patients: set[bytes] = set()
        self._images = hashlib.sha256()
        self._layout = np.zeros(LAYOUT_DIMENSIONS)
        self._row = 0

    async def add(
        self, batch: Sequence[Enrolment], embedder: Embedder, featuriser: Featuriser
    ) -> list[tuple[Enrolment, EmbeddedImage]]:
        """Embed and store one batch, and give what was embedded now. A failure ends nothing: all of them are named."""
        images = [item.image for item in batch if isinstance(item.image, GreyImage)]
        answers = iter(await embed_images(images, embedder, featuriser))
        embedded = []
        for item in batch:
            found = next(answers) if isinstance(item.image, GreyImage) else item.image
            if isinstance(found, Failure):
                self._failures.append(found)
                continue
            if isinstance(item.image, GreyImage):
                embedded.append((item, found))
            self._store(item, found)
        return embedded

    def _store(self, item: Enrolment, found: EmbeddedImage) -> None:
        if self._row >= self._count:
            raise SnapshotError(f"more images came than the {self._count} that were announced")
        patient = opaque_id(self._key, "patient", item.patient_id)
        reference = opaque_id(self._key, "reference", item.image_id)
        rows: dict[str, NDArray[Any]] = {
            **found.spaces,
            "features": found.features,
            "reference_ids": np.frombuffer(reference, np.uint8),
            "patient_keys": np.frombuffer(patient, np.uint8),
            _STAMPS: np.frombuffer(stamp_digest(self._key, item.image_id, item.stamp), np.uint8),
            _PIXELS: np.frombuffer(pixels_digest(self._key, found.digest), np.uint8),
        }
        if found.keypoints is not None:
            rows[FILE] = found.keypoints
        if self._row and (FILE in rows) != (FILE in self._arrays):
            raise SnapshotError("some images come with keypoints and some without: a snapshot keeps all or none")
        for name, values in rows.items():
            self._array(name, values)[self._row] = values
        self._patients.add(patient)
        self._images.update(bytes.fromhex(found.digest))
        self._layout += found.layout
        self._row += 1

    def _array(self, name: str, like: NDArray[Any]) -> NDArray[Any]:
        if name not in self._arrays:
            shape = (self._count, *like.shape)
            path = array_path(self._folder, name)
            self._arrays[name] = (
                np.lib.format.open_memmap(path, "w+", dtype=like.dtype, shape=shape)
                if self._data_key is None
                else np.empty(shape, like.dtype)
            )
        return np.asanyarray(self._arrays[name])

    def finish(self, models: ModelDigests, excluded: int, derive: Derive, listing: Mapping[str, Any]) -> None:
        """Check that everything is there, bring it to the disk and write the manifest."""
        if self._failures:
            raise EnrolmentError(self._failures)
        if self._row != self._count:
            raise SnapshotError(f"{self._row} images came, where {self._count} were announced")
        self._check_ids()
        mean = (self._layout / np.linalg.norm(self._layout)).astype(np.float32)
        arrays = {name: self._finish_array(name) for name in self._arrays}
        arrays["mean_layout"] = write_array(self._folder, "mean_layout", mean, self._data_key)
        finished = {**self._arrays, "mean_layout": mean}
        derived = {**derive(finished), **codes_part(finished)}
        parts = {n.value: write_part(self._folder, n, p, self._row, self._data_key) for n, p in derived.items()}
        records = {STAMPS: arrays.pop(_STAMPS), PIXELS: arrays.pop(_PIXELS)}
        parts[PartName.IMAGES.value] = PartEntry(dict(listing), records, per_reference=True)
        if FILE in arrays:
            parts[PartName.KEYPOINTS.value] = keypoints_entry(arrays[FILE])
        manifest = SnapshotManifest(
            references=self._row,
            patients=len(self._patients),
            excluded=excluded,
            retrieval=models.retrieval,
            verification=models.verification,
            **{space.method: models.methods[space.name] for space in COSINE_SPACES},
            images=self._images.hexdigest(),
            arrays={name: arrays[name] for name in ARRAYS},
            parts=parts,
        )
        write_manifest(self._folder, manifest, self._data_key)

    def _finish_array(self, name: str) -> ArrayEntry:
        if self._data_key is not None:
            return write_array(self._folder, name, self._arrays[name], self._data_key)
        self._arrays[name].flush()
        return describe_array(self._folder, name)

    def _check_ids(self) -> None:
        ids = np.ascontiguousarray(self._arrays["reference_ids"]).view(f"V{ID_BYTES}").ravel()
        if len(set(ids.tolist())) != self._row:
            raise SnapshotError("two images have the same name: name every image once")
