import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
ROOTS = ("services/", "orchestrator/", "protos/", "deploy/", "tests/", "model_store")
NAMED = sorted(set(re.findall(r"`([a-z_./]+)`", (ROOT / "CONTRIBUTING.md").read_text())))
LAYOUT = re.findall(r"^    (\S+)  ", (ROOT / "CONTRIBUTING.md").read_text().partition("## The rooms")[2], re.MULTILINE)
README = (ROOT / "README.md").read_text()


@pytest.mark.parametrize("path", [name for name in NAMED if name.startswith(ROOTS)])
def test_a_path_that_contributors_are_sent_to_is_there(path):
    assert (ROOT / path).exists()


def test_the_layout_lists_every_room_and_no_other():
    rooms = {
        path.relative_to(ROOT).as_posix()
        for root in ("services", "orchestrator")
        for path in (ROOT / root / "cxrgate").iterdir()
        if (path / "__init__.py").exists()
    }

    assert {name for name in LAYOUT if name.startswith(("services/", "orchestrator/"))} == rooms


def test_the_readme_names_every_room_and_is_short():
    named = set(README.partition("## Layout")[2].split())
    assert {name.rsplit("/", 1)[1] for name in LAYOUT if name.startswith(("services/", "orchestrator/"))} <= named
    assert README.count("\n") <= 110
