import json
import logging
import subprocess
import sys

import pytest

from cxrgate.core import MismatchError
from cxrgate.rpc.logs import json_lines


@pytest.fixture
def lines():
    """Logs with our formatter; gives what was written, parsed."""
    written = []

    class Keep(logging.Handler):
        def emit(self, record):
            written.append(json.loads(self.format(record)))

    handler = Keep()
    handler.setFormatter(json_lines())
    root = logging.getLogger()
    root.addHandler(handler)
    yield written
    root.removeHandler(handler)


def test_event_and_its_values_are_fields(lines):
    _log = logging.getLogger("cxrgate.rpc.x")
    _log.warning("rpc.call_refused", {"rpc": "/a B", "name": "x=y", "port": 1})

    (line,) = lines
    assert list(line) == ["time", "level", "logger", "event", "rpc", "name", "port"]
    assert {name: line[name] for name in ("level", "event", "rpc", "name", "port")} == {
        "level": "WARNING",
        "event": "rpc.call_refused",
        "rpc": "/a B",
        "name": "x=y",
        "port": "1",
    }


def test_an_event_without_values_is_its_name(lines):
    logging.getLogger("cxrgate.gate").error("%s.drift_noticed", "dicom")

    assert lines[0]["event"] == "dicom.drift_noticed"


def test_a_command_writes_warnings_as_text():
    code = """
import logging
from cxrgate.rpc.logs import warnings_to_stderr
warnings_to_stderr()
logging.getLogger("cxrgate.gate").info("gate.policy_changed", {"policy": "a"})
logging.getLogger("cxrgate.gate").warning("gate.models_unanswered", {"model": "copy", "reason": "MODELS LOST"})
"""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)

    assert done.stderr == 'event=gate.models_unanswered model=copy reason="MODELS LOST"\n'


def test_text_of_a_foreign_exception_is_not_written_and_its_place_is(lines):
    try:
        try:
            int("DOE^JANE")
        except ValueError as error:
            raise MismatchError("expected a snapshot of these models") from error
    except MismatchError:
        logging.getLogger("cxrgate.gate").exception("gate.index_refused")

    (line,) = lines
    assert "DOE" not in json.dumps(line)
    ours, theirs = line["exceptions"]
    assert (ours["type"], ours["message"]) == ("MismatchError", "expected a snapshot of these models")
    assert (theirs["type"], "message" in theirs) == ("ValueError", False)
    assert "test_logs.py" in theirs["frames"][0]


def test_what_a_library_says_is_not_written(lines):
    logging.getLogger("asyncio").error("Task exception was never retrieved: ValueError('DOE^JANE')")

    (line,) = lines
    assert (line["logger"], line["event"]) == ("asyncio", "log.library_spoke")
    assert "DOE" not in json.dumps(line)


@pytest.mark.parametrize(
    ("happens", "event"),
    [
        ("warnings.warn('DOE^JANE')", "log.library_spoke"),
        ("threading.Thread(target=int, args=['DOE^JANE']).start()", "process.thread_ended"),
    ],
)
def test_what_a_library_warns_of_and_what_ends_its_threads_is_not_written_either(happens, event):
    code = f"import threading, warnings; from cxrgate.rpc.logs import log_to_stderr; log_to_stderr(); {happens}"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)

    assert "DOE" not in done.stdout + done.stderr
    assert json.loads(done.stderr)["event"] == event
