"""Every command line of README and the manual is one that cxrgate takes; what no test runs says why."""

import re

import pytest
import typer
import typer.main
from support.installations import ROOT
from support.manual_blocks import blocks, blocks_of, pages

from cxrgate.cli.main import app

PROGRAM = "cxrgate"
SKETCH = re.compile(r"[|…]")
"""In a word: several commands in one line, or something to fill in."""


def written_lines():
    """Every line that calls cxrgate, with its page; marks of what may be left out are taken off."""
    found = []
    for page in pages():
        for block in blocks(page):
            for words in block.lines if not block.language else ():
                plain = [word.strip("[]") for word in words]
                if plain[0].rpartition("/")[2] == PROGRAM and not any(SKETCH.search(word) for word in plain[1:3]):
                    found.append((page, tuple(plain[1:])))
    return sorted(set(found))


LINES = written_lines()


def command_of(words):
    """The command that the words call, and the words after its name."""
    node, rest = typer.main.get_command(app), list(words)
    while rest and hasattr(node, "get_command"):
        if rest[0].startswith("-"):
            return None, rest
        found = node.get_command(typer.Context(node), rest[0])
        assert found is not None, f"there is no command {rest[0]}"
        node, rest = found, rest[1:]
    return node, rest


@pytest.mark.parametrize(("page", "words"), LINES, ids=[f"{page}: {' '.join(words)[:60]}" for page, words in LINES])
def test_a_command_line_is_one_that_cxrgate_takes(page, words):
    command, rest = command_of(words)
    if command is None:  # an option of the root, such as --version
        return
    given, left, _ = command.make_parser(typer.Context(command)).parse_args(rest)
    missing = [item.name for item in command.params if item.required and not given.get(item.name)]

    assert [word for word in left if word != "…"] == []
    assert missing == [] or "…" in words


def targets():
    """What can be made."""
    return set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def test_what_the_manual_makes_can_be_made():
    lines = [words for page in pages() for block in blocks(page) if not block.language for words in block.lines]
    made = {words[1] for words in lines if words[0] == "make"}

    assert {"demo", "up", "up-demo"} <= made <= targets()


def test_there_are_many_of_them():
    assert len(LINES) > 30


def test_what_no_test_runs_says_why():
    kept = {}
    for page in ("README.md", *(page for page in pages() if page.startswith("tutorials/"))):
        for block in blocks(page):
            if block.reason:
                kept[page] = [*kept.get(page, []), block.reason]

    # A block more, or one less, is looked at here: each of them is one that nothing keeps right.
    assert {page: len(reasons) for page, reasons in kept.items()} == {"README.md": 1, "tutorials/first-run.md": 1}
    named = {target for reasons in kept.values() for target in re.findall(r"`make ([a-z-]+)`", " ".join(reasons))}
    assert named <= targets()


def test_a_mark_is_read_for_its_own_block_alone():
    marked = "<!-- not run by a test: it\nneeds Docker -->\n\n    make up\n"
    first, second = blocks_of("page", f"{marked}\nThen:\n\n    cxrgate run\n\n    cxrgate check\n")

    assert (first.reason, second.reason) == ("it needs Docker", "")
    assert second.lines == [["cxrgate", "run"], ["cxrgate", "check"]]
