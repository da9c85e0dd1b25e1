"""One-time links: who may come in without a certificate, until when, signed with HMAC-SHA-256.

    token = base64url(JSON {reviewer, expires, nonce}) . base64url(HMAC of it)

The page remembers a nonce that was used in its log, so that a link opens once, also after a restart.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cxrgate.core import UsageError

_NAME = re.compile(r"[A-Za-z0-9._@-]{1,64}")
_DOMAIN = b"cxrgate review link 1\0"
_LONGEST = 1024


@dataclass(frozen=True, slots=True)
class Link:
    """What a token says."""

    reviewer: str
    expires: datetime
    nonce: str


def sign_link(key: bytes, reviewer: str, valid: timedelta) -> str:
    """A token for one reviewer, from now on.

    Raises:
        UsageError: a name with other characters than letters, digits and . _ @ -, or longer than 64.
    """
    if not _NAME.fullmatch(reviewer):
        raise UsageError("a reviewer's name has 1 to 64 characters A-Z a-z 0-9 . _ @ -")
    expires = datetime.now(UTC) + valid
    content = {"reviewer": reviewer, "expires": expires.isoformat(), "nonce": secrets.token_urlsafe(16)}
    payload = _encode(json.dumps(content).encode())
    return f"{payload}.{_sign(key, payload)}"


def read_link(key: bytes, token: str) -> Link | None:
    """What the token says; None unless it was signed with this key and is not over."""
    payload, _, signature = token[:_LONGEST].partition(".")
    if not hmac.compare_digest(_sign(key, payload).encode(), signature.encode()):
        return None
    try:
        content = json.loads(base64.urlsafe_b64decode(payload))
        link = Link(content["reviewer"], datetime.fromisoformat(content["expires"]), content["nonce"])
    except (ValueError, KeyError, TypeError, binascii.Error):
        return None
    return link if datetime.now(UTC) < link.expires else None


def _encode(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode()


def _sign(key: bytes, payload: str) -> str:
    return _encode(hmac.new(key, _DOMAIN + payload.encode(), hashlib.sha256).digest())
