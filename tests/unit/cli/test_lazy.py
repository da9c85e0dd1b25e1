from support.installations import run_fresh
from typer.testing import CliRunner

from cxrgate.cli.main import app

CERTIFYING = """
import cxrgate.calibration.folder, cxrgate.calibration.recording, cxrgate.calibration.renewal
import cxrgate.release_report.recheck, cxrgate.release_report.write
result = "pytorch_metric_learning" in sys.modules
"""


def test_a_command_loads_no_other():
    loaded = run_fresh("from cxrgate.cli.lazy import _load; _load('health', 'health:health')")

    assert {name for name in loaded.own if name.startswith("cxrgate.cli.commands.")} == {"cxrgate.cli.commands.health"}


def test_an_enrolment_host_certifies_without_the_extra_that_trains():
    assert run_fresh(CERTIFYING, ["gate"]).result is False


def test_unknown_word_is_wrong_usage():
    assert CliRunner().invoke(app, ["nonsense"]).exit_code == 2


def test_a_command_goes_on_answering_to_its_old_name_which_is_not_listed():
    old, new, root = (CliRunner().invoke(app, [*words, "--help"]) for words in (["report"], ["release-report"], []))

    assert old.exit_code == 0
    assert old.output.partition("Write and sign")[2] == new.output.partition("Write and sign")[2] != ""
    assert "│ report " not in root.output
