"""Logs on stderr, rendered by structlog: dotted past-tense events with their values, never an image, a score or a name.

An event is written as `_log.info("rpc.server_started", {"services": ..., "port": ...})`: a service's log has a JSON
object for it, a command's log a line of `name=value`. What libraries log or warn of, and the texts of exceptions that
are not cxrgate's own, may hold anything: of those the place stands here, and not the text.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Any

from structlog.processors import JSONRenderer, LogfmtRenderer
from structlog.stdlib import ProcessorFormatter
from structlog.typing import Processor

from cxrgate.core import CxrgateError

_log = logging.getLogger(__name__)


def json_lines() -> logging.Formatter:
    """One JSON object a line: time, level, logger, event, the event's values as text, and exceptions if there are."""
    return _formatter(_line, JSONRenderer())


def log_to_stderr() -> None:
    """Log everything from INFO on, or from the level that CXRGATE_LOG_LEVEL names, as JSON: what services do."""
    _to_stderr(json_lines(), os.environ.get("CXRGATE_LOG_LEVEL", "INFO"))
    logging.captureWarnings(capture=True)  # pydicom's quote the values that they warn of
    threading.excepthook = _log_end_of_thread  # Python's own writes the exception's text


def warnings_to_stderr() -> None:
    """Log warnings as text: what a command in a terminal does."""
    _to_stderr(_formatter(_event, LogfmtRenderer()), logging.WARNING)


def _to_stderr(formatter: logging.Formatter, level: int | str) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    logging.basicConfig(level=level, handlers=[handler], force=True)


def _formatter(*processors: Processor) -> logging.Formatter:
    return ProcessorFormatter(processors=processors, pass_foreign_args=True)


def _log_end_of_thread(end: threading.ExceptHookArgs) -> None:
    """What a peer sends may end a thread of pynetdicom's."""
    if end.exc_value is not None and end.exc_type is not SystemExit:
        _log.error("process.thread_ended", exc_info=end.exc_value)


def _line(logger: Any, method: str, found: Any) -> dict[str, Any]:
    """A processor: when, how grave and where it was said, what, and what exceptions there were."""
    record: logging.LogRecord = found["_record"]
    head = {
        "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
        "level": record.levelname,
        "logger": record.name,
    }
    _, error, _ = found.get("exc_info") or (None, None, None)
    return head | _event(logger, method, found) | ({"exceptions": _chain(error)} if error else {})


def _event(_logger: Any, _method: str, found: Any) -> dict[str, Any]:
    """A processor: the event and its values as text; of what a library says its place alone."""
    record: logging.LogRecord = found["_record"]
    if not record.name.startswith("cxrgate."):
        return {"event": "log.library_spoke", "at": f"{record.filename}:{record.lineno}"}
    values = found["positional_args"]
    named = values if isinstance(values, Mapping) else {}
    return {"event": found["event"], **{name: str(value) for name, value in named.items()}}


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
