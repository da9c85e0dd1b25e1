"""The gRPC services, from the comments of the .proto files."""

from __future__ import annotations

import re
from pathlib import Path

from manual.text import table

ROOT = Path("protos/cxrgate/api")
_INTRODUCTION = """# gRPC

The contract is the .proto files below `protos/`; this page is made from their comments. Errors are `google.rpc.Status`
with `ErrorInfo{reason, domain}`; [Reasons and errors](reasons.md) lists the reasons. Identities come from mTLS, and
`roles.yaml` says which role may call what.

"""
_DECLARED = re.compile(r"^\s*(service|rpc|message|enum)\s+(\w+)\s*(.*)$")
_FIELD = re.compile(r"^\s*(?:(repeated|optional)\s+)?([\w.<>, ]+?)\s+(\w+)\s*=\s*(\d+)")
_VALUE = re.compile(r"^\s*([A-Z][A-Z0-9_]*)\s*=\s*(\d+)")


def protocol_page() -> str:
    """The page."""
    return _INTRODUCTION + "\n".join(_file(path) for path in sorted(ROOT.rglob("*.proto")))


def _file(path: Path) -> str:
    parts, comment, rows = [f"## {path.relative_to('protos')}\n"], [], []

    def flush() -> None:
        if rows:
            parts.append(table(("field", "type", "meaning"), rows))
            rows.clear()

    for line in path.read_text().splitlines():
        stripped = line.strip()
        if stripped.startswith("//"):
            comment.append(stripped.lstrip("/ "))
            continue
        text = " ".join(comment)
        if declared := _DECLARED.match(line):
            flush()
            kind, name, rest = declared.groups()
            calls = f" `{rest.split('{')[0].rstrip('; ')}`" if kind == "rpc" else ""
            parts.append(f"{'####' if kind == 'rpc' else '###'} {kind} {name}\n\n{text}{calls}\n")
        elif value := _VALUE.match(line):
            rows.append((f"`{value[1]}` = {value[2]}", "", text))
        elif field := _FIELD.match(line):
            rows.append((f"`{field[3]}` = {field[4]}", " ".join(filter(None, field.groups()[:2])), text))
        if stripped:
            comment = []
    flush()
    return "\n".join(parts)
