import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
ROWS = [
    [cell.strip() for cell in line.strip("|\n").split("|")]
    for line in (ROOT / "docs/seed-faults.md").read_text().splitlines()
    if re.match(r"\| \d+ \|", line)
]
NAMED = sorted({name for row in ROWS for name in re.findall(r"`(tests/[^`]+)`", row[2])})


def test_every_fault_has_a_row_with_an_answer():
    assert [int(row[0]) for row in ROWS] == list(range(1, 20))
    assert all(re.search(r"::test_|[Cc]annot occur", row[2]) for row in ROWS)


@pytest.mark.parametrize("name", NAMED)
def test_named_test_exists(name):
    path, _, function = name.partition("::")
    tree = ast.parse((ROOT / path).read_text())

    assert function in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
