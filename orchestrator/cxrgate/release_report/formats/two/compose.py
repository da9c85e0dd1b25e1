"""The statement of format 2 from its parts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from cxrgate.certification import certified_laxer
from cxrgate.release_report.formats.one import compose as one
from cxrgate.release_report.formats.one.claims import NOT_COVERED
from cxrgate.release_report.formats.one.counts import counts, nearest_patients
from cxrgate.release_report.formats.one.leaks import LeakRow, audit_rows, certificate_rows, worst_patients
from cxrgate.release_report.formats.two import claims as say
from cxrgate.release_report.formats.two.expected import false_flags, of_row
from cxrgate.release_report.formats.two.histograms import histograms
from cxrgate.release_report.formats.two.measured import recognised
from cxrgate.release_report.formats.two.rows import in_order
from cxrgate.release_report.parts import Parts
from cxrgate.release_report.records import Records

_MANIFEST = "manifest.json"


def compose(parts: Parts) -> dict[str, Any]:
    """The statement: pure, and each part unchecked. UsageError where run.json is not complete."""
    published = parts.released.keys() - {_MANIFEST}
    records = parts.records.published(published)
    certificate = None if parts.certificate is None else parts.certificate["statement"]
    certified = None if certificate is None else in_order(certificate_rows(certificate))
    audited = [] if parts.audit is None else [LeakRow(**row) for row in parts.audit["leaks"]]
    laxer = [] if certificate is None else certified_laxer(certificate, records.run["models"])
    expected = _expected(records, len(published), certified, certificate)
    sentences = [
        say.outcome(len(published), len(records.images), records.policy["references"]),
        *say.invented(records.run),
        *recognised(records.run, records.policy),
        *_certified(certified, laxer, () if certificate is None else certificate.get("says", ())),
        *say.only_measured(audited, "audit"),
        *say.false_flags(records.policy),
        *say.expected(expected),
        *say.covered(parts.coverage),
    ]
    return {
        "format": 2,
        "signed": parts.signed,
        "claims": sentences,
        "run": run_part(records),
        "band": records.policy["band"],
        "counts": {**counts(records.images), "published": len(published)},
        "histograms": histograms(records.images, records.policy),
        "nearest_patients": nearest_patients(records),
        "expected_leaks": expected,
        "certificate": parts.certificate,
        "certified": None if certified is None else _rows(certified, expected),
        "laxer": laxer,
        "audit": parts.audit,
        "coverage": parts.coverage,
        "released": dict(parts.released),
    }


def audit_part(cases: Any) -> dict[str, Any]:
    """What decided cases of an audit say of leaks."""
    return {
        "leaks": [asdict(row) for row in in_order(audit_rows(cases))],
        "worst_patients": worst_patients(cases),
    }


def run_part(records: Records) -> dict[str, Any]:
    """As in format 1, and when the run was finished; None where its records do not say."""
    timing = records.run.get("timing") or {}
    return {**one.run_part(records), "finished": timing.get("finished")}


def _certified(rows: Sequence[LeakRow] | None, laxer: list[dict[str, Any]], says: Sequence[str]) -> Iterator[str]:
    if rows is None:
        yield say.uncertified()
        yield NOT_COVERED
        return
    yield from say.promised(rows)
    yield from say.laxer(laxer)
    yield from say.only_measured(rows, "certificate")
    yield from say.limits(rows, says)


def _expected(
    records: Records, released: int, rows: Sequence[LeakRow] | None, certificate: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Of the promised kinds by the highest of the promised shares, which holds for any mixture of them."""
    removed = int((records.images["decision"] == "NOT_ANONYMOUS").sum())
    worst = max((row for row in rows or () if row.promised is not None), key=lambda row: row.at_most, default=None)
    return {
        "removed": removed,
        "released": released,
        "promised": None if worst is None else {"share": worst.at_most, **of_row(worst, removed, released)},
        "false_flags": false_flags(None if certificate is None else certificate.get("clean"), records.images),
    }


def _rows(rows: Sequence[LeakRow], expected: Mapping[str, Any]) -> list[dict[str, Any]]:
    counted = expected["removed"], expected["released"]
    return [{**asdict(row), "in_this_set": of_row(row, *counted)} for row in rows]
