"""The identity in a certificate, as Python's ssl shows one that it has verified."""

from __future__ import annotations

import re
from typing import Any

_ID = re.compile(r"spiffe://[\x21-\x7e]+")
"""Printable ASCII: what follows a NUL, or looks like another character, must not be taken for part of an identity."""


def spiffe_id(certificate: dict[str, Any] | None) -> str | None:
    """The only SPIFFE id that a certificate names; None for none, several, or one with odd characters."""
    names = (certificate or {}).get("subjectAltName", ())
    ids = [value for kind, value in names if kind == "URI" and value.startswith("spiffe://")]
    return ids[0] if len(ids) == 1 and _ID.fullmatch(ids[0]) else None
