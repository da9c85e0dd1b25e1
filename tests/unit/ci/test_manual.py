"""The manual is built from the code: what nothing explains, and links that lead nowhere, fail."""

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
QUIET = {"NO_MKDOCS_2_WARNING": "1"}
BUILD = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir"]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run([*BUILD, folder], cwd=ROOT, capture_output=True, text=True, check=False, env=QUIET)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def generators(monkeypatch):
    """The generators as modules; they read the sources from the root."""
    monkeypatch.syspath_prepend(ROOT / ".ci")
    monkeypatch.chdir(ROOT)


def test_every_key_command_and_reason_has_its_row(site):
    reference = (site / "reference/index.html").read_text()
    for name in ("policy.false_flags", "cxrgate index build", "DICOM_TAGS"):
        assert f"<code>{name}</code>" in reference


def test_no_page_fetches_anything_from_elsewhere(site):
    for page in site.rglob("*.html"):
        for mark in ("fonts.googleapis", "unpkg.com", "cdn."):
            assert mark not in page.read_text(), page


def test_a_reason_that_is_not_explained_fails(generators, monkeypatch, tmp_path):
    reasons = import_module("manual.reasons")
    (tmp_path / "reasons.yaml").write_text("Decisions:\n  COPY:\n    - A copy.\n    - None.\n")
    monkeypatch.setattr(reasons, "MEANINGS", tmp_path / "reasons.yaml")
    with pytest.raises(ValueError, match="SAME_PATIENT"):
        reasons.reasons_page()


def test_a_key_without_a_description_fails(generators, monkeypatch):
    coverage = import_module("manual.coverage")
    monkeypatch.setattr(coverage, "keys", lambda: {"policy.new": {"description": ""}})
    monkeypatch.setattr(coverage, "commands", dict)
    with pytest.raises(ValueError, match=r"the key policy\.new"):
        coverage.coverage_page({})
