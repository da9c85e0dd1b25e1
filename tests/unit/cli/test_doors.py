"""The light doors: what answers without torch and pandas, from the extra `index` alone, and how fast it loads."""

import ast
import json
from collections import defaultdict

import pytest
from support.installations import HEAVY, PROJECT, ROOT, TORCH, run_fresh

LIGHT = [
    "cxrgate.certification",
    "cxrgate.client",
    "cxrgate.compat",
    "cxrgate.core",
    "cxrgate.filter",
    "cxrgate.gate.config",
    "cxrgate.hashlog",
    "cxrgate.images",
    "cxrgate.index",
    "cxrgate.models",
    "cxrgate.models.manifest",
    "cxrgate.planted",
    "cxrgate.release_report",
    "cxrgate.review.links",
    "cxrgate.rpc.logs",
    "cxrgate.rpc.process",
    "cxrgate.stack.variables",
    "cxrgate.storage",
    "cxrgate.train",
    "cxrgate.cli.main",
]

CALL = """
from typer.testing import CliRunner
from cxrgate.cli.main import app
result = []
for line in json.loads(sys.argv[1]):
    done = CliRunner().invoke(app, line)
    result.append([done.exit_code, done.output if done.exit_code != 1 else repr(done.exception)])
"""

EVERY_HELP = """
import typer
from typer.testing import CliRunner
from cxrgate.cli.main import app

def walk(command, path=()):
    yield path
    for name in command.list_commands(None) if hasattr(command, "commands") else ():
        yield from walk(command.get_command(None, name), (*path, name))

paths = list(walk(typer.main.get_command(app)))
result = [len(paths), sorted({CliRunner().invoke(app, [*path, "--help"]).exit_code for path in paths})]
"""

UNTOUCHED = "synthetic: .\noutput: out\nsnapshot: snapshot\nmodels: models\n"
BAD_KEY = UNTOUCHED + "policy: {score_treshold: 0.4}\n"


def call(*lines, extras=("index",)):
    """Exit code and output of some command lines, one after another in one interpreter, and what was loaded."""
    loaded = run_fresh(CALL, extras, [json.dumps([[str(word) for word in line] for line in lines])])
    return loaded.result, loaded


@pytest.mark.parametrize("name", LIGHT)
def test_importing_light_names_loads_nothing_heavy(name):
    loaded = run_fresh(f"import {name}")
    loaded.tell(f"{name}")

    assert loaded.heavy == []


def test_all_help_answers_from_the_index_extra_alone():
    loaded = run_fresh(EVERY_HELP, ["index"])
    loaded.tell("every --help")

    assert loaded.result[0] > 40
    assert loaded.result[1] == [0]
    assert set(loaded.heavy) & set(TORCH) == set()


def test_the_root_help_loads_nothing_heavy():
    (answer,), loaded = call(["--help"], extras=None)
    loaded.tell("cxrgate --help")

    assert answer[0] == 0
    assert loaded.heavy == []


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["nonsense"], "No such command"),
        (["run", "--nonsense"], "No such option"),
        (["run", "missing.yaml"], "missing.yaml"),
        (["run", "bad.yaml"], "policy.score_treshold"),
        (["recheck", "released", "--config", "bad.yaml"], "policy.score_treshold"),
        (["release-report", "bad.yaml", "--key", "key"], "policy.score_treshold"),
        (["verify-report", "missing.json", "--key", "key"], "missing.json"),
        (["verify-report", __file__, "--key", "missing.pub"], "missing.pub"),
        (["index", "update", "bad.yaml"], "policy.score_treshold"),
        (["index", "verify", "bad.yaml", "--images"], "policy.score_treshold"),
        (["embed", "bad.yaml"], "anonymous_dataset_path"),
        (["train", "retrieval", "set.csv", "--output", "o", "--work", "w", "--recipe", "bad.yaml"], "is no recipe"),
        (["model", "info", "missing"], "model.json"),
        (["serve", "gate", "bad.yaml", "--log", "l", "--certificates", "c", "--roles", "r"], "policy.score_treshold"),
        (["review", "serve", "bad.yaml", "--certificates", "c", "--roles", "r", "--key", "k"], "policy.score_treshold"),
    ],
    ids=lambda value: " ".join(value[:3]) if isinstance(value, list) else "",
)
def test_errors_of_the_command_line_and_of_configurations_need_no_torch(words, says, tmp_path):
    (tmp_path / "bad.yaml").write_text(BAD_KEY)
    places = [tmp_path / word if word.endswith(".yaml") else word for word in words]
    (answer,), loaded = call(places)

    assert answer[0] == 2, answer
    assert says in answer[1]
    assert set(loaded.heavy) & set(TORCH) == set()


