"""The manifest that is handed on with a set: it says what journal and tables say, and nothing else."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from cxrgate.certification import UNCERTIFIED
from cxrgate.core.digest import canonical_json
from cxrgate.verify_run.records import MANIFEST, RELEASED, Records
from cxrgate.verify_run.violation import Kind, Violation

_KEYS = {"cxrgate", "encoder", "certification", "policy", "checked", "decisions", "withheld", "files"}
"""What versions of cxrgate wrote there; the first ones no `encoder`, and none `withheld` where nothing was."""
_DIGEST = re.compile(r"[0-9a-f]{64}\Z")
_LONGEST = {"cxrgate": 40, "encoder": 200}
"""Characters of the free texts, so that no picture fits into them: a journal that says the same may be forged too."""
_SHOWN = 40
_WHERE = f"{RELEASED}/{MANIFEST}"


def changed_manifest(records: Records, journal: Mapping[str, Any]) -> Iterator[Violation]:
    """What a manifest says beside the files, held against the tables and the journal's first line."""
    manifest = records.manifest or {}
    if not manifest:
        return
    for name in sorted(manifest.keys() - _KEYS):
        told = f"has the key {name[:_SHOWN]!r}, which no version of cxrgate writes there"
        yield Violation(Kind.FILE_HOLDS_MORE, _WHERE, told)
    yield from _long_texts(manifest)
    decisions = dict(Counter(row["decision"] for row in records.results))
    texts = [name for name in _LONGEST if name in manifest or name == "cxrgate"]
    expected: dict[str, Any] = {name: _text(journal, name) for name in texts}
    expected |= {"checked": len(records.results), "decisions": decisions}
    for name, value in expected.items():
        if not _is_same(manifest.get(name), value):
            told = f"{name}: {_short(manifest.get(name))}, journal and tables say {_short(value)}"
            yield Violation(Kind.MANIFEST_DIFFERS, _WHERE, told)


def _long_texts(manifest: Mapping[str, Any]) -> Iterator[Violation]:
    texts = {name: str(manifest.get(name, "")) for name in _LONGEST}
    for name in [name for name, text in texts.items() if len(text) > _LONGEST[name]]:
        yield Violation(Kind.FILE_HOLDS_MORE, _WHERE, f"{name} has {len(texts[name])} characters")
    stated = manifest.get("certification")
    if stated != UNCERTIFIED and not (isinstance(stated, str) and _DIGEST.match(stated)):
        told = f"certification: {_short(stated)} is neither {UNCERTIFIED!r} nor the digest of a certificate"
        yield Violation(Kind.FILE_HOLDS_MORE, _WHERE, told)


def _text(journal: Mapping[str, Any], name: str) -> str | None:
    return value if isinstance(value := journal.get(name), str) else None


def _is_same(found: Any, expected: Any) -> bool:
    """Equal as JSON: 40.0 is not 40, and true not 1."""
    return canonical_json({"": found}) == canonical_json({"": expected})


def _short(value: Any) -> str:
    return str(value)[:_SHOWN]
