import subprocess
import sys

import pytest
from typer.testing import CliRunner

from cxrgate.cli import lazy
from cxrgate.cli.main import app

HEALTH = """
import sys
from typer.testing import CliRunner
from cxrgate.cli.main import app
assert CliRunner().invoke(app, ["health", "--help"]).exit_code == 0
print("torch" in sys.modules)
"""


def test_a_command_loads_what_it_needs_and_no_more():
    done = subprocess.run([sys.executable, "-c", HEALTH], capture_output=True, text=True, check=True)

    assert done.stdout == "False\n"


WITHOUT_TRAINING = """
import importlib, sys
sys.modules["pytorch_metric_learning"] = None
for name in ("calibrate", "certificate", "release_report", "recheck"):
    importlib.import_module(f"cxrgate.cli.commands.{name}")
"""


def test_an_enrolment_host_certifies_without_the_extra_that_trains():
    subprocess.run([sys.executable, "-c", WITHOUT_TRAINING], check=True)


@pytest.fixture
def hidden(monkeypatch):
    """A command whose module imports a package that is not installed."""
    monkeypatch.setitem(lazy.COMMANDS, "odd", "odd:odd")

    def load(name, package=None, original=lazy.importlib.import_module):
        if name == "cxrgate.cli.commands.odd":
            raise ModuleNotFoundError(name="somewhere")
        return original(name, package)

    monkeypatch.setattr(lazy.importlib, "import_module", load)


def test_what_lacks_a_package_says_so_and_takes_nothing_else_with_it(hidden):
    called, listed = CliRunner().invoke(app, ["odd", "part", "--option", "1"]), CliRunner().invoke(app, ["--help"])

    assert (called.exit_code, "the package somewhere" in called.output) == (2, True)
    assert (listed.exit_code, "Not to be had here" in listed.output, "health" in listed.output) == (0, True, True)


def test_unknown_word_is_wrong_usage():
    assert CliRunner().invoke(app, ["nonsense"]).exit_code == 2


def test_a_command_goes_on_answering_to_its_old_name_which_is_not_listed():
    old, new, root = (CliRunner().invoke(app, [*words, "--help"]) for words in (["report"], ["release-report"], []))

    assert old.exit_code == 0
    assert old.output.partition("Write and sign")[2] == new.output.partition("Write and sign")[2] != ""
    assert "│ report " not in root.output
