"""Does a release report hold? Signature, certificate, files, and every figure made again; what differs is named."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from cxrgate.certification import CERTIFICATE, UNCERTIFIED, read_certificate, read_signed, signed_bytes, utc_now
from cxrgate.core import CertificateError, CxrgateError, UsageError
from cxrgate.core.digest import bytes_digest
from cxrgate.gate.certified import binding
from cxrgate.models import ModelKind, ModelManifest
from cxrgate.release_report.changes import Change, differences, first_difference, way_to
from cxrgate.release_report.compose import compose
from cxrgate.release_report.coverage import Coverage
from cxrgate.release_report.decided_again import changed_decisions
from cxrgate.release_report.files import RESULTS, digests, released_digests
from cxrgate.release_report.leaks import CASES, read_audit
from cxrgate.release_report.page import render_page
from cxrgate.release_report.rows import SHOWN, changed_rows
from cxrgate.release_report.write import PAGE_SUFFIX
from cxrgate.run.recorded import Results, read_results

_REPORT = "report"


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


@dataclass(slots=True)
class Verification:
    """What was looked at, what could not be, and what is not as it was signed."""

    checked: list[str] = field(default_factory=list)
    unchecked: list[str] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)

    def look(self, what: str, changes: list[Change]) -> None:
        """Note that something was looked at, and what was found."""
        self.checked.append(what)
        self.changes += changes


def verify_release_report(path: Path, sources: Sources) -> Verification:
    """Check everything that the sources allow.

    Raises:
        UsageError: no report, no released folder, or no results folder where they should be.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UsageError(f"expected a release report, got {path}") from error
    for folder in (sources.released, sources.results):
        if folder is not None and not folder.is_dir():
            raise UsageError(f"expected the folder {folder}")
    found = Verification()
    found.look("signature of the report", _signature(content, sources.key))
    report = _parse(content)
    if report is None:
        found.unchecked.append("everything else: the report cannot be read")
        return found
    statement: Mapping[str, Any] = report["statement"]
    released = released_digests(sources.released)
    found.look("released files", list(differences(statement.get("released"), released, "released")))
    _look_at_results(found, path, statement, sources, released)
    return found


def _signature(content: bytes, key: Ed25519PublicKey) -> list[Change]:
    """What is wrong with the signed file as such: not JSON, another layout, or another statement or signature."""
    try:
        read_signed(content, key, _REPORT)
    except CertificateError:
        return [_unsigned(content)]
    return []


def _unsigned(content: bytes) -> Change:
    try:
        value = json.loads(content)
        written = signed_bytes(value["statement"], bytes.fromhex(value["signature"]))
    except UnicodeDecodeError as error:
        return _unreadable(content, content.count(b"\n", 0, error.start))
    except json.JSONDecodeError as error:
        return _unreadable(content, error.lineno - 1)
    except (KeyError, TypeError, ValueError):
        return Change(f"{_REPORT} > signature", "expected a statement and its signature in hexadecimal digits")
    if written != content:
        return first_difference(written, content, _REPORT)
    return Change(f"{_REPORT} > signature", "does not fit the statement and the signer's key: one of these was changed")


def _unreadable(content: bytes, number: int) -> Change:
    lines = content.decode(errors="replace").split("\n")
    return Change(" > ".join([_REPORT, *way_to(lines, number)]), f"line {number + 1} is not readable as JSON")


def _parse(content: bytes) -> dict[str, Any] | None:
    """The report whether its signature holds or not; None where it is none."""
    try:
        value = json.loads(content)
    except ValueError:
        return None
    return value if isinstance(value, dict) and isinstance(value.get("statement"), dict) else None


