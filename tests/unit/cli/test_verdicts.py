"""What is said of verdicts on a terminal."""

from types import SimpleNamespace

import pytest

from cxrgate.cli import verdicts
from cxrgate.cli.commands.duplicates import _counts
from cxrgate.core import Decision


@pytest.mark.parametrize(
    ("images", "references", "told"),
    [(1, 1, "1 image against 1 reference:"), (2, 1200, "2 images against 1,200 references:")],
)
def test_numbers_of_images_and_references_have_their_nouns(images, references, told, monkeypatch, capsys):
    verdict = SimpleNamespace(decision=Decision.ANONYMOUS, released=True)
    policy = SimpleNamespace(references=references, promise=None)
    monkeypatch.setattr(verdicts, "nearest_released", lambda *_: [])
    monkeypatch.setattr(verdicts, "_table", lambda _: "")
    verdicts.show([verdict] * images, policy)

    assert told in capsys.readouterr().out


def test_one_pair_is_no_pairs():
    pair = SimpleNamespace(what="same picture")

    assert _counts([pair]) == "1 pair of one picture and 0 of one patient"
    assert _counts([pair, pair]).startswith("2 pairs ")
