"""The signed file as such: is it JSON, laid out as it is signed, with a signature that fits?"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from cxrgate.certification import key_digest, read_signed, signed_bytes
from cxrgate.core import CertificateError
from cxrgate.core.json_text import MALFORMED, parse_json
from cxrgate.release_report.changes import Change, differences, first_difference, way_to

REPORT = "report"


def signature_changes(content: bytes, key: Ed25519PublicKey) -> list[Change]:
    """What is wrong with the signed file: not JSON, another layout, or another statement or signature."""
    try:
        read_signed(content, key, REPORT)
    except CertificateError:
        return [_unsigned(content)]
    return []


def parse(content: bytes) -> dict[str, Any] | None:
    """The statement whether its signature holds or not; None where there is none."""
    try:
        value = parse_json(content)
    except ValueError:
        return None
    statement = value.get("statement") if isinstance(value, dict) else None
    return statement if isinstance(statement, dict) else None


def signer_changes(statement: Mapping[str, Any], key: Ed25519PublicKey, finished: Any) -> Iterator[Change]:
    """Whether a statement names the key that signed it, and a time after the run's end.

    Args:
        statement: of format 2 or later.
        key: whose signature the report has.
        finished: when the run ended, in ISO format; None where the records do not say.
    """
    part = f"{REPORT} > statement > signed"
    signed = statement.get("signed")
    try:
        named, at = signed["key"], datetime.fromisoformat(signed["at"])  # type: ignore[index]
        late = finished is not None and datetime.fromisoformat(finished).replace(microsecond=0) > at
    except (KeyError, TypeError, ValueError):
        yield Change(part, "names no key with its digest, or no time")
        return
    yield from differences(key_digest(key), named, f"{part} > key")
    if late:
        yield Change(f"{part} > at", "is before the end of the run")


def signed_words(statement: Mapping[str, Any]) -> str:
    """By whom and when, as the statement says it; "" where it does not."""
    try:
        signed, finished = statement["signed"], statement["run"]["finished"]
        told = f"signed with the key {signed['by']} (sha256 {signed['key']}) at {signed['at']}"
    except (KeyError, TypeError):
        return ""
    return f"{told}; the run ended at {finished}" if finished else told


def _unsigned(content: bytes) -> Change:
    try:
        value = json.loads(content)
        written = signed_bytes(value["statement"], bytes.fromhex(value["signature"]))
    except UnicodeDecodeError as error:
        return _unreadable(content, content.count(b"\n", 0, error.start))
    except json.JSONDecodeError as error:
        return _unreadable(content, error.lineno - 1)
    except (RecursionError, *MALFORMED):
        return Change(f"{REPORT} > signature", "holds no statement with its signature in hexadecimal digits")
    if written != content:
        return first_difference(written, content, REPORT)
    return Change(f"{REPORT} > signature", "does not fit the statement and the signer's key: one of these was changed")


def _unreadable(content: bytes, number: int) -> Change:
    lines = content.decode(errors="replace").split("\n")
    return Change(" > ".join([REPORT, *way_to(lines, number)]), f"line {number + 1} is not readable as JSON")
