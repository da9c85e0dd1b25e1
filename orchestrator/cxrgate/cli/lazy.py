"""A group whose commands are loaded when they are called: who asks one for help waits for no other."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

COMMANDS = {
    "check": "check:check",
    "duplicates": "duplicates:duplicates",
    "init": "init:init",
    "run": "run:run",
    "decide": "decide:decide",
    "enrol": "index.build:build",
    "config": "config:app",
    "demo": "demo:demo",
    "compat": "compat:app",
    "dicom": "dicom:app",
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

EARLIER = {
    "report": COMMANDS["release-report"],
    "embed": "compat:embed",
    "search": "compat:search",
    "verify": "compat:verify",
    "filter": "compat:filter_dataset",
}
"""Words of earlier versions, which go on working without being listed."""

HEADINGS = {
    "Everyday": ("check", "duplicates", "init", "run", "decide", "enrol", "index", "config", "demo"),
    "Trust": (
        *("calibrate", "certificate", "release-report", "verify-report", "verify-run", "recheck", "review"),
        *("audit", "excess", "log", "storage"),
    ),
    "Services": ("serve", "stack", "dicom", "certs", "health", "doctor"),
    "Models": ("model", "train", "evaluate"),
    "anonymization-pipeline": ("compat",),
}
"""Under which heading help lists which words, in this order."""

QUIET = "--quiet"


class LazyGroup(TyperGroup):
    """The root."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - typer's signature
        """Every word there is, heading by heading."""
        return [word for words in HEADINGS.values() for word in words]

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Take --quiet wherever it stands: nobody has to know that it is the root's."""
        options = args[: args.index("--")] if "--" in args else args
        if QUIET in options:
            args = [QUIET, *(word for word in options if word != QUIET), *args[len(options) :]]
        return super().parse_args(ctx, args)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002 - typer's signature
        """Load the command; None for a word that there is not."""
        if cmd_name not in self.commands and (place := {**COMMANDS, **EARLIER}.get(cmd_name)):
            self.commands[cmd_name] = _load(cmd_name, place)
        return self.commands.get(cmd_name)


def _load(name: str, place: str) -> Any:
    module, _, attribute = place.partition(":")
    found = getattr(importlib.import_module(f"cxrgate.cli.commands.{module}"), attribute)
    command: Any = get_command(found if isinstance(found, typer.Typer) else _single(name, found))
    command.name = name
    command.rich_help_panel = next((heading for heading, words in HEADINGS.items() if name in words), None)
    return command


def _single(name: str, function: Callable[..., None]) -> typer.Typer:
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command(name)(function)
    return app
