"""Tests lie where their modules do, so that nobody searches for either."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
UNIT = ROOT / "tests" / "unit"
SEVERAL = {
    "cli/test_doors.py": "what each command imports",
    "cli/test_help.py": "the help of every command",
    "client/test_imports.py": "what the client imports",
    "images/codec/test_bad_rasters.py": "bad files of every raster format",
    "images/codec/test_formats.py": "every format beside a reference decoder",
    "images/sandbox/test_damaged.py": "damaged files of every format, in the sandbox",
    "images/sources/test_data_sets.py": "the layouts of published data sets",
    "images/sources/test_lists.py": "lists as people have them",
    "index/engines/coded/test_searches.py": "the search by codes as a whole",
    "release_report/formats/test_expected.py": "the sentences of every format version",
    "release_report/test_shelf.py": "the committed reports of tests/assets",
    "rpc/test_frozen_peer.py": "callers whose server stands still or has ended",
    "rpc/test_protocol.py": "the services under odd protocol inputs",
}
"""Tests of several modules of their package, and what they are about."""

FILES = sorted(path.relative_to(UNIT).as_posix() for path in UNIT.rglob("test_*.py"))


def modules(name):
    """Where the module of that test would be."""
    folder, _, file = name.rpartition("/")
    stem = file.removeprefix("test_").removesuffix(".py")
    for root in ("services", "orchestrator"):
        package = ROOT / root / "cxrgate" / folder
        yield package / f"{stem}.py"
        yield package / stem / "__init__.py"
        if package.name == stem:
            yield package / "__init__.py"


@pytest.mark.parametrize("name", [name for name in FILES if not name.startswith("ci/") and name not in SEVERAL])
def test_a_modules_test_has_its_name_and_folder(name):
    assert any(path.exists() for path in modules(name))


def test_tests_of_several_modules_are_there_and_lie_in_a_package():
    assert set(SEVERAL) <= set(FILES)
    assert all(any(path.parent.exists() for path in modules(name)) for name in SEVERAL)
