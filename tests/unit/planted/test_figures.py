"""What the cases of an audit say."""

import pandas as pd
import pytest

from cxrgate.planted.bounds import lower_bound
from cxrgate.planted.figures import ANY, leak_rows, out_of_distribution, specificity, summary

CAUGHT, PASSED, LOST = ("NOT_ANONYMOUS", "COPY"), ("ANONYMOUS", ""), ("INDETERMINATE", "ATYPICAL")


def case(
    answer, patient="a", leak_class="blend", strength="weak", kind="leak", *, found=True, failed=False, refused=False
):
    decision, reasons = answer
    return {
        "patient": patient,
        "kind": kind,
        "leak_class": leak_class,
        "strength": strength,
        "decision": decision,
        "reasons": reasons,
        "found": found,
        "failed": failed,
        "refused": refused,
    }


def table(*cases):
    return pd.DataFrame(cases)


def test_a_patient_counts_as_caught_in_a_class_where_no_strength_is_released():
    rows = {
        row.strength: row
        for row in leak_rows(
            table(
                case(CAUGHT, "a"),
                case(CAUGHT, "b"),
                case(PASSED, "a", strength="strong"),
                case(LOST, "b", strength="strong"),
            )
        )
    }

    assert list(rows) == [ANY, "weak", "strong"]
    assert [rows[name].share.recall for name in rows] == [0.5, 1.0, 0.5]
    assert rows[ANY].share.n == 2
    assert rows["weak"].share.lower_95 == lower_bound(2, 2, 0.05)


def test_a_class_of_one_strength_has_one_row():
    assert [row.strength for row in leak_rows(table(case(CAUGHT)))] == [ANY]


def test_the_stages_that_missed_are_counted_each_by_itself():
    (row,) = leak_rows(
        table(
            case(("NOT_ANONYMOUS", "SAME_PATIENT;COPY"), "a"),
            case(("NOT_ANONYMOUS", "SAME_PATIENT"), "b"),
            case(PASSED, "c"),
            case(PASSED, "d", found=False),
            case(("INDETERMINATE", "TRUNCATED"), "e", found=False, failed=True),
        )
    )

    assert (row.missed_search, row.missed) == (1, {"identity": 2, "copy": 3})
    assert row.to_json().items() >= {"missed_search": 1, "missed_identity": 2, "missed_copy": 3}.items()


def test_expected_leaks_are_images_times_leaks_times_misses():
    (row,) = leak_rows(table(*[case(CAUGHT, str(number)) for number in range(99)], case(PASSED, "x")))
    expected, most = row.expected(100_000, 0.01)

    assert expected == pytest.approx(10)
    assert most == pytest.approx(1000 * (1 - lower_bound(99, 100, 0.05)))


def test_specificity_counts_flags_and_missing_answers_alike():
    share = specificity(
        table(case(CAUGHT, kind="clean"), case(LOST, kind="clean"), *[case(PASSED, kind="clean")] * 2, case(CAUGHT))
    )

    assert (share.n, share.recall) == (4, 0.5)


def test_strangers_are_counted_beside_radiographs_without_an_answer():
    found = out_of_distribution(
        table(*[case(LOST, kind="stranger")] * 3, case(PASSED, kind="stranger"), case(LOST, kind="clean"))
    )

    assert found == {"n": 4, "indeterminate": 0.75, "false_indeterminate": 1.0}


def test_the_summary_is_plain_and_holds_none_where_there_is_nothing():
    found = summary(table(case(CAUGHT)))

    assert found["classes"] == {"blend": {"n": 1, "recall": 1.0, "lower_95": 0.05}}
    assert found["specificity"] is None
    assert found["out_of_distribution"] == {"n": 0, "indeterminate": None, "false_indeterminate": None}
