"""What `cxrgate run` says of a finished run."""

import io
from dataclasses import replace

import pytest
from rich.console import Console
from support.run_results import checked, failed, table

from cxrgate.cli.commands.run import exit_code, tell
from cxrgate.cli.errors import Exit
from cxrgate.core.promise import Promise
from cxrgate.gate.config import RunConfig
from cxrgate.run.held import Held
from cxrgate.run.run import RunSummary

CLEAR, NEAR, SAME = checked("clear.png"), checked("near.png", score=0.45), checked("same.png", score=0.9)


def summary(*rows, withheld=()):
    results = table(rows)
    names = [name for name in results["released_as"] if name and name not in withheld]
    return RunSummary(lambda: results, names, 1.0, len(rows), Held(24, 12))


@pytest.mark.parametrize(
    ("found", "code"),
    [
        (summary(CLEAR, NEAR), Exit.RELEASED),
        (summary(CLEAR, NEAR, withheld=["released/near.png"]), Exit.REJECTED),
        (summary(CLEAR, SAME), Exit.REJECTED),
        (summary(CLEAR, SAME, failed("cut.png")), Exit.INCOMPLETE),
    ],
)
def test_the_exit_code_is_the_worst_that_happened(found, code):
    assert exit_code(found) is code


def test_what_reviewers_withheld_is_told_and_not_called_released(tmp_path):
    config = RunConfig(synthetic=tmp_path, output=tmp_path, snapshot=tmp_path, models=tmp_path)
    output = io.StringIO()
    tell(Console(file=output), config, summary(CLEAR, NEAR, withheld=["released/near.png"]))

    assert "1 without a match were withheld by reviewers" in output.getvalue()
    assert "0 of the released are borderline" in output.getvalue()


@pytest.mark.parametrize(
    ("certification", "told"),
    [("none", "no certificate, no bound on missed leaks"), ("required", "under the certificate of the snapshot")],
)
def test_what_is_promised_of_missed_leaks_stands_on_one_line_above_the_table(tmp_path, certification, told):
    config = RunConfig(
        synthetic=tmp_path / "fakes[1]",
        output=tmp_path,
        snapshot=tmp_path,
        models=tmp_path,
        certification=certification,
        certification_key=tmp_path / "key.pem",
    )
    output = io.StringIO()
    tell(Console(file=output, width=40), config, summary(CLEAR))

    assert output.getvalue().splitlines()[0] == f"fakes[1]: {told}"


def test_what_the_policy_leaves_without_an_answer_is_told_as_what_failed_is(tmp_path):
    config = RunConfig(synthetic=tmp_path, output=tmp_path, snapshot=tmp_path, models=tmp_path)
    output, odd = io.StringIO(), checked("odd.png", typicality=-1)
    found = replace(summary(CLEAR, odd), recognised="Most pass.")
    tell(Console(file=output), config, found)

    assert f"no answer for 1: {found.results['reasons'][1]}\n" in output.getvalue()
    assert "Most pass." in output.getvalue()


def test_each_reason_is_told_once_with_its_count_and_so_is_colour(tmp_path):
    config = RunConfig(synthetic=tmp_path, output=tmp_path, snapshot=tmp_path, models=tmp_path)
    output = io.StringIO()
    found = summary(CLEAR, failed("cut.png"), failed("half.png"), failed("end.png"))
    found.results.loc[0, "colour"] = True
    tell(Console(file=output), config, found)
    told = [line for line in output.getvalue().splitlines() if "no answer for" in line]

    assert len(told) == 1
    assert told[0].strip().startswith(f"no answer for 3: {found.results['reasons'][1]}, {found.results['message'][1]}")
    assert "1 of colour" in output.getvalue()


@pytest.mark.parametrize(
    ("promise", "told"),
    [
        (Promise(0.05, 1234, "measured"), "5 % of unenrolled patients are flagged, measured on 1,234 patients"),
        (None, "nothing is promised of unenrolled patients"),
    ],
)
def test_what_is_promised_of_unenrolled_patients_is_said(tmp_path, promise, told):
    config = RunConfig(synthetic=tmp_path, output=tmp_path, snapshot=tmp_path, models=tmp_path)
    output = io.StringIO()
    tell(Console(file=output), config, replace(summary(CLEAR), promise=promise))

    assert f"False flags: {told}" in output.getvalue()
