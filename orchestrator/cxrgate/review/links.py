"""One-time links: who may come in without a certificate, and until when, signed with HMAC-SHA-256 by itsdangerous.

The page remembers a nonce that was used in its log, so that a link opens once, also after a restart.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from itsdangerous import BadData, URLSafeSerializer

from cxrgate.core import UsageError

_NAME = re.compile(r"[A-Za-z0-9._@-]{1,64}")
_SALT = b"cxrgate review link 2"
"""Another one than those of other things that may be signed with the same key."""
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
    token = _serializer(key).dumps(content)
    return token if isinstance(token, str) else token.decode("ascii")


def read_link(key: bytes, token: str) -> Link | None:
    """What the token says; None unless it was signed with this key and is not over."""
    if len(token) > _LONGEST:
        return None
    try:
        content = _serializer(key).loads(token)
        link = Link(content["reviewer"], datetime.fromisoformat(content["expires"]), content["nonce"])
    except (BadData, ValueError, KeyError, TypeError):
        return None
    return link if datetime.now(UTC) < link.expires else None


def _serializer(key: bytes) -> URLSafeSerializer:
    kwargs = {"key_derivation": "hmac", "digest_method": hashlib.sha256}
    return URLSafeSerializer(key, salt=_SALT, signer_kwargs=kwargs)
