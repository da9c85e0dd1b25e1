"""The result tables, held against the lines of the journal."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from cxrgate.verify_run.journal import RecordedJournal
from cxrgate.verify_run.records import EVIDENCE, RESULTS, Records
from cxrgate.verify_run.violation import Kind, Violation

_Rows = Counter[tuple[Any, ...]]
_PASSED = "ANONYMOUS"


def changed_rows(journal: RecordedJournal, records: Records) -> Iterator[Violation]:
    """Rows of the tables that no line of the journal has, or has otherwise, more often or more of.

    A batch that was tried again has several lines, and a set of before may be of an earlier one. Row and evidence of an
    image are of one and the same line.
    """
    lines: defaultdict[str, list[tuple[Mapping[str, Any], _Rows]]] = defaultdict(list)
    for batch in journal.batches:
        evidence = _by_image(batch.evidence)
        for row in batch.results:
            lines[row["image_id"]].append((dict(row), evidence[row["image_id"]]))
    there = _by_image(records.evidence)
    for row in records.results:
        image = row["image_id"]
        told = [evidence for recorded, evidence in lines[image] if recorded == row]
        if not told:
            yield Violation(Kind.ROW_DIFFERS, f"{RESULTS}, {image}", "is not the journal's row")
        elif there[image] not in told:
            counts = f"has {there[image].total()} rows, the journal {told[-1].total()}, or others"
            yield Violation(Kind.ROW_DIFFERS, f"{EVIDENCE}, {image}", counts)
    for image in sorted(there.keys() - {row["image_id"] for row in records.results}):
        yield Violation(Kind.ROW_DIFFERS, f"{EVIDENCE}, {image}", f"is of an image that {RESULTS} does not name")
    for image, count in Counter(row["image_id"] for row in records.results).items():
        if count > 1:
            yield Violation(Kind.ANSWERED_TWICE, f"{RESULTS}, {image}", f"there are {count} rows of it")


def shared_names(records: Records) -> Iterator[Violation]:
    """Images that passed under the name of another, so that one of them is in no set."""
    names = Counter(row["released_as"] for row in records.results if row["decision"] == _PASSED)
    for name, count in names.items():
        if count > 1:
            yield Violation(Kind.NOT_PUBLISHED, name, f"{count} images passed under this name, one file has it")


def _by_image(evidence: Any) -> defaultdict[str, _Rows]:
    rows: defaultdict[str, _Rows] = defaultdict(Counter)
    for row in evidence:
        rows[row[0] if row else ""][tuple(row)] += 1
    return rows
