import math

import pandas as pd
import pytest
from support.evaluation_listings import entries
from support.fakes import POLICY, evidence

from cxrgate.core import Failure, Stage
from cxrgate.evaluate.division import Division
from cxrgate.evaluate.gate_figures import gate_counts, gate_figures, measured_thresholds
from cxrgate.evaluate.gating import GateAnswers

NOTHING = {"copy": math.nan}
FAILED = Failure("image", Stage.DECODE, "INVALID_ARGUMENT", "TRUNCATED", "expected an image")
RELEASED, LEAK, COPY = (
    POLICY.decide(item, "")
    for item in (evidence(), evidence(scores=(0.9, 0.1, 0.1)), evidence(similarities=(0.95, 0, 0)))
)


def similar(value):
    return POLICY.decide(evidence(similarities=(value, 0.0, 0.0)), "")


def table(outcomes):
    """What the harness gives of these outcomes."""
    rows = [
        (outcome.decision.value, getattr(outcome, "similarities", NOTHING)["copy"], isinstance(outcome, Failure))
        for outcome in outcomes
    ]
    return pd.DataFrame(rows, columns=["decision", "similarity", "failed"])


def answers(others=(), unenrolled=(), medium=()):
    listed = [row.listed_image for row in entries(*[1] * 9, source="nih")]
    division = Division(listed[: len(medium)], listed[: len(others)], listed[: len(unenrolled)])
    return GateAnswers(division, table(others), table(unenrolled), {"medium_copy": table(medium)})


def figures(**images):
    return gate_figures(answers(**images), ["nih"], {"copy_threshold": 0.5})


def test_an_image_without_an_answer_is_not_released():
    assert figures(others=[RELEASED, LEAK, COPY, FAILED])["nih"]["sensitivity"].value == 0.75
    assert figures(unenrolled=[RELEASED, LEAK, COPY, FAILED])["nih"]["specificity"].value == 0.25


def test_an_image_without_an_answer_is_counted():
    counts = gate_counts(answers([FAILED, LEAK], [FAILED, FAILED, RELEASED], [FAILED]), ["nih"])["all"]

    assert counts == {
        "enrolled": 1,
        "others": 2,
        "others_indeterminate": 1,
        "strangers": 3,
        "strangers_indeterminate": 2,
        "medium_copy_indeterminate": 1,
    }


def test_a_copy_without_an_answer_is_not_caught_by_the_copy_space():
    found = figures(medium=[FAILED, similar(0.6), similar(0.4)])["nih"]

    assert found["medium_copy"].value == pytest.approx(1 / 3)
    assert found["medium_copy_gate"].value == pytest.approx(1 / 3)


def test_the_gate_catches_copies_by_either_space():
    assert figures(medium=[LEAK, COPY, RELEASED])["nih"]["medium_copy_gate"].value == pytest.approx(2 / 3)


def test_the_copy_threshold_flags_five_percent_of_the_unenrolled():
    unenrolled = table([FAILED, *(similar(number / 100) for number in range(100))])

    assert (unenrolled["similarity"] > measured_thresholds(unenrolled)["copy_threshold"]).sum() == 5


def test_equal_similarities_at_the_threshold_are_not_flagged():
    unenrolled = table([similar(0.8)] * 100)

    assert not (unenrolled["similarity"] > measured_thresholds(unenrolled)["copy_threshold"]).any()


def test_a_group_without_images_has_no_figures():
    listed = [row.listed_image for row in entries(1, source="kermany")]
    checked = GateAnswers(Division(listed, [], []), table([]), table([]), {"medium_copy": table([COPY])})
    found = gate_figures(checked, ["kermany"], measured_thresholds(table([])))

    assert all(math.isnan(figure.value) for figure in found["adults"].values())
    assert math.isnan(found["all"]["specificity"].value)
