"""The page: a queue, a case, a decision. Rendered here, without scripts; every reading is logged before it is shown."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, PlainTextResponse, RedirectResponse
from jinja2 import Environment
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from cxrgate.core import CallRefused, CxrgateError
from cxrgate.core.spaces import COSINE_SPACES, MATCHES
from cxrgate.review.decisions import REASON_CHARACTERS, Choice, ChoiceRefused, Decisions
from cxrgate.review.headers import SecurityHeaders
from cxrgate.review.links import Link, read_link
from cxrgate.review.queue import Entry, Listed, Queue
from cxrgate.review.visitors import COOKIE, SESSION_SECONDS, Visitor, Visitors, is_own_form, is_same_site
from cxrgate.run_page.cases import ShownImage
from cxrgate.run_page.environment import make_environment
from cxrgate.run_page.pictures import Pictures, data_uri, judged_uri

READ = "case_read"
SHOWN = 100
"""Rows of the queue on one page."""

SIDE = 400
"""The longer side of a picture in pixels."""

CANDIDATES = 3
"""References beside an image; the table below has all."""
_FILTERS = ("open", "all", "borderline", "flagged")
_NOTICES = {
    401: (
        "Reviewers only",
        "Come in with a certificate of a reviewer, or with a one-time link from whoever runs this page.",
    ),
    403: ("Not accepted", "This form was not served to you, or your session is over. Open the case again."),
    404: ("No such page", "There is no case under this address."),
    405: ("No such page", "This address cannot be used that way."),
    410: ("This link is over", "It was used before, or its time is up. Ask for another one."),
    413: ("Too long", "This form is larger than any that this page serves."),
    500: ("Something went wrong", "It has been written to the log of the service. Nothing was decided."),
    503: ("Not now", "The log cannot be written, so nothing is shown and nothing is decided."),
}
_NOT_WRITTEN = (
    "Withheld, but the released set could not be written again",
    "Your decision is kept; the image may still be there. Tell whoever runs this page: its next start tries again.",
)
_FORM_BYTES = 16 * 1024

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Reviewed:
    """What the page shows and changes.

    Attributes:
        queue: the run's borderline and flagged images.
        decisions: what was decided, with the log.
        visitors: who may come in.
        link_key: the key of one-time links.
        withdraw: take what has been withheld out of the released set; give how many images left it.
        pictures: the pixels; None shows none.
        invented: the patients are drawings, and the page says so.
    """

    queue: Queue
    decisions: Decisions
    visitors: Visitors
    link_key: bytes = field(repr=False)
    withdraw: Callable[[], int]
    pictures: Pictures | None = None
    invented: bool = False

    @property
    def policy(self) -> str:
        """Digest of the run's policy."""
        return self.queue.results.policy.digest


