"""The page about odd protocol inputs names tests that exist, a row for each input."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "protocol-inputs.md").read_text()


def test_every_input_has_one_row():
    assert re.findall(r"^\| P(\d\d) \|", PAGE, re.MULTILINE) == [f"{number:02}" for number in range(1, 21)]


def test_every_named_test_exists():
    written = "".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    named = set(re.findall(r"`(test_\w+)`", PAGE))

    assert len(named) > 20
    assert not [name for name in named if f"def {name}(" not in written]


def test_rows_without_a_test_are_about_fields_that_the_api_lacks():
    without = [line for line in PAGE.splitlines() if line.startswith("| P") and "`test_" not in line]

    assert without
    assert all("no such field" in line for line in without)
