"""Who visits: a client certificate of the role reviewer, or the session that a one-time link began."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request

from cxrgate.rpc.roles import RoleMatrix

COOKIE = "__Host-cxrgate-session"
"""The prefix makes browsers refuse it without Secure, with another path or from a subdomain."""

SESSION_SECONDS = 8 * 3600
ROLE = "reviewer"


@dataclass(frozen=True, slots=True)
class Visitor:
    """A reviewer, and the token that a form of this visit must bring back (CSRF)."""

    identity: str
    csrf: str
    session: str | None


class Visitors:
    """Knows reviewers. Sessions are in memory: a restart ends them."""

    def __init__(self, roles: RoleMatrix) -> None:
        """Trust certificates whose identity has the role reviewer in `roles`."""
        self._roles = roles
        self._secret = secrets.token_bytes(32)
        self._sessions: dict[str, tuple[str, float]] = {}

    def of(self, request: Request) -> Visitor | None:
        """The reviewer behind a request; None for anybody else."""
        peer = getattr(request.state, "peer", None)
        if peer is not None and self._roles.identities.get(peer) == ROLE:
            return Visitor(peer, self._csrf(peer), None)
        token = request.cookies.get(COOKIE, "")
        identity, ends = self._sessions.get(_hash(token), ("", 0.0))
        if time.monotonic() >= ends:
            return None
        return Visitor(identity, self._csrf(token), token)

    def begin(self, identity: str) -> str:
        """A new session's token, for the cookie; only its hash is kept."""
        now = time.monotonic()
        self._sessions = {key: value for key, value in self._sessions.items() if now < value[1]}
        token = secrets.token_urlsafe(32)
        self._sessions[_hash(token)] = (identity, now + SESSION_SECONDS)
        return token

    def end(self, visitor: Visitor) -> None:
        """Forget a session."""
        if visitor.session is not None:
            self._sessions.pop(_hash(visitor.session), None)

    def _csrf(self, bound_to: str) -> str:
        return hmac.new(self._secret, bound_to.encode(), hashlib.sha256).hexdigest()


def is_own_form(request: Request, visitor: Visitor, form: Any) -> bool:
    """Whether a form came from a page that was served to this visitor."""
    token = form.get("csrf", "")
    known = isinstance(token, str) and hmac.compare_digest(token.encode(), visitor.csrf.encode())
    return known and is_same_site(request)


def is_same_site(request: Request) -> bool:
    """Whether a browser says that the request came from a page of this origin; every current one says."""
    return request.headers.get("sec-fetch-site", "same-origin") == "same-origin"


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
