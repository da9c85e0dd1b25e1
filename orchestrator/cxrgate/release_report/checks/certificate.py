"""The certificate of a report: its copy, its file, its signature, its term, and the gate that it is for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from cxrgate.certification import CERTIFICATE, UNCERTIFIED, read_certificate, signed_bytes, utc_now
from cxrgate.core import CertificateError, UsageError
from cxrgate.core.digest import bytes_digest, mapping_digest
from cxrgate.core.json_text import MALFORMED, parse_json
from cxrgate.release_report.changes import Change, differences, first_difference
from cxrgate.release_report.checks.found import Verification
from cxrgate.release_report.records import Records
from cxrgate.release_report.rule import FIRST

_BOUND = FIRST - {"borderline", "retrieval", "verification"}
"""The numbers of the first rule that a certificate binds."""


def look_at_certificate(
    found: Verification, copy: Any, file: Path | None, key: Ed25519PublicKey, records: Records
) -> Mapping[str, Any] | None:
    """Check the certificate's copy in the report, and its file where it is given; give the one that the run names.

    Args:
        found: told what was looked at.
        copy: statement and signature as the report holds them.
        file: the certificate's own file.
        key: of whoever certifies.
        records: of the run.
    """
    certification = str(records.run["certification"])
    if certification == UNCERTIFIED:
        return None
    content = None if file is None else _read(file)
    if content is None:
        found.unchecked.append("the certificate's own file: it was not given; the report's copy was checked")
    candidates = [each for each in (content, _copy_bytes(copy)) if each is not None]
    right = next((each for each in candidates if bytes_digest(each) == certification), None)
    changes = [] if right is not None else [Change(CERTIFICATE, "is not the one that the run was made under")]
    if content is not None and content != right:
        changes += _file_changes(copy if right is not None else None, content)
    if right is not None:
        changes += _validity(right, key, records)
    found.look("certificate", changes)
    value = copy if right is None else _parsed(right)
    return value if isinstance(value, dict) else None


def recorded_binding(records: Records, names: Mapping[str, Any]) -> dict[str, Any]:
    """The parts that the run's verdicts depend on, from what it recorded.

    Args:
        records: of the run.
        names: the binding of the certificate. A later rule may bind more of its numbers than the first one.
    """
    policy = {name: value for name, value in records.policy.items() if name in _BOUND or name in names}
    models = records.run["models"]
    parts = {f"{kind}.{part}": value for kind in sorted(models) for part, value in _model(models[kind]).items()}
    return {"cxrgate": records.run["cxrgate"], **policy, **parts}


def _model(model: Mapping[str, Any]) -> dict[str, Any]:
    digests = {part: mapping_digest(model[part]) for part in ("architecture", "preprocessing")}
    return {"weights": model["weights"], "dtype": model["dtype"], **digests}


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"there is no certificate at {path}: check --certificate") from error


def _parsed(content: bytes) -> Any:
    """What a file says, signed or not; None where it is no JSON."""
    try:
        return parse_json(content)
    except ValueError:
        return None


def _copy_bytes(copy: Any) -> bytes | None:
    try:
        return signed_bytes(copy["statement"], bytes.fromhex(copy["signature"]))
    except MALFORMED:
        return None


def _file_changes(copy: Any, content: bytes) -> Iterator[Change]:
    """What differs between a certificate's file and the right copy of it."""
    value = _parsed(content)
    changes = [] if value is None else list(differences(copy, value, CERTIFICATE))
    written = _copy_bytes(copy)
    if not changes and written is not None:
        changes = [first_difference(written, content, CERTIFICATE)]
    yield from changes


def _validity(content: bytes, key: Ed25519PublicKey, records: Records) -> Iterator[Change]:
    """Whether the certificate is signed, in force now, and for the run's very gate."""
    try:
        certificate = read_certificate(content, key)
        certificate.check_current(utc_now())
        certificate.check_binding(recorded_binding(records, certificate.binding))
    except CertificateError as error:
        yield Change(CERTIFICATE, str(error))
    except (KeyError, TypeError) as error:
        raise UsageError(f"{records.folder}: run.json lacks the models' manifests: run again") from error
