"""What may not be written, and that nobody wrote it."""

import importlib.util
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
_SPEC = importlib.util.spec_from_file_location("prose", ROOT / ".ci" / "prose.py")
prose = importlib.util.module_from_spec(_SPEC)
sys.modules["prose"] = prose
_SPEC.loader.exec_module(prose)
check_folder, find_claims, main = prose.check_folder, prose.find_claims, prose.main
PLANTED = [
    "cxrgate guarantees privacy.",
    "It guarantees patient privacy.",
    "The filter ensures anonymity",
    "A privacy-preserving filter",
    "It yields anonymous data.",
    "The released set has no leaks.",
    "a data set without any leakage",
    "These images are safe to release",
    "safe for publication",
    "fully anonymised radiographs",
    "GDPR-compliant synthetic data",
    "complies with the HIPAA",
    "patients cannot be re-identified",
    "The set carries no risk.",
    "It not only guarantees privacy, it is fast.",
    "No doubt it guarantees privacy.",
    "It never leaks.",
    "guarantees\n    # privacy",
    "**guarantees** privacy",
]
ALLOWED = [
    "No match found: 20 of 34 images are released.",
    "At most 1.3 % of leaks of class strong_copy pass.",
    "It does not guarantee privacy.",
    "Nothing here guarantees privacy.",
    "Prose such as “guarantees privacy” is kept out.",
    "The string `anonymous data` is refused.",
    "200 of 214 images are ANONYMOUS; reasons are empty for an ANONYMOUS image.",
    "thresholds with a guarantee",
    "the anonymization filter of Packhäuser et al.",
]


@pytest.mark.parametrize("sentence", PLANTED)
def test_planted_sentences_are_caught(sentence):
    assert [line for line, _ in find_claims(f"A line before.\n{sentence}")] == [2]


@pytest.mark.parametrize("sentence", ALLOWED)
def test_what_is_measured_may_be_said(sentence):
    assert list(find_claims(sentence)) == []


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("README.md", "# A\n\nIt {}.\n"),
        ("docs/page.md", "It {}.\n"),
        ("a/templates/page.html.j2", '<p aria-label="It {}">\n'),
        ("a/api.proto", "// It {}.\n"),
        ("a/module.py", 'def f():\n    """It {}."""\n'),
        ("a/command.py", 'HELP = f"It {} {{1}}"\n'),
        ("pyproject.toml", 'description = "It {}"\n'),
    ],
)
def test_every_place_that_people_read_is_read(tmp_path, name, content, capsys):
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content.format("guarantees privacy"))
    (finding,) = check_folder(tmp_path)

    assert (finding.path, finding.phrase) == (path, "guarantees privacy")
    assert main(str(tmp_path)) == 1
    assert f"{name}:{finding.line}: claims more than is measured" in capsys.readouterr().out


def test_a_quotation_counts_in_documents_alone(tmp_path):
    (tmp_path / "README.md").write_text('It says "no leaks" nowhere.\n')

    assert check_folder(tmp_path) == []


def test_nothing_in_the_project_claims_more_than_is_measured():
    assert check_folder(ROOT) == []
