"""Processes that start as a fresh interpreter and import nothing of the caller's main module.

`spawn` runs the caller's main module in each of its processes, to find there what that module defines. A decode worker
needs nothing of it, and a script without `if __name__ == "__main__":` would start itself again in each worker.
"""

from __future__ import annotations

from multiprocessing import popen_spawn_posix, spawn
from multiprocessing.context import SpawnContext, SpawnProcess
from types import FunctionType, SimpleNamespace
from typing import Any

_OF_MAIN = ("init_main_from_name", "init_main_from_path")


def _preparation(name: str) -> dict[str, Any]:
    """What the new process is told before its task: everything that `spawn` tells but for the main module."""
    told = spawn.get_preparation_data(name)
    return {key: value for key, value in told.items() if key not in _OF_MAIN}


# The standard library's own launch, which has no place for this: its code runs with our preparation in view.
_spawn = SimpleNamespace(**{**vars(spawn), "get_preparation_data": _preparation})
_launch = FunctionType(popen_spawn_posix.Popen._launch.__code__, {**vars(popen_spawn_posix), "spawn": _spawn})  # type: ignore[attr-defined]  # noqa: SLF001


class _Popen(popen_spawn_posix.Popen):
    def _launch(self, process: Any) -> None:
        _launch(self, process)


class _Process(SpawnProcess):
    @staticmethod
    def _Popen(process: Any) -> _Popen:  # noqa: N802 - the standard library's name
        return _Popen(process)


class FreshContext(SpawnContext):
    """A context of `multiprocessing` whose processes know nothing of the caller's main module."""

    Process = _Process
