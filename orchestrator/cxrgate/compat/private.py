"""Files that name real images: mode 0600, whole or not at all, each with a note of what it was made from."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from cxrgate.core import MismatchError, UsageError
from cxrgate.core.digest import file_digest
from cxrgate.core.json_text import MALFORMED, parse_json
from cxrgate.storage import whole_file
from cxrgate.storage.regular_file import read_regular_file


@contextmanager
def private_file(path: Path) -> Iterator[IO[bytes]]:
    """A file that becomes `path` once everything is written, readable by its owner only."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path, 0o600) as partial, partial.open("wb") as file:
        yield file


def origin_path(output: Path) -> Path:
    """Where the note on an output lies."""
    return output.with_name(output.name + ".json")


def write_origin(output: Path, made_from: Mapping[str, Any]) -> None:
    """Note what `output`, which is written already, was made from, with its own sha256."""
    content = {**made_from, "sha256": file_digest(output)}
    with private_file(origin_path(output)) as file:
        file.write(json.dumps(content, indent=2, ensure_ascii=False).encode() + b"\n")


def read_origin(output: Path, command: str, keys: Collection[str]) -> dict[str, Any]:
    """The note on an output that `cxrgate <command>` wrote: `keys` at least.

    Raises:
        UsageError: the output or its note is missing or malformed.
        MismatchError: the output is not the one that the note is on.
    """
    try:
        content = parse_json(read_regular_file(origin_path(output)))
        note = {key: content[key] for key in ("sha256", *keys)}
        found = file_digest(output)
    except (OSError, *MALFORMED) as error:
        raise UsageError(
            f"{output} or {origin_path(output).name} is not there or not what `cxrgate {command}` writes: run it"
        ) from error
    if note["sha256"] != found:
        raise MismatchError(f"{output} was changed after `cxrgate {command}` wrote it: run `cxrgate {command}` again")
    return note


def check_same(path: Path, sha256: str, command: str) -> None:
    """Raise MismatchError unless `path` is still the file that `cxrgate <command>` read."""
    if not path.is_file() or file_digest(path) != sha256:
        raise MismatchError(f"{path} was changed after `cxrgate {command}` read it: run `cxrgate {command}` again")
