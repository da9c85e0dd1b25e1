"""Every Prometheus metric, from the calls that make them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from manual.text import named, table

_KINDS = ("Counter", "Gauge", "Histogram")
_INTRODUCTION = """# Metrics

`--metrics HOST:PORT` answers `GET /metrics` in Prometheus' text format. No metric tells of an image, a score, a
reference or a caller. A counter's name gets `_total` when it is read, a histogram's `_bucket`, `_sum` and `_count`.

"""


def metrics() -> list[tuple[str, str, str, str]]:
    """Name, kind, labels and meaning of each, in order of their names."""
    found = [row for root in ("services", "orchestrator") for path in Path(root).rglob("*.py") for row in _of(path)]
    return sorted(set(found))


def _of(path: Path) -> Iterator[tuple[str, str, str, str]]:
    tree = ast.parse(path.read_text())
    texts = {
        node.targets[0].id: node.value.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    }
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _KINDS):
            continue
        words = [
            part.value if isinstance(part, ast.Constant) else texts.get(getattr(part, "id", ""), "")
            for part in node.args[:2]
        ]
        labels = node.args[2] if len(node.args) > 2 else None
        names = (
            [part.value for part in labels.elts if isinstance(part, ast.Constant)]
            if isinstance(labels, ast.List)
            else []
        )
        if len(words) == 2 and all(isinstance(word, str) and word for word in words):
            yield words[0], node.func.id.lower(), ", ".join(f"`{name}`" for name in names), words[1]


def metrics_page() -> str:
    """The page."""
    rows = [(named(name), kind, labels, meaning) for name, kind, labels, meaning in metrics()]
    return _INTRODUCTION + table(("metric", "kind", "labels", "meaning"), rows)
