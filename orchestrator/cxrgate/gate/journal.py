"""An append-only journal of finished batches: what makes a run resumable after kill -9.

Each line is the first 16 hex digits of its content's sha256, a space, and JSON. The first line says what run this
is; a run of other images, models, snapshot, policy or batch size never continues it. A torn last line is cut off.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cxrgate.core import UsageError
from cxrgate.core.digest import bytes_digest, canonical_json

_DIGITS = 16


class Journal:
    """An open journal: `batches` maps a batch's number to its content."""

    def __init__(self, path: Path, run: Mapping[str, Any]) -> None:
        """Open or create the journal of the run that `run` describes.

        Raises:
            UsageError: the journal is another run's.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        lines, length = _read(path)
        if lines and lines[0] != dict(run):
            changed = sorted(key for key in run if lines[0].get(key) != run[key])
            raise UsageError(
                f"expected an output folder of this very run, {path} belongs to another ({', '.join(changed)} differ); "
                "choose another output or remove it"
            )
        self.batches: dict[int, dict[str, Any]] = {line["batch"]: line for line in lines[1:]}
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.ftruncate(self._file, length)
        if not lines:
            self._write(run)

    def append(self, number: int, content: Mapping[str, Any]) -> None:
        """Bring one batch to the disk; when this returns it is durable."""
        line = {"batch": number, **content}
        self._write(line)
        self.batches[number] = line

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)

    def _write(self, content: Mapping[str, Any]) -> None:
        payload = canonical_json(content)
        line = bytes_digest(payload)[:_DIGITS].encode() + b" " + payload + b"\n"
        if os.write(self._file, line) != len(line):
            raise OSError("expected the journal's disk to take a whole line")
        os.fsync(self._file)


def _read(path: Path) -> tuple[list[dict[str, Any]], int]:
    """The whole lines from the start, and how many bytes they take."""
    content = path.read_bytes() if path.exists() else b""
    lines, position = [], 0
    for line in content.splitlines(keepends=True):
        digest, _, payload = line.rstrip(b"\n").partition(b" ")
        if not line.endswith(b"\n") or bytes_digest(payload)[:_DIGITS].encode() != digest:
            break
        lines.append(json.loads(payload))
        position += len(line)
    return lines, position