def make_page(reviewed: Reviewed) -> ASGIApp:
    """The application. The headers go around all of it: also around the answer to an error that nobody foresaw."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    page = _Page(reviewed)
    app.get("/")(page.queue)
    app.get("/cases/{number}")(page.case)
    app.post("/cases/{number}")(page.decide)
    app.get("/enter/{token}")(page.offer)
    app.post("/enter/{token}")(page.enter)
    app.post("/leave")(page.leave)
    app.get("/style.css")(page.style)
    app.exception_handler(HTTPException)(page.refuse)
    app.exception_handler(RequestValidationError)(page.refuse)
    app.exception_handler(CallRefused)(page.unavailable)
    app.exception_handler(Exception)(page.broken)
    return SecurityHeaders(app)


class _Page:
    def __init__(self, reviewed: Reviewed) -> None:
        self._reviewed = reviewed
        self._templates: Environment = make_environment("cxrgate.review", "cxrgate.run_page")

    async def queue(self, request: Request, show: str = "open", page: int = 1) -> Response:
        visitor = self._visitor(request)
        entries = self._filtered(show if show in _FILTERS else "open")
        pages = max(1, -(-len(entries) // SHOWN))
        page = min(max(page, 1), pages)
        part = entries[(page - 1) * SHOWN : page * SHOWN]
        return self._render(
            "queue.html.j2", visitor=visitor, show=show, filters=_FILTERS, entries=part, total=len(entries), page=page,
            pages=pages, left=len(self._filtered("open")),
        )  # fmt: skip

    async def case(self, request: Request, number: int) -> Response:
        visitor, entry = self._visitor(request), self._entry(number)
        return await self._show(visitor, entry)

    async def decide(self, request: Request, number: int) -> Response:
        visitor, entry = self._visitor(request), self._entry(number)
        form = await _form(request)
        if not is_own_form(request, visitor, form):
            raise HTTPException(403)
        named = (form.get("pixels"), form.get("policy"))
        if named != (entry.pixel_digest, self._reviewed.policy) or form.get("choice") not in set(Choice):
            raise HTTPException(403)
        choice, reason = Choice(str(form["choice"])), _line(str(form.get("reason", "")))
        try:
            await self._reviewed.decisions.record(visitor.identity, entry, self._reviewed.policy, choice, reason)
        except ChoiceRefused as refused:
            return await self._show(visitor, entry, refused=str(refused), choice=choice, reason=reason)
        if self._reviewed.decisions.is_withheld(entry) and not await self._withdraw():
            return self._notice(500, *_NOT_WRITTEN)
        following = self._following(entry)
        return RedirectResponse("/" if following is None else f"/cases/{following.number}", 303)

    async def offer(self, token: str) -> Response:
        """Show a button: a link that a mail scanner or a preview opens is not used up."""
        return self._render("enter.html.j2", visitor=None, token=token, link=self._link(token))

    async def enter(self, request: Request, token: str) -> Response:
        if not is_same_site(request):
            raise HTTPException(403)
        link = self._link(token)
        identity = f"link:{link.reviewer}"
        if not await self._reviewed.decisions.enter(identity, link.nonce):
            raise HTTPException(410)
        response = RedirectResponse("/", 303)
        session = self._reviewed.visitors.begin(identity)
        response.set_cookie(
            COOKIE, session, max_age=SESSION_SECONDS, path="/", secure=True, httponly=True, samesite="strict"
        )
        return response

    async def leave(self, request: Request) -> Response:
        visitor = self._visitor(request)
        if not is_own_form(request, visitor, await _form(request)):
            raise HTTPException(403)
        self._reviewed.visitors.end(visitor)
        response = self._notice(200, "You have left", "To come back, ask for another link.")
        response.delete_cookie(COOKIE, path="/", secure=True, httponly=True, samesite="strict")
        return response

    async def style(self) -> Response:
        css = "".join(self._templates.get_template(name).render() for name in ("style.css", "review.css"))
        return PlainTextResponse(css, media_type="text/css")

    async def refuse(self, _request: Request, error: Exception) -> Response:
        code = error.status_code if isinstance(error, HTTPException) else 404
        return self._notice(code, *_NOTICES.get(code, _NOTICES[404]))

    async def unavailable(self, _request: Request, _error: Exception) -> Response:
        return self._notice(503, *_NOTICES[503])

    async def broken(self, _request: Request, _error: Exception) -> Response:
        """The middleware around this one logs the error."""
        return self._notice(500, *_NOTICES[500])

    async def _show(self, visitor: Visitor, entry: Entry, **form: Any) -> Response:
        decisions, policy = self._reviewed.decisions, self._reviewed.policy
        content = {"identity": visitor.identity, "image_id": entry.image_id, "pixel_digest": entry.pixel_digest}
        await decisions.log.append(READ, **content, pictures=self._reviewed.pictures is not None)
        case = await asyncio.to_thread(self._reviewed.queue.case, entry)
        shown = {"refused": "", "choice": None, "reason": "", **form}
        return self._render(
            "case.html.j2",
            visitor=visitor,
            entry=entry,
            case=case,
            pictures=await asyncio.to_thread(self._pictures, entry, case),
            decided=decisions.of(entry, policy),
            withheld=decisions.is_withheld(entry),
            before=self._reviewed.queue.entry(entry.number - 1),
            after=self._reviewed.queue.entry(entry.number + 1),
            longest=REASON_CHARACTERS,
            invented=self._reviewed.invented,
            **shown,
        )

    async def _withdraw(self) -> bool:
        """Take what the log says is withheld out of the released set, and say whether that succeeded."""
        try:
            await asyncio.to_thread(self._reviewed.withdraw)
        except (OSError, CxrgateError):
            _log.exception("review.withdrawal_failed")
            return False
        return True

    def _pictures(self, entry: Entry, case: ShownImage) -> list[str] | None:
        """Data URIs of the synthetic image, "" where it was changed, and of its first candidates; None without any."""
        pictures = self._reviewed.pictures
        if pictures is None:
            return None
        try:
            shown = [pictures.reference(item.reference_id) for item in case.candidates[:CANDIDATES]]
            judged = judged_uri(pictures, entry.image_id, entry.pixel_digest, SIDE)
            return [judged, *(data_uri(pixels, SIDE) for pixels in shown)]
        except CxrgateError:
            _log.exception("review.pictures_missing", {"number": entry.number})
            return None

    def _visitor(self, request: Request) -> Visitor:
        visitor = self._reviewed.visitors.of(request)
        if visitor is None:
            raise HTTPException(401)
        return visitor

    def _entry(self, number: int) -> Entry:
        entry = self._reviewed.queue.entry(number)
        if entry is None:
            raise HTTPException(404)
        return entry

    def _link(self, token: str) -> Link:
        link = read_link(self._reviewed.link_key, token)
        if link is None or self._reviewed.decisions.is_used(link.nonce):
            raise HTTPException(410)
        return link

    def _filtered(self, show: str) -> list[Entry]:
        entries = self._reviewed.queue.entries
        if show == "open":
            return [entry for entry in entries if self._is_open(entry)]
        return [entry for entry in entries if show in {"all", str(entry.kind)}]

    def _following(self, entry: Entry) -> Entry | None:
        """The next open case, from the start again after the last."""
        entries = self._reviewed.queue.entries
        ordered = (*entries[entry.number :], *entries[: entry.number])
        return next((item for item in ordered if self._is_open(item)), None)

    def _is_open(self, entry: Entry) -> bool:
        return self._reviewed.decisions.is_open(entry, self._reviewed.policy)

    def _notice(self, code: int, title: str, text: str) -> HTMLResponse:
        return self._render("notice.html.j2", code, visitor=None, title=title, text=text)

    def _render(self, template: str, code: int = 200, **values: Any) -> HTMLResponse:
        results = self._reviewed.queue.results
        common = {
            "run": results.run,
            "policy": results.policy,
            "decisions": self._reviewed.decisions,
            "kinds": Listed,
            "words": MATCHES,
            "spaces": COSINE_SPACES,
            "band": results.policy.band,
        }
        return HTMLResponse(self._templates.get_template(template).render({**common, **values}), code)


async def _form(request: Request) -> Any:
    """The form; refused before it is read where it is larger than any of ours."""
    length = request.headers.get("content-length", "")
    if not length.isdecimal() or int(length) > _FORM_BYTES:
        raise HTTPException(413)
    return await request.form(max_files=0, max_fields=8)


def _line(text: str) -> str:
    """Text without control characters, and every space one space."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
