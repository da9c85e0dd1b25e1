"""Every command, its arguments and options, from the command line itself."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import typer.main

from cxrgate.cli.main import app
from manual.text import anchor, table

_INTRODUCTION = """# Commands

What `cxrgate COMMAND --help` says, in one place. Exit codes of every command: 0 done, and every image released; 1 done,
some images rejected; 2 wrong usage or input; 3 some images without an answer; 4 an error of cxrgate itself; 130
interrupted.

"""


_ALWAYS_JSON = ("certificate verify", "config schema", "index info", "model info")
"""They have no other way to answer."""


def commands() -> dict[str, Any]:
    """Every command that can be called, by its words, such as `index build`."""
    return dict(_walk(typer.main.get_command(app), ()))


def _walk(node: Any, words: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    if not hasattr(node, "list_commands"):
        yield " ".join(words), node
        return
    for name in node.list_commands(None):
        yield from _walk(node.get_command(None, name), (*words, name))


def commands_page() -> str:
    """The page."""
    told = commands()
    return _INTRODUCTION + _json(told) + "\n".join(_section(name, command) for name, command in told.items())


def _json(told: dict[str, Any]) -> str:
    """Which commands answer as JSON."""
    asked = [
        name
        for name, command in told.items()
        if any("--json" in parameter.opts and parameter.is_flag for parameter in command.params if _named(parameter))
    ]
    if missing := sorted(set(_ALWAYS_JSON) - set(told)):
        raise ValueError(f"no command is called {', '.join(missing)}, which is said to print JSON")
    links = ", ".join(f"[{name}](#{anchor(f'cxrgate {name}')})" for name in asked)
    always = ", ".join(f"[{name}](#{anchor(f'cxrgate {name}')})" for name in _ALWAYS_JSON)
    return (
        "## Answers as JSON\n\nWith `--json` these commands print one JSON object or list on standard output, and "
        f"nothing else there; the exit code is the same: {links}. These print JSON always: {always}.\n\n"
    )


def _named(parameter: Any) -> bool:
    return bool(parameter.opts) and parameter.opts[0].startswith("-")


def _section(name: str, command: Any) -> str:
    text = inspect.cleandoc(command.help or "")
    rows = [_row(parameter) for parameter in command.params if parameter.name != "help"]
    parts = [f"## cxrgate {name}\n", f"{text}\n"]
    if rows:
        parts.append(table(("argument or option", "default", "meaning"), rows))
    return "\n".join(parts)


def _row(parameter: Any) -> tuple[str, str, str]:
    options = [*parameter.opts, *getattr(parameter, "secondary_opts", ())]
    named = _named(parameter)
    words = ", ".join(f"`{word}`" for word in options) if named else f"`{parameter.name.upper()}`"
    default = parameter.default
    shown = "" if default is None or default is False or default == [] or callable(default) else f"`{default}`"
    return words, "required" if parameter.required else shown, parameter.help or ""
