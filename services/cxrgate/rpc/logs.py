"""Logs as JSON lines on stderr: dotted past-tense events with their values, never an image, a score or a name.

An event is written as `_log.info("rpc.server_started services=%s port=%d", ...)` and becomes fields. What libraries
log or warn of, and the texts of exceptions that are not cxrgate's own, may hold anything: of those the place stands
here, and not the text.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
import traceback
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Any

from cxrgate.core import CxrgateError

_log = logging.getLogger(__name__)


class JsonLines(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """See logging.Formatter."""
        content = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname,
            "logger": record.name,
            **_event(record),
        }
        if record.exc_info and record.exc_info[1] is not None:
            content["exceptions"] = _chain(record.exc_info[1])
        return json.dumps(content)


def log_to_stderr() -> None:
    """Log everything from INFO on, or from the level that CXRGATE_LOG_LEVEL names."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=os.environ.get("CXRGATE_LOG_LEVEL", "INFO"), handlers=[handler], force=True)
    logging.captureWarnings(capture=True)  # pydicom's quote the values that they warn of
    threading.excepthook = _log_end_of_thread  # Python's own writes the exception's text


def _log_end_of_thread(end: threading.ExceptHookArgs) -> None:
    """What a peer sends may end a thread of pynetdicom's."""
    if end.exc_value is not None and end.exc_type is not SystemExit:
        _log.error("process.thread_ended", exc_info=end.exc_value)


def _event(record: logging.LogRecord) -> dict[str, Any]:
    if not record.name.startswith("cxrgate."):
        return {"event": "log.library_spoke", "at": f"{record.filename}:{record.lineno}"}
    event, *values = record.getMessage().split(" ")
    parts = [value.partition("=") for value in values]
    return {"event": event, **{name: value for name, _, value in parts}}


def _chain(error: BaseException) -> list[dict[str, Any]]:
    """The exception and what it came from, the last one first."""
    found: list[dict[str, Any]] = []
    following: BaseException | None = error
    while following is not None:
        frames = traceback.extract_tb(following.__traceback__)
        places = [f"{PurePath(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames]
        text = {"message": str(following)} if isinstance(following, CxrgateError) else {}
        found.append({"type": type(following).__qualname__, **text, "frames": places})
        following = following.__cause__ or (None if following.__suppress_context__ else following.__context__)
    return found
