import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from cxrgate.core.spaces import COPY, COSINE_SPACES, HELD_AGAINST, MATCHES, REASONS

ROOT = Path(__file__).parents[3]
TESTS = ROOT / "tests"

# What a third space has to be written into, besides its row in core/spaces.py; CONTRIBUTING.md lists the same files.
WRITTEN = (
    "orchestrator/cxrgate/cli/commands/decide.py",
    "orchestrator/cxrgate/gate/config.py",
    "orchestrator/cxrgate/gate/measurement_terms.py",
    "protos/cxrgate/api/gate/v1/gate_service.proto",
    "protos/cxrgate/api/index/v1/index_service.proto",
    "services/cxrgate/core/policy.py",
    "services/cxrgate/index/false_flag_curve.py",
    "services/cxrgate/index/manifest.py",
    "services/cxrgate/index/measuring/fit.py",
    "services/cxrgate/index/self_measurement.py",
    "services/cxrgate/models/manifest.py",
)
# The copy space's weight-free descriptor, which another space has not.
OWN = ("services/cxrgate/images/descriptors.py",)
# How earlier releases decided and what signed claims state: nobody edits these, whatever spaces there are.
CLOSED = (
    "orchestrator/cxrgate/release_report/formats/one/counts.py",
    "orchestrator/cxrgate/release_report/formats/one/histograms.py",
    "orchestrator/cxrgate/release_report/rule.py",
    "services/cxrgate/certification/laxer.py",
)
TABLE = "services/cxrgate/core/spaces.py"

IDENTIFIERS = {"COPY", "copying", "copy_threshold", "copy_limit", "copy_space", "copy_method", "missed_copy"}
FIELDS = IDENTIFIERS | {"copy"}
STRINGS = {"copy", "COPY", "similarity", "copy_threshold", "copy_method", "copy_limit"}
IN_TEMPLATES = re.compile(r"copy_(threshold|method|limit)|\.similarity\b|[\"'](COPY|copy)[\"']")


def _docstrings(tree):
    bodies = (node.body for node in ast.walk(tree) if isinstance(getattr(node, "body", None), list))
    return {id(item.value) for body in bodies for item in body if isinstance(item, ast.Expr)}


def _called(tree):
    """What is called, or handed on to be called: a copy() of a list or a table is no space."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    factories = (word.value for call in calls for word in call.keywords if word.arg == "default_factory")
    return {id(node) for node in (*(call.func for call in calls), *factories)}


def names_the_copy_space(source):
    """Whether the code, and not what is said of it, has the copy space's own names in it."""
    tree = ast.parse(source)
    told, called = _docstrings(tree), _called(tree)
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name) | ast.alias(name=name) | ast.keyword(arg=name):
                found = name in IDENTIFIERS
            case ast.Attribute(attr=name):
                found = name in FIELDS and id(node) not in called
            case ast.AnnAssign(target=ast.Name(id=name)) | ast.FunctionDef(name=name):
                found = name in FIELDS
            case ast.Constant(value=str(text)):
                found = text in STRINGS and id(node) not in told
            case _:
                found = False
        if found:
            return True
    return False


def knowing():
    """Every file of the product with the copy space's names in it; stubs are made from the .proto files."""
    folders = [ROOT / name for name in ("services", "orchestrator", "protos")]
    for path in sorted(path for folder in folders for path in folder.rglob("*")):
        name = path.relative_to(ROOT).as_posix()
        if path.suffix == ".py" and "_pb2" not in path.name and names_the_copy_space(path.read_text(encoding="utf-8")):
            yield name
        if path.suffix == ".j2" and IN_TEMPLATES.search(path.read_text(encoding="utf-8")):
            yield name
        if path.suffix == ".proto" and re.search(r"copy_|\bcopy =|_COPY", path.read_text(encoding="utf-8")):
            yield name


def test_only_these_files_know_a_space_by_name():
    assert set(knowing()) == {TABLE, *WRITTEN, *OWN, *CLOSED}
    assert len({TABLE, *WRITTEN}) <= 12


def test_contributors_are_told_the_files_of_a_third_space():
    (row,) = re.findall(r"^\| a third space \| (.*) \|$", (ROOT / "CONTRIBUTING.md").read_text(), re.MULTILINE)

    named = set(re.findall(r"`([a-z0-9_/]+\.(?:py|proto))`", row))
    assert named == {TABLE, *WRITTEN, "tests/unit/core/test_spaces.py"}


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("policy.copy_threshold", True),
        ("row['similarity']", True),
        ("item.copy", True),
        ("values.copy()", False),
        ("field(default_factory=VALUES.copy)", False),
        ("'a copy of an image'", False),
        ("'''copy'''", False),
        ("for space in COSINE_SPACES: pass", False),
    ],
)
def test_names_are_found_in_code_and_not_in_what_is_said(code, names):
    assert names_the_copy_space(code) is names


@pytest.fixture(scope="module")
def third():
    """What the product answers with an invented third space: see support.third_space."""
    command = [sys.executable, str(TESTS / "support/third_space.py")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": "."})
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_third_space_speaks_against_an_image_after_the_others_and_by_itself(third):
    assert third["decisions"] == {
        "nothing": [],
        "texture": ["TEXTURE"],
        "all": ["SAME_PATIENT", "COPY", "TEXTURE"],
        "not searched": [],
        "no number": ["SCORE_INVALID"],
    }


def test_the_nearest_of_a_third_space_are_candidates(third):
    assert third["candidates"] == [0, 1, 2]


def test_a_third_space_goes_over_the_wire_and_back(third):
    wire = third["wire"]

    assert wire["searched"] == ["copy", "texture"]
    assert wire["asked"]["texture"] == [1, 0, 0, 0]
    assert wire["similarities"]["copy"] == pytest.approx([0, 1, 0], abs=1e-12)
    assert wire["similarities"]["texture"] == pytest.approx([0, 0, 1], abs=1e-12)


def test_results_and_evidence_have_a_column_for_a_third_space(third):
    row = [{"similarity": 0.2, "texture_similarity": 0.81}]

    assert third["tables"] == {"results": row, "evidence": row}


def test_the_thresholds_of_a_third_space_fall_with_the_others(third):
    assert third["path"]["last"] == {"score_threshold": 0.2, "copy_threshold": 0.5, "texture_threshold": 0.3}
    assert third["path"]["levels"] == [16, 32]


def test_the_names_of_the_two_spaces_are_those_of_files_wire_and_configurations():
    assert COSINE_SPACES == (COPY,)
    assert (COPY.name, COPY.similarity, COPY.threshold) == ("copy", "similarity", "copy_threshold")
    assert (COPY.method, COPY.reason, COPY.title) == ("copy_method", "COPY", "Copy similarity")
    assert HELD_AGAINST == {
        "score_threshold": "score",
        "standout_threshold": "standout",
        "copy_threshold": "similarity",
    }
    assert REASONS == {"identity": "SAME_PATIENT", "copy": "COPY"}
    assert MATCHES == {"SAME_PATIENT": "same patient", "COPY": "copy"}
