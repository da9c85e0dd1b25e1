"""Files that people write in YAML: read strictly, so that what they mean is what is taken."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from cxrgate.core import UsageError
from cxrgate.core.json_text import MALFORMED
from cxrgate.storage.regular_file import read_regular_file
from cxrgate.storage.text_file import why_unreadable

BYTES = 2**20
"""More is no file that somebody wrote; and parsing it would take minutes."""


def read_yaml(path: Path) -> Any:
    """The content of a YAML file, of plain values alone.

    Raises:
        UsageError: it cannot be read, is no YAML, or is nested too deeply; a key stands there twice, of which the last
            would count without a word; or a text holds what no name of a file can (NUL, half a character).
    """
    try:
        content = yaml.load(read_regular_file(path, BYTES).decode(), _Loader)  # noqa: S506 - a safe loader
        _check_texts(content)
    except (OSError, yaml.YAMLError, RecursionError, *MALFORMED) as error:
        raise UsageError(f"{path} is not a readable YAML file: {_why(error)}") from error
    return content


def _why(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "its values are nested too deeply"
    if isinstance(error, yaml.reader.ReaderError):
        return "it is binary, not text; name a text file"
    return why_unreadable(error)


class _Loader(yaml.SafeLoader):
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002 - as PyYAML calls it
        """A mapping with each of its own keys once; what `<<` brings along may be named again."""
        named: set[Any] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                if key.value in named:
                    told = f"the key {key.value} stands there twice"
                    raise yaml.constructor.ConstructorError(None, None, told, key.start_mark)
                named.add(key.value)
        return super().construct_mapping(node, deep)


def _check_texts(content: Any) -> None:
    for text in _texts(content, set()):
        if "\0" in text:
            raise ValueError("expected texts without NUL")
        text.encode()


def _texts(content: Any, seen: set[int]) -> Iterator[str]:
    """Each text once: aliases may name one part many times, or a part of itself."""
    if isinstance(content, str):
        yield content
    elif isinstance(content, dict | list) and id(content) not in seen:
        seen.add(id(content))
        parts = [*content.keys(), *content.values()] if isinstance(content, dict) else content
        for part in parts:
            yield from _texts(part, seen)
