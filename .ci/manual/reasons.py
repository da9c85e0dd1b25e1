"""Every reason that a verdict or an error carries, and what the manual says of each."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import yaml

from manual.text import named, table

MEANINGS = Path("docs/reference/reasons.yaml")
_WORD = re.compile(r"^[A-Z][A-Z0-9]*(_[A-Z0-9]+)*$")
_MAKERS = {
    "CallRefused": 1,
    "Failure": 3,
    "GateError": 1,
    "ImageError": 0,
    "StatusRule": 3,
    "_error": 1,
    "_failure": 1,
    "_internal": 1,
    "invalid": 0,
}
"""What makes an error, and which of its arguments is the reason."""
_RULE = Path("services/cxrgate/core/policy.py")
"""Every such word of this file is a reason of a decision."""
_INTRODUCTION = """# Reasons and errors

An image without a release has a reason in `reasons` of the results, in the verdict and in `ErrorInfo.reason` of a gRPC
error. None of them names a path, a patient or a library's message.

"""


def reasons() -> set[str]:
    """Every reason that the code can give: arguments of the errors, and attributes called `reason`."""
    roots = ("services", "orchestrator")
    return {
        word for root in roots for path in Path(root).rglob("*.py") for word in _of(path) if "_pb2" not in path.name
    }


def _of(path: Path) -> Iterator[str]:
    tree = ast.parse(path.read_text())
    if path == _RULE:
        yield from _words(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            if name in _MAKERS and len(node.args) > _MAKERS[name]:
                yield from _words(node.args[_MAKERS[name]])
            yield from (word for part in node.keywords if part.arg == "reason" for word in _words(part.value))
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = {getattr(target, "id", getattr(target, "attr", "")) for target in targets}
            if node.value is not None and any("reason" in name.lower() for name in names):
                yield from _words(node.value)


def _words(node: ast.AST) -> Iterator[str]:
    for part in ast.walk(node):
        if isinstance(part, ast.Constant) and isinstance(part.value, str) and _WORD.match(part.value):
            yield part.value


def reasons_page() -> str:
    """The page; a reason of the code that is not explained fails."""
    sections = yaml.safe_load(MEANINGS.read_text())
    explained = {reason for rows in sections.values() for reason in rows}
    if missing := sorted(reasons() - explained):
        raise ValueError(f"{MEANINGS} does not explain {', '.join(missing)}")
    parts = [_INTRODUCTION]
    for title, rows in sections.items():
        lines = [(named(reason), *row) for reason, row in rows.items()]
        parts += [f"## {title}\n\n", table(("reason", "means", "cure"), lines), "\n"]
    return "".join(parts)
