"""Where each key, command, reason, column and metric is explained, and an error for each that nothing explains."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from manual.commands import commands
from manual.configuration import keys
from manual.metrics import metrics
from manual.reasons import reasons
from manual.results import TABLES
from manual.text import anchor, named, table

_INTRODUCTION = """# Reference

Every key of the configuration, every command, every reason, every column of the results and every metric, and the pages
that explain it. This page is made when the manual is built, which fails where something is explained nowhere.

"""
_MADE = "reference/"


def coverage_page(pages: Mapping[str, str]) -> str:
    """The page.

    Args:
        pages: Markdown by the page's name.

    Raises:
        ValueError: something is explained nowhere; all such names are listed.
    """
    holes: list[str] = []
    parts = [_INTRODUCTION]
    for title, rows in (
        ("Keys", _keys(holes)),
        ("Commands", _commands(holes)),
        ("Reasons", _reasons()),
        ("Columns", _columns()),
        ("Metrics", _metrics(holes)),
    ):
        lines = [
            (named(name, f"{title}."), f"[{home}]({link})", _mentions(name, pages)) for name, home, link in sorted(rows)
        ]
        parts += [f"## {title}\n\n", table(("name", "reference", "told in"), lines), "\n"]
    if holes:
        raise ValueError("nothing explains " + ", ".join(holes))
    return "".join(parts)


def _keys(holes: list[str]) -> Iterator[tuple[str, str, str]]:
    for name, found in keys().items():
        if not found["description"]:
            holes.append(f"the key {name}")
        yield name, "configuration", f"configuration.md#{name}"


def _commands(holes: list[str]) -> Iterator[tuple[str, str, str]]:
    for name, command in commands().items():
        holes += [
            f"{parameter.name} of cxrgate {name}"
            for parameter in command.params
            if parameter.name not in {"help", "install_completion", "show_completion"} and not parameter.help
        ]
        if not command.help:
            holes.append(f"cxrgate {name}")
        yield f"cxrgate {name}", "commands", f"commands.md#{anchor(f'cxrgate {name}')}"


def _reasons() -> Iterator[tuple[str, str, str]]:
    for name in reasons():
        yield name, "reasons", f"reasons.md#{name}"


def _columns() -> Iterator[tuple[str, str, str]]:
    """Those of both tables; results_page fails where one has no meaning."""
    for kind, columns in TABLES.items():
        for name in columns:
            yield name, kind, f"results.md#{kind}.{name}"


def _metrics(holes: list[str]) -> Iterator[tuple[str, str, str]]:
    for name, _, _, meaning in metrics():
        if not meaning:
            holes.append(f"the metric {name}")
        yield name, "metrics", f"metrics.md#{name}"


def _mentions(name: str, pages: Mapping[str, str]) -> str:
    """Links to the written pages that name it, four at most."""
    last = name.rsplit(".", 1)[-1]
    found = [
        page
        for page, text in pages.items()
        if not page.startswith(_MADE) and (name in text or f"`{last}" in text or f"{last}:" in text)
    ]
    return ", ".join(f"[{page.removesuffix('.md').rsplit('/', 1)[-1]}](../{page})" for page in found[:4])
