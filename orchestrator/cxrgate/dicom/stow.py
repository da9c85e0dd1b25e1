"""DICOMweb STOW-RS (PS3.18, 10.5): the same spool over HTTPS, for callers with a certificate.

POST /studies and /studies/{uid}, multipart/related with parts application/dicom
200 every instance is on the disk, 202 some are, 409 none is, 503 none for lack of room
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from email.message import Message
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from python_multipart.multipart import MultipartParser

from cxrgate.core import ImageError
from cxrgate.dicom.counts import Counts
from cxrgate.dicom.refusals import DOES_NOT_FIT, UNREADABLE, read_allowed, refused_status
from cxrgate.dicom.senders import Senders
from cxrgate.dicom.spool import CALLER, Spool, SpoolFull
from cxrgate.images.codec.dicom.header import STUDY, meta_uids, uid_of
from cxrgate.rpc.limits import IMAGE_BYTES

INSTANCES = 1000
"""In one request."""

# PS3.18 table 10.5.3-1 takes the failure reasons of C-STORE.
OUT_OF_RESOURCES, TOO_LARGE, PROCESSING_FAILURE = 0xA700, 0xC001, 0x0110

_CLASS, _INSTANCE, _REASON = "00081150", "00081155", "00081197"
_STORED, _FAILED = "00081199", "00081198"
_UIDS = (0x00020002, 0x00020003)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Stow:
    """What STOW-RS writes to.

    Attributes:
        spool: where images go.
        is_done: see Receiver.
        arrived: called after an image was kept.
        failed: called when the disk failed: nothing more is acknowledged then.
        senders: who may send.
        counts: what is counted.
    """

    spool: Spool
    is_done: Callable[[str], bool]
    arrived: Callable[[], None]
    failed: Callable[[], None]
    senders: Senders
    counts: Counts


def make_stow(stow: Stow) -> FastAPI:
    """The application."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    async def store(request: Request, study: str | None = None) -> Response:
        caller = _caller(request, stow.senders)
        if caller is None:
            return _refused(403, "the role of your certificate may not send images here")
        boundary = _boundary(request.headers.get("content-type", ""))
        if boundary is None:
            return _refused(415, 'Content-Type must be multipart/related; type="application/dicom"; boundary=...')
        return await _store(stow, caller, study, _parts(request, boundary))

    app.post("/studies")(store)
    app.post("/studies/{study}")(store)
    return app


def _refused(status: int, sentence: str) -> Response:
    return PlainTextResponse(f"{sentence}\n", status)


def _caller(request: Request, senders: Senders) -> str | None:
    """The last part of the caller's SPIFFE id; None unless they may send."""
    caller = senders.admit(getattr(request.state, "peer", None))
    name = "" if caller is None else caller.identity.rsplit("/", 1)[-1]
    return name if CALLER.fullmatch(name) else None


def _boundary(content_type: str) -> bytes | None:
    message = Message()
    message["content-type"] = content_type
    boundary = message.get_param("boundary")
    related = message.get_content_type() == "multipart/related" and message.get_param("type") == "application/dicom"
    return boundary.encode() if related and isinstance(boundary, str) and boundary else None


async def _store(stow: Stow, caller: str, study: str | None, parts: AsyncIterator[bytes | None]) -> Response:
    stored, failed = [], []
    try:
        async for content in parts:
            item, reason = await asyncio.to_thread(_keep, stow, caller, study, content)
            stow.counts.stored(reason or 0)
            if reason is None:
                stored.append(item)
            else:
                failed.append({**item, _REASON: {"vr": "US", "Value": [reason]}})
    except ValueError:  # not multipart, or cut off: what came before is kept, and sent again it is the same
        return _refused(400, "the body is no whole multipart message; what came before its fault is kept")
    answer: dict[str, Any] = {}
    if stored:
        answer[_STORED] = {"vr": "SQ", "Value": stored}
    if failed:
        answer[_FAILED] = {"vr": "SQ", "Value": failed}
    return JSONResponse(answer, _status(stored, failed), media_type="application/dicom+json")


