"""The images of a source in little memory: a run of millions holds its list all the time."""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterable
from dataclasses import astuple
from pathlib import Path
from typing import Any

from cxrgate.core.made_sequence import MadeSequence
from cxrgate.images.sources.arrays import ArrayRow
from cxrgate.images.sources.files import ImageFile

_FIELDS = 6
"""Of a row; those at its end that are None are left out."""


class PackedFiles(MadeSequence[ImageFile]):
    """Files in their order, each made anew when it is asked for; equal to what was given.

    An image takes some fifteen bytes, its name and its label, and also its path where that is not its name below the
    root.
    """

    def __init__(self, root: Path, files: Iterable[ImageFile]) -> None:
        """Pack `files`, most of which lie below `root` under their names."""
        self._before = str(root / "x")[:-1]
        self._rows, self._ends = bytearray(), array("Q", [0])
        for file in files:
            # Names that are no UTF-8 have surrogates in their paths.
            row = json.dumps(self._row(file), ensure_ascii=False, separators=(",", ":"))
            self._rows += row.encode("utf-8", "surrogatepass")
            self._ends.append(len(self._rows))

    def __len__(self) -> int:
        return len(self._ends) - 1

    def _row(self, file: ImageFile) -> list[Any]:
        path = str(file.path)
        row = [
            file.image_id,
            file.label,
            None if path == self._before + file.image_id else path,
            None if file.patient_id == file.image_id else file.patient_id,
            file.row and astuple(file.row),
            file.value_range,
        ]
        while row[-1] is None:
            row.pop()
        return row

    def make(self, place: int) -> ImageFile:
        """See MadeSequence."""
        row = json.loads(self._rows[self._ends[place] : self._ends[place + 1]].decode("utf-8", "surrogatepass"))
        name, label, path, patient, of_array, value_range = row + [None] * (_FIELDS - len(row))
        return ImageFile(
            Path(self._before + name if path is None else path),
            name,
            label,
            name if patient is None else patient,
            of_array and _array_row(*of_array),
            value_range and tuple(value_range),
        )


def _array_row(name: str, member: str, offset: int, shape: list[int], descr: str) -> ArrayRow:
    return ArrayRow(name, member, offset, tuple(shape), descr)
