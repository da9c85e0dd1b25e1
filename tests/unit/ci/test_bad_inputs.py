"""The table of bad inputs has a row for each, and names tests that are there."""

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[2]
LINES = [line for line in (TESTS / "bad_inputs.md").read_text().splitlines() if line.startswith("| ")]
ROWS = [line for line in LINES if not line.startswith(("| row |", "| input |"))]
NAMED = sorted(set(re.findall(r"`(test_\w+\.py)::(test_\w+)`", "\n".join(ROWS))))


def test_every_row_is_there_once_and_has_a_test():
    numbers = re.findall(r"^\| ([BDV]\d\d) \|", "\n".join(ROWS), re.MULTILINE)

    assert numbers == [f"{kind}{n:02}" for kind, count in (("B", 41), ("D", 22), ("V", 9)) for n in range(1, count + 1)]
    assert [row for row in ROWS if "::test_" not in row and "no such reader" not in row] == []


@pytest.mark.parametrize(("file", "function"), NAMED)
def test_named_test_exists(file, function):
    assert any(f"def {function}(" in path.read_text() for path in TESTS.rglob(file))
