import dataclasses

import pandas as pd
import pytest

from cxrgate.run.recorded import read_results
from cxrgate.run_page.summary import summarise


def frame(results, rows):
    return pd.read_parquet(results(rows) / "results.parquet")


def test_counts_add_up_and_the_sentence_says_them(results, rows):
    summary = summarise(frame(results, rows.typical()))

    assert summary.sentence == ("97 of 120 images released; 18 removed: 12 same patient, 9 copy; 5 without an answer.")
    total = summary.total
    assert total.images == total.anonymous + total.not_anonymous + total.indeterminate == 120
    assert (summary.several_reasons, summary.borderline) == (3, 5)
    for name in ("images", "anonymous", "not_anonymous", "indeterminate", "released"):
        assert sum(getattr(counts, name) for counts in summary.classes) == getattr(total, name)


def test_rejection_rate_is_per_class_and_of_all_its_images(results, rows):
    images = [rows.checked("a", "x", score=0.9), rows.checked("b", "x"), rows.failed("c", "x"), rows.failed("d", "x")]
    summary = summarise(frame(results, [*images, rows.checked("e", "y")]))

    assert [(counts.label, counts.rejection_rate) for counts in summary.classes] == [("x", 0.25), ("y", 0.0)]


def test_missing_class_labels_make_one_unnamed_class(results, rows):
    summary = summarise(frame(results, [rows.checked("a", ""), rows.checked("b", "")]))

    assert [(counts.label, counts.images) for counts in summary.classes] == [("", 2)]


def test_reasons_without_an_answer_are_counted_the_most_frequent_first(results, rows):
    images = [rows.failed("a", reason="CRC"), rows.failed("b"), rows.failed("c"), rows.checked("d", typicality=0.1)]

    assert summarise(frame(results, images)).unanswered_for == (("TRUNCATED", 2), ("ATYPICAL", 1), ("CRC", 1))


@pytest.mark.parametrize(
    ("images", "sentence"),
    [
        ([], "No image was checked."),
        (["checked"], "1 of 1 image released; none removed."),
        (["failed"], "0 of 1 image released; none removed; 1 without an answer."),
    ],
)
def test_sentence_of_small_runs(results, rows, images, sentence):
    images = [getattr(rows, kind)(f"{index}.png") for index, kind in enumerate(images)]

    assert summarise(frame(results, images)).sentence == sentence


def test_an_image_that_was_withheld_is_neither_released_nor_borderline(results, rows):
    folder = results([rows.checked("a", score=0.45), rows.checked("b", score=0.45)])
    found = summarise(read_results(folder).published(["released/a", "other"]).images)

    assert found.sentence == "1 of 2 images released; none removed; 1 withheld by reviewers."
    assert (found.total.anonymous, found.total.released, found.withheld, found.borderline) == (2, 1, 1, 1)


def test_summary_cannot_be_changed(results, rows):
    with pytest.raises(dataclasses.FrozenInstanceError):
        summarise(frame(results, [rows.checked("a")])).borderline = 0