def _look_at_results(
    found: Verification, path: Path, statement: Mapping[str, Any], sources: Sources, released: Mapping[str, str]
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
        results = read_results(sources.results)
        certificate = _look_at_certificate(found, statement, sources, results)
        found.look("decisions", list(islice(changed_decisions(results), SHOWN)))
        again = _again(found, statement, sources, results, released, certificate)
        page = render_page(again, results)
    except Exception as error:  # noqa: BLE001 - a damaged Parquet file may raise anything
        told = str(error) if isinstance(error, CxrgateError) else "a file is damaged"
        found.changes.append(Change("figures", f"cannot be made again: {told}"))
        return
    ignored = {"released", "results"}
    expected, got = ({k: v for k, v in part.items() if k not in ignored} for part in (again, statement))
    found.look("figures", list(differences(expected, got, f"{_REPORT} > statement")))
    _look_at_page(found, path.with_suffix(PAGE_SUFFIX), page)


def _again(
    found: Verification,
    statement: Mapping[str, Any],
    sources: Sources,
    results: Results,
    released: Mapping[str, str],
    certificate: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """The statement made again; what there is no source for is taken from the report, and told."""
    audit, coverage = statement.get("audit"), statement.get("coverage")
    if sources.audit is not None:
        found.look("files of the audit", _audit_files(audit, sources.audit))
        audit = read_audit(sources.audit, results)
    elif audit is not None:
        found.unchecked.append("figures of the audit: it was not given")
    if sources.coverage is not None:
        coverage = sources.coverage.to_json()
    elif coverage is not None:
        found.unchecked.append("coverage: no training manifest was given")
    try:
        return compose(results, released, certificate, audit, coverage)
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError("the report's certificate, audit or coverage is not whole") from error


def _audit_files(audit: Any, path: Path) -> list[Change]:
    signed = audit.get("files") if isinstance(audit, Mapping) else None
    return list(differences(signed, digests(path.parent, (path.name, CASES)), "audit"))


def _look_at_page(found: Verification, path: Path, page: str) -> None:
    if not path.is_file():
        found.unchecked.append(f"the page: there is no {path.name} beside the report")
        return
    expected, got = page.encode(), path.read_bytes()
    found.look("the page", [] if expected == got else [first_difference(expected, got, path.name)])


def _look_at_certificate(
    found: Verification, statement: Mapping[str, Any], sources: Sources, results: Results
) -> Mapping[str, Any] | None:
    """Check the certificate's copy in the report, and its file where it is given; give the one that the run names."""
    certification = str(results.run["certification"])
    copy = statement.get("certificate")
    if certification == UNCERTIFIED:
        return None
    content = None if sources.certificate is None else _read(sources.certificate)
    if content is None:
        found.unchecked.append("the certificate's own file: it was not given; the report's copy was checked")
    candidates = [found for found in (content, _copy_bytes(copy)) if found is not None]
    right = next((found for found in candidates if bytes_digest(found) == certification), None)
    changes = [] if right is not None else [Change(CERTIFICATE, "is not the one that the run was made under")]
    if content is not None and content != right:
        changes += _file_changes(copy if right is not None else None, content)
    if right is not None:
        changes += _validity(right, sources.certification_key, results)
    found.look("certificate", changes)
    value = copy if right is None else json.loads(right)
    return value if isinstance(value, dict) else None


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"expected a certificate, got {path}") from error


def _copy_bytes(copy: Any) -> bytes | None:
    try:
        return signed_bytes(copy["statement"], bytes.fromhex(copy["signature"]))
    except (KeyError, TypeError, ValueError):
        return None


def _file_changes(copy: Any, content: bytes) -> Iterator[Change]:
    """What differs between a certificate's file and the right copy of it."""
    try:
        value = json.loads(content)
    except ValueError:
        value = None
    changes = [] if value is None else list(differences(copy, value, CERTIFICATE))
    written = _copy_bytes(copy)
    if not changes and written is not None:
        changes = [first_difference(written, content, CERTIFICATE)]
    yield from changes


def _validity(content: bytes, key: Ed25519PublicKey, results: Results) -> Iterator[Change]:
    """Whether the certificate is signed, in force now, and for the run's very gate."""
    try:
        certificate = read_certificate(content, key)
        certificate.check_current(utc_now())
        certificate.check_binding(_binding(results))
    except CertificateError as error:
        yield Change(CERTIFICATE, str(error))


def _binding(results: Results) -> dict[str, Any]:
    """The parts that the run's verdicts depend on, from what it recorded."""
    try:
        manifests = {ModelKind(kind): ModelManifest.from_json(model) for kind, model in results.run["models"].items()}
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError(f"{results.folder}: expected the models' manifests in run.json") from error
    return {**binding(results.policy, manifests), "cxrgate": results.run["cxrgate"]}


def _part(statement: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = statement.get(name)
    return part if isinstance(part, Mapping) else {}