def test_a_run_starts_without_the_statistics_that_enrolment_needs():
    code = "import cxrgate.run.run; result = [name for name in sys.modules if name.startswith('scipy.stats')]"

    assert run_fresh(code).result == []


def test_certificates_health_and_the_log_work_from_the_index_extra_alone(tmp_path):
    (tmp_path / "gate.log").write_text("")
    certs, verify, health = (
        ["certs", tmp_path / "made", "--roles", ROOT / "deploy/roles.yaml"],
        ["log", "verify", tmp_path / "gate.log"],
        ["health", "127.0.0.1:1", "--certificates", tmp_path / "made/monitor"],
    )
    answers, loaded = call(certs, verify, health)
    loaded.tell("certs, log verify and health")

    assert [code for code, _ in answers] == [0, 0, 3], answers
    assert "UNAVAILABLE" in answers[2][1]
    assert set(loaded.heavy) & set(HEAVY) == set()


def test_the_index_is_served_from_the_index_extra_alone(tmp_path):
    (answer,), _ = call(["serve", "index", tmp_path, "--certificates", tmp_path, "--roles", ROOT / "deploy/roles.yaml"])

    assert (answer[0], "tls.crt" in answer[1] or "snapshot" in answer[1]) == (2, True), answer


def test_a_command_whose_extra_is_not_installed_names_it(tmp_path):
    (tmp_path / "run.yaml").write_text(UNTOUCHED)
    answers, _ = call(
        ["run", tmp_path / "run.yaml"],
        ["doctor"],
        ["review", "serve", tmp_path / "run.yaml", "--certificates", "c", "--roles", "r", "--key", tmp_path / "key"],
        ["model", "import", tmp_path / "run.yaml", "--kind", "copy", "--output", "other"],
    )

    assert [code for code, _ in answers] == [2, 2, 2, 2], answers
    named = [text.partition("cxrgate[")[2].partition("]")[0] for _, text in answers]
    assert named == ["gate", "stack", "review", "torch"]


def loaded_by_extra():
    """The modules that the commands load, by the extra that they name for them."""
    found = defaultdict(set)
    for path in (ROOT / "orchestrator/cxrgate/cli/commands").rglob("*.py"):
        for block in (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.With)):
            call = block.items[0].context_expr
            if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "errors_as_messages":
                extra = call.args[0].value if call.args else "index"
                found[extra] |= {node.module for node in ast.walk(block) if isinstance(node, ast.ImportFrom)}
    return found


@pytest.mark.parametrize("extra", sorted(extra for extra, modules in loaded_by_extra().items() if modules))
def test_what_a_command_loads_is_in_the_extra_that_it_names(extra):
    modules = sorted(loaded_by_extra()[extra])
    loaded = run_fresh(f"import {', '.join(modules)}", [extra])

    assert set(modules) <= {*loaded.own}


def test_the_client_alone_says_which_extra_has_the_command_line():
    code = """
import contextlib, io
from cxrgate.cli.__main__ import main
told = io.StringIO()
with contextlib.redirect_stderr(told):
    try:
        main()
    except SystemExit as end:
        result = [end.code, told.getvalue()]
"""
    loaded = run_fresh(code, [], ["run"])

    assert loaded.result[0] == 2
    assert all(name in loaded.result[1] for name in ("cxrgate[index]", "cxrgate[gate]", "cxrgate[dicom]"))


def test_the_client_loads_from_its_own_dependencies():
    assert run_fresh("import cxrgate.client", []).heavy == []


EXTRAS = """
from cxrgate.cli.extras import EXTRAS
result = sorted(EXTRAS)
"""


def test_every_extra_that_is_named_can_be_installed():
    named = set(run_fresh(EXTRAS).result)

    assert named <= set(PROJECT["optional-dependencies"])
    assert set(PROJECT["optional-dependencies"]) - named == {"otel"}
