"""Decode functions that misbehave, for the sandbox's workers: they import this module by its name."""

from __future__ import annotations

import ctypes
import gc
import os
import socket
import threading
import time
from pathlib import Path

from cxrgate.core import GreyImage, ImageError, ImageRecord
from cxrgate.images.codec.decode import decode
from cxrgate.images.sandbox.segment import WritableSegment

LATE = 7
"""The byte that `late` writes over everything."""


class OddError(Exception):
    """An exception that can be pickled but not read back."""

    def __init__(self, first: str, second: str) -> None:
        super().__init__(first + second)


def misbehave(record: ImageRecord) -> GreyImage:
    """Do what the image's id says before its first space; an ordinary image is decoded."""
    if record.image_id.startswith("late"):
        threading.Thread(target=_write_later, daemon=True).start()
    action = _ACTIONS.get(record.image_id.split()[0])
    if action is None:
        return decode(record)
    raise ImageError("SURVIVED", str(action()))


def _write_later() -> None:
    time.sleep(0.2)
    (segment,) = (held for held in gc.get_objects() if isinstance(held, WritableSegment))
    segment._memory[: 2**20] = LATE


def _loop() -> None:
    while True:
        pass


def _odd() -> None:
    raise OddError("DOE", "JANE")


def _key() -> None:
    raise KeyError("DOE^JANE")


def _quit() -> None:
    raise SystemExit(3)


_ACTIONS = {
    "exit": lambda: os._exit(9),
    "quit": _quit,
    "segfault": lambda: ctypes.string_at(0),
    "loop": _loop,
    "sleep": lambda: time.sleep(3600),
    "memory": lambda: bytearray(4 * 2**30),
    "read": lambda: Path("/etc/hostname").read_bytes(),
    "write": lambda: Path("/tmp/cxrgate-sandbox").write_bytes(b"x"),
    "socket": socket.socket,
    "pipe": os.pipe,
    "key": _key,
    "odd": _odd,
    "pid": os.getpid,
    "status": lambda: Path("/proc/self/status").read_text(encoding="ascii"),
}