def _status(stored: list[Any], failed: list[Any]) -> int:
    if stored:
        return 202 if failed else 200
    full = any(item[_REASON]["Value"] == [OUT_OF_RESOURCES] for item in failed)
    return 503 if full else 409


def _keep(stow: Stow, caller: str, study: str | None, content: bytes | None) -> tuple[dict[str, Any], int | None]:
    """The instance's item for the answer, and why it was not kept, None where it was. It is durable then."""
    if content is None:
        return {}, TOO_LARGE
    item = _uids(content)
    if item is None:
        return {}, UNREADABLE
    ruled_out = _ruled_out(caller, content, study)
    return item, _put(stow, caller, content) if ruled_out is None else ruled_out


def _ruled_out(caller: str, content: bytes, study: str | None) -> int | None:
    """The failure reason of an instance that its header rules out, or that is of another study than was said."""
    try:
        header = read_allowed(caller, content)
    except ImageError as error:
        return refused_status(error)
    return None if study is None or uid_of(header, STUDY) == study else DOES_NOT_FIT


def _put(stow: Stow, caller: str, content: bytes) -> int | None:
    """Bring it to the disk; the failure reason where that cannot be."""
    try:
        if not stow.is_done(stow.spool.name_of(content)):
            stow.spool.put(caller, content)
            stow.arrived()
    except SpoolFull:
        _log.warning("dicom.spool_full", {"caller": caller})
        return OUT_OF_RESOURCES
    except OSError:
        _log.exception("dicom.spool_failed", {"caller": caller})
        stow.failed()
        return PROCESSING_FAILURE
    return None


def _uids(content: bytes) -> dict[str, Any] | None:
    """Class and instance UID from the file meta group alone; None where it cannot be read."""
    values = meta_uids(content, _UIDS)
    if not all(value and set(value) <= set("0123456789.") and len(value) <= 64 for value in values):
        return None
    return {tag: {"vr": "UI", "Value": [value]} for tag, value in zip((_CLASS, _INSTANCE), values, strict=True)}


async def _parts(request: Request, boundary: bytes) -> AsyncIterator[bytes | None]:
    """Each part's content as it comes; None for one that is larger than an image may be.

    Raises:
        ValueError: it is not multipart, has too many parts, or ends too early.
    """
    collector = _Collector()
    parser = MultipartParser(boundary, collector.callbacks())  # type: ignore[arg-type]
    async for chunk in request.stream():
        parser.write(chunk)
        for part in collector.take():
            yield part
    parser.finalize()
    if not collector.ended:
        raise ValueError("expected the end of a multipart message")


@dataclass
class _Collector:
    """Gathers the bytes of one part at a time."""

    ended: bool = False
    _content: bytearray = field(default_factory=bytearray)
    _too_large: bool = False
    _whole: list[bytes | None] = field(default_factory=list)
    _count: int = 0

    def callbacks(self) -> dict[str, Any]:
        return {
            "on_part_begin": self._begin,
            "on_part_data": self._data,
            "on_part_end": self._end,
            "on_end": self._finish,
        }

    def take(self) -> list[bytes | None]:
        """What is whole."""
        whole, self._whole = self._whole, []
        return whole

    def _begin(self) -> None:
        self._content, self._too_large, self._count = bytearray(), False, self._count + 1
        if self._count > INSTANCES:
            raise ValueError(f"expected at most {INSTANCES} instances")

    def _data(self, data: bytes, start: int, end: int) -> None:
        if len(self._content) + end - start > IMAGE_BYTES:
            self._content, self._too_large = bytearray(), True
        if not self._too_large:
            self._content += data[start:end]

    def _end(self) -> None:
        self._whole.append(None if self._too_large else bytes(self._content))

    def _finish(self) -> None:
        self.ended = True
