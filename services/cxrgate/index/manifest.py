"""What a snapshot is: `manifest.json`, whose digest covers every byte of the snapshot.

Format 1 has the arrays of ARRAYS alone. Format 2 adds parts, each of them optional: numbers of its own (`about`) and
arrays of its own, files PART.ARRAY.npy. A snapshot without parts is written as format 1, so that its digest, and with
it policies and certificates, stay what they were.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from cxrgate.core import SnapshotCorrupt, SnapshotError
from cxrgate.core.digest import mapping_digest
from cxrgate.core.json_text import MALFORMED, parse_json
from cxrgate.core.spaces import COSINE_SPACES, IDENTITY
from cxrgate.storage import seal
from cxrgate.storage.regular_file import read_regular_file

MANIFEST = "manifest.json"
MANIFEST_SEAL = "manifest.sealed"
FORMATS = (1, 2)
ARRAYS = (
    IDENTITY,
    "features",
    *(space.name for space in COSINE_SPACES),
    "reference_ids",
    "patient_keys",
    "mean_layout",
)
_ARRAY_NAME = re.compile(r"[a-z][a-z0-9_]*\Z")
"""Of an array in a part: a file's name is made from it, and a manifest may come from elsewhere."""


class PartName(StrEnum):
    """The parts that a snapshot of format 2 may have."""

    IMAGES = "images"
    """Which images were enrolled, as keyed digests; see image_records."""
    MEASUREMENT = "measurement"
    """What the snapshot measured on itself."""
    CODES = "codes"
    """Short codes of the embeddings, for search."""
    KEYPOINTS = "keypoints"
    """Of each reference, where the enrolment was to keep them; see keypoint_rows."""


@dataclass(frozen=True, slots=True)
class ArrayEntry:
    """What one array file must be."""

    dtype: str
    shape: tuple[int, ...]
    sha256: str


@dataclass(frozen=True, slots=True)
class PartEntry:
    """What one part must be. `about` is JSON, legible to whoever has the snapshot.

    With `per_reference` each array has one row per reference, and the rows follow their references when the snapshot
    is changed; any other part speaks of the whole, and a changed snapshot is without it unless it is made anew.
    """

    about: Mapping[str, Any]
    arrays: Mapping[str, ArrayEntry] = field(repr=False)
    per_reference: bool = False


@dataclass(frozen=True, slots=True)
class SnapshotManifest:
    """What a snapshot is. `images` is the digest over the pixel digests of all enrolled images, in order."""

    references: int
    patients: int
    excluded: int
    retrieval: str
    verification: str
    copy_method: str
    images: str
    arrays: Mapping[str, ArrayEntry] = field(repr=False)
    parts: Mapping[str, PartEntry] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """Sha256 over all of the manifest, and so over every byte of the snapshot."""
        return mapping_digest(self.to_json())

    @property
    def methods(self) -> dict[str, str]:
        """By name of each cosine space how its descriptors were made; see images.descriptors.made_by."""
        return {space.name: getattr(self, space.method) for space in COSINE_SPACES}

    @property
    def match_method(self) -> str | None:
        """How the keypoints of its references were found; None where it keeps none. See keypoint_rows."""
        part = self.parts.get(PartName.KEYPOINTS)
        return None if part is None else str(part.about.get("method"))

    @property
    def format(self) -> int:
        """1 without parts, else 2."""
        return 2 if self.parts else 1

    @property
    def files(self) -> dict[str, ArrayEntry]:
        """Every array by the name of its file, those of the parts as PART.ARRAY."""
        return {**self.arrays, **dict(self._part_files())}

    def _part_files(self) -> Iterator[tuple[str, ArrayEntry]]:
        for part, entry in self.parts.items():
            for name, array in entry.arrays.items():
                yield f"{part}.{name}", array

    def to_json(self) -> dict[str, Any]:
        """The manifest as it is written, without the digest."""
        content = {"format": self.format, **asdict(self)}
        if not self.parts:
            del content["parts"]
        return content


def write_manifest(folder: Path, manifest: SnapshotManifest, data_key: bytes | None = None) -> None:
    """Write `manifest.json`, and what vouches for it where a data key is given."""
    content = {**manifest.to_json(), "digest": manifest.digest}
    if data_key is not None:
        seal(folder / MANIFEST_SEAL, "manifest", data_key, [manifest.digest.encode()])
    (folder / MANIFEST).write_text(json.dumps(content, indent=2) + "\n")


def read_manifest(path: Path) -> SnapshotManifest:
    """Read `manifest.json` and check its digest.

    Raises:
        SnapshotError: no snapshot, or one of a later format or with a part that this version does not know.
        SnapshotCorrupt: it is not what it should be, or its digest is not the one that it states.
    """
    try:
        value = parse_json(read_regular_file(path / MANIFEST))
        stated_format, stated = value.pop("format"), value.pop("digest", None)
        if stated_format not in FORMATS:
            raise SnapshotError(
                f"{path} is of snapshot format {stated_format!r}, this version reads {' or '.join(map(str, FORMATS))}: "
                "a later version of cxrgate made it, update this one"
            )
        entries, parts = _arrays(value["arrays"]), _parts(path, value.get("parts", {}))
        manifest = SnapshotManifest(**{**value, "arrays": entries, "parts": parts})
    except (FileNotFoundError, NotADirectoryError) as error:
        raise SnapshotError(f"{path} is no snapshot: {_why_none(path)}") from error
    except (OSError, *MALFORMED) as error:
        raise SnapshotCorrupt(f"{path / MANIFEST}: {error}") from error
    if stated != manifest.digest or set(entries) != set(ARRAYS) or manifest.format != stated_format:
        raise SnapshotCorrupt(
            f"{path / MANIFEST} states the digest {stated}, its content has {manifest.digest}: it was changed"
        )
    return manifest


def _why_none(path: Path) -> str:
    if path.is_dir():
        return f"it has no {MANIFEST} that can be read"
    what = "it is a file" if path.exists() else "there is nothing at this place"
    return f"{what}, name the folder that was given as `snapshot` or --output"


def _arrays(value: Mapping[str, Any]) -> dict[str, ArrayEntry]:
    return {name: ArrayEntry(e["dtype"], tuple(e["shape"]), e["sha256"]) for name, e in value.items()}


def _parts(path: Path, value: Mapping[str, Any]) -> dict[str, PartEntry]:
    unknown = sorted(set(value) - set(PartName))
    if unknown:
        raise SnapshotError(
            f"{path} has parts that this version does not know ({', '.join(unknown)}): "
            "a later version of cxrgate made it, update this one"
        )
    return {name: _part(entry) for name, entry in value.items()}


def _part(value: Mapping[str, Any]) -> PartEntry:
    arrays = _arrays(value["arrays"])
    if not all(_ARRAY_NAME.match(name) for name in arrays):
        raise ValueError(f"expected names of arrays, got {sorted(arrays)}")
    return PartEntry(**{**value, "arrays": arrays})
