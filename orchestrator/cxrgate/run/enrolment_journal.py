"""What an enrolment has embedded so far: a stopped one goes on, and only files that changed are computed again.

Like the journal of a run: durable line by line, sealed under a storage key. It holds embeddings under opaque ids, no
name, and is removed once the snapshot is there.
"""

from __future__ import annotations

import base64
import shutil
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from cxrgate.core.keypoints import METHOD
from cxrgate.core.spaces import COSINE_SPACES, IDENTITY
from cxrgate.images import ImageFile
from cxrgate.index import opaque_id
from cxrgate.index.build import EmbeddedImage, Enrolment, ModelDigests
from cxrgate.index.image_records import stamp_digest
from cxrgate.run.journal import Journal, JournalMismatch

SUFFIX = ".enrolling"
_FILE = "journal.jsonl"
_COSINES = tuple(space.name for space in COSINE_SPACES)


class EnrolmentJournal:
    """Embedded images by reference id and stamp; use as a context manager."""

    def __init__(
        self,
        snapshot: Path,
        models: ModelDigests,
        key: bytes,
        storage_key: bytes | None,
        float_ranges: Collection[tuple[float, float]] = (),
        *,
        keypoints: bool = False,
    ) -> None:
        """Open the journal beside the snapshot to be; one of other models, key or float ranges is begun anew.

        So is one without keypoints where they are to be kept, and the other way round.

        Raises:
            UsageError: another process enrols into that snapshot now.
        """
        self._folder, self._key = snapshot.with_name(snapshot.name + SUFFIX), key
        run: dict[str, Any] = {"enrolment": models.to_json(), "ids": opaque_id(key, "enrolment", "").hex(), "format": 1}
        run |= {"float_ranges": [list(each) for each in sorted(float_ranges)]}
        run |= {"keypoints": METHOD} if keypoints else {}
        self._has_keypoints = keypoints
        try:
            self._journal = Journal(self._folder / _FILE, run, storage_key)
        except JournalMismatch:
            shutil.rmtree(self._folder)
            self._journal = Journal(self._folder / _FILE, run, storage_key)
        self._rows: dict[tuple[str, str], Sequence[str]] = {
            (row[0], row[1]): row[2:] for batch in self._journal.batches.values() for row in batch["rows"]
        }
        self._next = max(self._journal.batches, default=-1) + 1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._journal.close()

    def __len__(self) -> int:
        return len(self._rows)

    def knows(self, file: ImageFile, stamp: tuple[int, int]) -> bool:
        """Whether that very file was embedded."""
        return self._names(file.image_id, stamp) in self._rows

    def find(self, file: ImageFile, stamp: tuple[int, int]) -> EmbeddedImage | None:
        """What was embedded of that very file, or None."""
        row = self._rows.get(self._names(file.image_id, stamp))
        if row is None:
            return None
        *texts, last = row[1:]
        keypoints = None
        if self._has_keypoints:
            keypoints = np.frombuffer(base64.b64decode(last), np.uint8)
        else:
            texts.append(last)
        identity, features, *cosines, layout = (_array(value) for value in texts)
        spaces = {IDENTITY: identity, **dict(zip(_COSINES, cosines, strict=True))}
        return EmbeddedImage(row[0], spaces, features, layout, keypoints)

    def keep(self, embedded: Sequence[tuple[Enrolment, EmbeddedImage]]) -> None:
        """Bring a batch to the disk; when this returns it is durable."""
        rows = [
            [*self._names(item.image_id, item.stamp), image.digest, *map(_text, _arrays(image)), *_keypoints(image)]
            for item, image in embedded
        ]
        if rows:
            self._journal.append(self._next, {"rows": rows})
            self._next += 1

    def finish(self) -> None:
        """Remove it: the snapshot is there."""
        shutil.rmtree(self._folder)

    def _names(self, image_id: str, stamp: tuple[int, int]) -> tuple[str, str]:
        reference = opaque_id(self._key, "reference", image_id).hex()
        return reference, stamp_digest(self._key, image_id, stamp).hex()


def _arrays(image: EmbeddedImage) -> list[NDArray[np.float32]]:
    """In the order of a line."""
    return [image.spaces[IDENTITY], image.features, *(image.spaces[name] for name in _COSINES), image.layout]


def _keypoints(image: EmbeddedImage) -> list[str]:
    """At the end of a line, where there are any."""
    return [] if image.keypoints is None else [base64.b64encode(image.keypoints.tobytes()).decode()]


def _text(array: NDArray[np.float32]) -> str:
    return base64.b64encode(np.ascontiguousarray(array, "<f4").tobytes()).decode()


def _array(text: Any) -> NDArray[np.float32]:
    return np.frombuffer(base64.b64decode(text), "<f4").astype(np.float32)
