"""The identity in a certificate, as Python's ssl shows one that it has verified."""

from __future__ import annotations

from typing import Any


def spiffe_id(certificate: dict[str, Any] | None) -> str | None:
    """The only SPIFFE id that a certificate names; None for none or several."""
    names = (certificate or {}).get("subjectAltName", ())
    ids = [value for kind, value in names if kind == "URI" and value.startswith("spiffe://")]
    return ids[0] if len(ids) == 1 else None
