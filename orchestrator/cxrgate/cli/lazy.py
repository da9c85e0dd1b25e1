"""A group whose commands are loaded when they are called: who asks one for help waits for no other."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

COMMANDS = {
    "run": "run:run",
    "demo": "demo:demo",
    "dicom": "dicom:app",
    "embed": "compat:embed",
    "search": "compat:search",
    "verify": "compat:verify",
    "filter": "compat:filter_dataset",
    "audit": "audit:audit",
    "calibrate": "calibrate:calibrate",
    "certificate": "certificate:app",
    "certs": "certs:certs",
    "doctor": "doctor:doctor",
    "evaluate": "evaluate:evaluate",
    "excess": "excess:excess_command",
    "health": "health:health",
    "index": "index.group:app",
    "log": "log:app",
    "model": "model:app",
    "recheck": "recheck:recheck",
    "release-report": "release_report:release_report",
    "review": "review:app",
    "serve": "serve:app",
    "stack": "stack:app",
    "storage": "storage:app",
    "train": "train.group:app",
    "verify-report": "release_report:verify_report",
    "verify-run": "verify_run:verify_run",
}
"""Word to module of cxrgate.cli.commands and what it holds: a function, or the typer.Typer of a group."""

ALIASES = {"report": "release-report"}
"""Words of earlier versions, which go on working without being listed."""


class LazyGroup(TyperGroup):
    """The root."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - typer's signature
        """Every word there is."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002 - typer's signature
        """Load the command; None for a word that there is not."""
        cmd_name = ALIASES.get(cmd_name, cmd_name)
        if cmd_name in COMMANDS and cmd_name not in self.commands:
            self.commands[cmd_name] = _load(cmd_name)
        return self.commands.get(cmd_name)


def _load(name: str) -> Any:
    module, _, attribute = COMMANDS[name].partition(":")
    found = getattr(importlib.import_module(f"cxrgate.cli.commands.{module}"), attribute)
    command = get_command(found if isinstance(found, typer.Typer) else _single(name, found))
    command.name = name
    return command


def _single(name: str, function: Callable[..., None]) -> typer.Typer:
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command(name)(function)
    return app
