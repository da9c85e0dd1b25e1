"""Each finding of the table names a place and a test that are there."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TABLE = (ROOT / "tests/faults/README.md").read_text().partition("## Findings")[2]
ROWS = [re.findall(r"`([^`]+)`", line)[-2:] for line in TABLE.splitlines() if line.startswith("| ")][1:]


@pytest.mark.parametrize(("place", "test"), ROWS, ids=str)
def test_a_finding_names_its_place_and_its_test(place, test):
    assert (ROOT / place).is_file()
    path, _, function = test.partition("::")
    tree = ast.parse((ROOT / path).read_text())
    assert function in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_all_findings_are_listed():
    assert len(ROWS) > 20
