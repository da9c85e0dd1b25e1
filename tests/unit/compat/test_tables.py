import math

import pandas as pd
import pytest

from cxrgate.compat.tables import Nearest, Score, read_nearest, read_scores, write_nearest, write_scores
from cxrgate.core import UsageError

ODD = ["/data/a,b.png", '/data/"quoted".png', "/data/line\nbreak.png", "/data/Ü.png"]


@pytest.mark.parametrize("name", ODD)
def test_any_path_comes_back_as_it_was(tmp_path, name):
    path = tmp_path / "nearest.csv"
    rows = [Nearest(name, f"{name}.jpg", 0.1, rank) for rank in range(3)]
    write_nearest(path, rows)

    assert read_nearest(path) == rows[:1]
    assert pd.read_csv(path)["real_image"].tolist() == [f"{name}.jpg"] * 3


def test_files_have_the_seeds_columns(tmp_path):
    write_nearest(tmp_path / "nearest.csv", [Nearest("/s/a.png", "/r/b.jpg", 1.5, 0)])
    write_scores(tmp_path / "scores.csv", [Score("/s/a.png", "/r/b.jpg", 0.25)])

    assert (tmp_path / "nearest.csv").read_bytes() == (
        b"synthetic_image,real_image,distance,rank\n/s/a.png,/r/b.jpg,1.5,0\n"
    )
    assert (tmp_path / "scores.csv").read_bytes() == b"synthetic_image,real_image,score\n/s/a.png,/r/b.jpg,0.25\n"


@pytest.mark.parametrize("text", ["nan", "", "high", "NaN"])
def test_score_that_is_no_number_is_nan(tmp_path, text):
    (tmp_path / "scores.csv").write_text(f"synthetic_image,real_image,score\na,b,{text}\n")

    assert math.isnan(read_scores(tmp_path / "scores.csv")["a"].score)


def test_image_with_two_scores_is_refused(tmp_path):
    write_scores(tmp_path / "scores.csv", [Score("a", "b", 0.9), Score("a", "c", 0.1)])

    with pytest.raises(UsageError, match="twice"):
        read_scores(tmp_path / "scores.csv")


def test_rank_that_is_no_number_is_refused(tmp_path):
    (tmp_path / "nearest.csv").write_text("synthetic_image,real_image,distance,rank\na,b,1,first\n")

    with pytest.raises(UsageError, match="number"):
        read_nearest(tmp_path / "nearest.csv")


def test_unquoted_comma_is_refused_and_not_guessed_at(tmp_path):
    (tmp_path / "scores.csv").write_text("synthetic_image,real_image,score\na,1.png,b.jpg,0.1\n")

    with pytest.raises(UsageError, match="4 fields, where the header has 3"):
        read_scores(tmp_path / "scores.csv")
