"""A run's journal, read line by line and independently of the code that writes it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cxrgate.core.json_text import parse_line
from cxrgate.storage import WRAPPED, SealedLines, open_data_key
from cxrgate.verify_run.violation import Kind, Violation

NAME = "work/journal.jsonl"
_DIGITS = 16
_PARTS = {"results": list, "evidence": list, "released": dict}
"""What every line but the first has, beside its number."""
_TEXTS = ("image_id", "decision", "reasons", "pixel_digest", "released_as", "stage")
_NUMBERS = ("typicality", "frontality", "cohort_mean", "cohort_spread", "cohort_size")
_LARGEST = 2**63


@dataclass(frozen=True, slots=True)
class Batch:
    """One line: the rows of results and evidence of some images, and the files {name: sha256} that may be released."""

    number: int
    results: Sequence[Mapping[str, Any]] = field(repr=False)
    evidence: Sequence[Sequence[Any]] = field(repr=False)
    released: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class RecordedJournal:
    """What run it was, and its batches in the order in which they were written; a batch may have several lines."""

    run: Mapping[str, Any]
    batches: Sequence[Batch]

    @property
    def rows(self) -> Iterator[Mapping[str, Any]]:
        """The last row of each image, in the order of the batches."""
        latest = {batch.number: batch for batch in self.batches}
        for number in sorted(latest):
            yield from latest[number].results


def read_journal(output: Path, storage_key: bytes | None) -> tuple[RecordedJournal, list[Violation]]:
    """The lines that hold, and a violation where the journal does not.

    A last line without its end was never answered for and is passed over, as a resumed run does.

    Raises:
        StorageError: the journal is sealed with another key, or its wrapped key was changed.
    """
    path = output / NAME
    if not path.is_file():
        return RecordedJournal({}, ()), [Violation(Kind.JOURNAL_BROKEN, NAME, "there is no journal")]
    lines = path.read_bytes().splitlines(keepends=True)
    if lines and not lines[-1].endswith(b"\n"):
        lines.pop()
    opened = _opener(path, storage_key)
    contents: list[dict[str, Any]] = []
    for number, line in enumerate(lines):
        payload = opened(number, line.rstrip(b"\n"))
        content = None if payload is None else _content(number, payload)
        if content is None:
            told = f"line {number + 1} of {len(lines)} is not what was written"
            return _journal(contents), [Violation(Kind.JOURNAL_BROKEN, NAME, told)]
        contents.append(content)
    if not contents:
        return _journal(contents), [Violation(Kind.JOURNAL_BROKEN, NAME, "the journal is empty")]
    return _journal(contents), []


def _content(number: int, payload: bytes) -> dict[str, Any] | None:
    """What a whole line says; None where it is none of a run's journal, though its digest is right."""
    try:
        content = parse_line(payload)
    except ValueError:
        return None
    return content if number == 0 or _is_batch(content) else None


def _is_batch(content: Mapping[str, Any]) -> bool:
    return (
        type(content.get("batch")) is int
        and all(isinstance(content.get(name), kind) for name, kind in _PARTS.items())
        and all(is_row(row) for row in content["results"])
        and all(is_evidence(row) for row in content["evidence"])
        and all(isinstance(sha256, str) for sha256 in content["released"].values())
    )


def is_row(row: Any) -> bool:
    """Whether it is a row of results, in the journal or in the table."""
    return (
        isinstance(row, dict)
        and all(isinstance(row.get(name), str) for name in _TEXTS)
        and all(_is_number(row.get(name)) for name in _NUMBERS)
        and isinstance(row.get("borderline"), bool)
    )


def is_evidence(row: Any) -> bool:
    """Whether it is a row of evidence, in the journal or in the table."""
    return isinstance(row, list) and all(isinstance(name, str) for name in row[:3]) and all(map(_is_number, row[3:]))


def _is_number(value: Any) -> bool:
    """Or None, which stands for one that is none."""
    return value is None or isinstance(value, float) or (type(value) is int and abs(value) < _LARGEST)


def _journal(contents: Sequence[Mapping[str, Any]]) -> RecordedJournal:
    batches = [Batch(line["batch"], line["results"], line["evidence"], line["released"]) for line in contents[1:]]
    return RecordedJournal(contents[0] if contents else {}, batches)


def _opener(path: Path, storage_key: bytes | None) -> Callable[[int, bytes], bytes | None]:
    if storage_key is None:
        return _plain
    return SealedLines(open_data_key(path.with_name(path.name + WRAPPED), storage_key)).open


def _plain(_: int, line: bytes) -> bytes | None:
    digest, _space, payload = line.partition(b" ")
    return payload if hashlib.sha256(payload).hexdigest()[:_DIGITS].encode() == digest else None
