"""Keeps prose from claiming more than is measured: `python .ci/prose.py FOLDER`, part of `make lint`.

Read are the documentation, the templates, and every text and docstring of the Python sources.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_GAP = r"(?:[\s#*/-]|&nbsp;)+"
"""Between two words of a phrase: a hyphen, emphasis, a new line, and what a comment's next line begins with."""
STRONGER = (
    "(?:guarantee|ensure|assure|preserve|protect)(?:s|d|ed)? (?:\\w+ )?(?:privacy|anonymity|confidentiality)",
    "(?:privacy|anonymity) (?:preserving|guarantees?|guaranteed|safe|compliant|proof)",
    "(?:fully|truly|completely|perfectly|provably|entirely) (?:anonymous|anonymi[sz]ed|private|safe|secure)",
    "anonymous (?:data|data ?sets?|images?|radiographs?|x ?rays?|samples?|release)",
    "(?:no|zero|without(?: any)?|free of) (?:privacy )?(?:leaks?|leakage)",
    "(?:never|cannot|can not|can't|does not|doesn't) leak",
    "leak (?:free|proof)",
    "(?:safe|harmless) (?:to|for) (?:release|publish|publication|publishing|share|sharing|hand out)",
    "(?:gdpr|hipaa|dsgvo) compliant",
    "(?:complies|compliant|compliance) with (?:the )?(?:gdpr|hipaa|dsgvo)",
    "(?:cannot|can not|can never|impossible to) (?:be )?(?:re ?identify|re ?identified|traced back)",
    "(?:no|zero|without(?: any)?) (?:privacy )?risk",
    "(?:100|hundred) (?:%|per ?cent) (?:safe|secure|private|anonymous)",
)
"""Phrases, in lower case; a blank stands for any gap between words."""
_PHRASES = re.compile("|".join(f"(?:{phrase})" for phrase in STRONGER).replace(" ", _GAP), re.IGNORECASE)
_DENIED = re.compile(
    r"\b(?:not|never|nor|neither|nobody|nothing)\b(?! (?:only|just)\b)(?:[ ,]+\w+){0,3} $", re.IGNORECASE
)
_QUOTED = re.compile(r"“[^”]*”|`[^`]*`")
_QUOTED_STRAIGHT = re.compile(r"\"[^\"]*\"")
_DECISION = re.compile("ANONYMOUS")
_DOCUMENTS = ("*.md", "*.j2", "*.proto", "*.mjs", "*.yaml", "*.toml")
_LEFT_OUT = frozenset({".venv", ".git", "out", "node_modules", "tests", "build", "dist", ".stack", ".triton"})
_OWN = "prose.py"
_ALLOWED = frozenset({("orchestrator/cxrgate/cli/commands/compat.py", "anonymous images")})
"""File and phrase: the words of anonymization-pipeline's own output, which scripts may read."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A phrase that promises more than is measured, and where it stands."""

    path: Path
    line: int
    phrase: str


def find_claims(text: str, *, straight_quotes: bool = False) -> Iterator[tuple[int, str]]:
    """Line and words of every stronger phrase; `straight_quotes` says whether those quote, or are a language's own.

    Allowed are phrases that are quoted, that a word just before denies ("does not guarantee privacy"), and the
    decision ANONYMOUS, which says that no match was found.
    """
    patterns = (_QUOTED, _QUOTED_STRAIGHT) if straight_quotes else (_QUOTED,)
    quoted = [match.span() for pattern in patterns for match in pattern.finditer(text)]
    for match in _PHRASES.finditer(text):
        start, end = match.span()
        denied = _DENIED.search(re.sub(r"\s+", " ", text[max(start - 80, 0) : start]))
        is_quoted = any(first < start and end < last for first, last in quoted)
        if not (denied or is_quoted or _DECISION.match(match[0])):
            yield text.count("\n", 0, start) + 1, " ".join(match[0].split())


def check_folder(root: Path) -> list[Finding]:
    """Every stronger phrase below a folder, in order of the files."""
    documents = [path for pattern in _DOCUMENTS for path in root.rglob(pattern)]
    found = [finding for path in _own(root, documents) for finding in _in_document(path)]
    sources = [path for path in root.rglob("*.py") if path.name != _OWN]
    found += [finding for path in _own(root, sources) for finding in _in_source(path)]
    return [item for item in found if (item.path.relative_to(root).as_posix(), item.phrase.lower()) not in _ALLOWED]


def _own(root: Path, paths: list[Path]) -> list[Path]:
    return sorted(path for path in paths if not _LEFT_OUT & set(path.relative_to(root).parts))


def _in_document(path: Path) -> Iterator[Finding]:
    for line, phrase in find_claims(path.read_text(), straight_quotes=path.suffix == ".md"):
        yield Finding(path, line, phrase)


def _in_source(path: Path) -> Iterator[Finding]:
    """In docstrings and every other text, help and messages among them, by the line on which the text begins."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            for line, phrase in find_claims(node.value):
                yield Finding(path, node.lineno + line - 1, phrase)


def main(root: str) -> int:
    """Print what was found; 1 where there is anything."""
    found = check_folder(Path(root))
    for finding in found:
        sys.stdout.write(f"{finding.path}:{finding.line}: claims more than is measured: {finding.phrase}\n")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
