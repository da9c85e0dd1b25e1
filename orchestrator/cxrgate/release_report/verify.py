"""Does a release report hold? Signature, certificate, files, and every figure made again; what differs is named."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from cxrgate.core import CxrgateError, UsageError
from cxrgate.release_report.audit import CASES, read_audit
from cxrgate.release_report.changes import Change, differences
from cxrgate.release_report.checks.certificate import look_at_certificate
from cxrgate.release_report.checks.found import Verification
from cxrgate.release_report.checks.page import page_changes
from cxrgate.release_report.checks.signature import REPORT, parse, signature_changes, signed_words, signer_changes
from cxrgate.release_report.coverage import Coverage
from cxrgate.release_report.decided_again import changed_decisions
from cxrgate.release_report.files import RESULTS, digests, released_digests
from cxrgate.release_report.formats.versions import Format, format_of
from cxrgate.release_report.parts import Parts
from cxrgate.release_report.records import read_records
from cxrgate.release_report.rows import SHOWN, changed_rows
from cxrgate.release_report.write import PAGE_SUFFIX

_NOT_MADE_AGAIN = frozenset({"released", "results", "reporter", "signed"})
"""Parts of a statement that are looked at by themselves, or that only say which release wrote it."""
_ROUNDING = 1e-9
"""Figures that differ by less than this share were computed by another release of a library."""


@dataclass(frozen=True, slots=True)
class Sources:
    """What a report is held against.

    Attributes:
        key: of whoever signed the report.
        certification_key: of whoever certifies.
        released: folder of the released set.
        results: folder of the run's results; None: no figure is made again.
        certificate: its file; None: the copy in the report is checked alone.
        audit: audit.json, with its cases beside it; None: its figures are not made again.
        coverage: counted anew; None: it is not.
    """

    key: Ed25519PublicKey
    certification_key: Ed25519PublicKey
    released: Path
    results: Path | None = None
    certificate: Path | None = None
    audit: Path | None = None
    coverage: Coverage | None = None


def verify_release_report(path: Path, sources: Sources) -> Verification:
    """Check everything that the sources allow.

    A report of any format is made again as that format makes it, from the records alone.

    Raises:
        UsageError: no report, no released folder, or no results folder where they should be.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UsageError(
            f"{path} is no release report that can be read: name the .json file that was signed"
        ) from error
    for folder in (sources.released, sources.results):
        if folder is not None and not folder.is_dir():
            raise UsageError(f"there is no folder {folder}: name it by --results or --released")
    found = Verification()
    found.look("signature of the report", signature_changes(content, sources.key))
    statement = parse(content)
    if statement is None:
        found.unchecked.append("everything else: the report cannot be read")
        return found
    found.signed = signed_words(statement)
    released = released_digests(sources.released)
    found.look("released files", list(differences(statement.get("released"), released, "released")))
    try:
        written = format_of(statement)
    except UsageError as error:
        found.changes.append(Change(f"{REPORT} > statement > format", str(error)))
        found.unchecked.append("everything else: the report's format is not known")
        return found
    _look_at_results(found, written, statement, sources, released)
    _look_at_page(found, written, path.with_suffix(PAGE_SUFFIX), content, statement)
    return found


def _look_at_results(
    found: Verification,
    written: Format,
    statement: Mapping[str, Any],
    sources: Sources,
    released: Mapping[str, str],
) -> None:
    if sources.results is None:
        found.unchecked.append("figures and certificate: no results of the run were given")
        return
    recorded = digests(sources.results, RESULTS)
    found.look("recorded results", list(differences(statement.get("results"), recorded, "results")))
    for table in ("results", "evidence"):
        names = (f"{table}.parquet", f"{table}.csv")
        if any(_part(statement, "results").get(name) != recorded.get(name) for name in names):
            found.changes += changed_rows(sources.results, table)
    try:
        records = read_records(sources.results)
        certificate = look_at_certificate(
            found, statement.get("certificate"), sources.certificate, sources.certification_key, records
        )
        found.look("decisions", list(islice(changed_decisions(records), SHOWN)))
        again = _again(found, written, statement, sources, Parts(records, released, certificate))
    except Exception as error:  # noqa: BLE001 - a damaged Parquet file may raise anything
        told = str(error) if isinstance(error, CxrgateError) else "a file is damaged"
        found.changes.append(Change("figures", f"cannot be made again: {told}"))
        return
    expected, got = ({k: v for k, v in part.items() if k not in _NOT_MADE_AGAIN} for part in (again, statement))
    found.look("figures", list(differences(expected, got, f"{REPORT} > statement", _ROUNDING)))
    if written.names_the_page:
        found.look("signer", list(signer_changes(statement, sources.key, again["run"].get("finished"))))


def _again(
    found: Verification, written: Format, statement: Mapping[str, Any], sources: Sources, parts: Parts
) -> dict[str, Any]:
    """The statement made again; what there is no source for is taken from the report, and told."""
    audit, coverage = statement.get("audit"), statement.get("coverage")
    if sources.audit is not None:
        found.look("files of the audit", _audit_files(audit, sources.audit))
        audit = read_audit(sources.audit, parts.records, written.audit_part)
    elif audit is not None:
        found.unchecked.append("figures of the audit: it was not given")
    uncounted = _uncounted(written, coverage, sources.coverage)
    if uncounted:
        found.unchecked.append(f"coverage: {uncounted}")
    elif sources.coverage is not None:
        coverage = sources.coverage.to_json()
    try:
        return written.compose(Parts(parts.records, parts.released, parts.certificate, audit, coverage))
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError("the report's certificate, audit or coverage is not whole") from error


def _uncounted(written: Format, stated: Any, counted: Coverage | None) -> str:
    """Why a coverage cannot be counted anew; "" where it can, or where there is none."""
    if counted is None:
        return "" if stated is None else "no training manifest was given"
    if not written.counts_pixels:
        return "reports of this format counted images by name, now their pixels are compared"
    if isinstance(stated, Mapping) and counted.compared < stated.get("compared", 0):
        return "fewer of the images lie on this host than were compared when the report was made"
    return ""


def _audit_files(audit: Any, path: Path) -> list[Change]:
    signed = audit.get("files") if isinstance(audit, Mapping) else None
    return list(differences(signed, digests(path.parent, (path.name, CASES)), "audit"))


def _look_at_page(
    found: Verification, written: Format, path: Path, content: bytes, statement: Mapping[str, Any]
) -> None:
    if not path.is_file():
        found.unchecked.append(f"the page: there is no {path.name} beside the report")
        return
    changes = page_changes(path, content, statement, names_the_report=written.names_the_page)
    found.look("that the page is this report's", changes)


def _part(statement: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = statement.get(name)
    return part if isinstance(part, Mapping) else {}
