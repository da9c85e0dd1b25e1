import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
ROWS = [line for line in (ROOT / "tests/kinds.md").read_text().splitlines() if line.startswith("| ")][1:]
NAMED = sorted(set(re.findall(r"`(tests/[^`]+::[^`]+)`", "\n".join(ROWS))))


def test_every_kind_names_a_test():
    assert len(ROWS) > 40
    assert [row for row in ROWS if "::test_" not in row] == []


@pytest.mark.parametrize("name", NAMED)
def test_named_test_exists(name):
    path, _, function = name.partition("::")
    tree = ast.parse((ROOT / path).read_text())

    assert function in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
