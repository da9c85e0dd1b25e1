"""Consistency, membership inference, the control index, exhaustive verification: what the tables say."""

import asyncio
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from support.fakes import POLICY, picture

from cxrgate.audit.consistency import agreement, unnoticed
from cxrgate.audit.excess import by_label, excess
from cxrgate.audit.exhaustive import verify_all
from cxrgate.audit.membership import infer
from cxrgate.core import Descriptors, UsageError
from cxrgate.core.heads import CosineHead
from cxrgate.core.standout import Standout
from cxrgate.models import BANDS, Dtype
from cxrgate.planted.origins import LeakOrigin


def decided(*decisions, **columns):
    names = {"R": "ANONYMOUS", "F": "NOT_ANONYMOUS", "I": "INDETERMINATE"}
    count = len(decisions)
    return pd.DataFrame(
        {
            "patient": [str(number) for number in range(count)],
            "image_id": [f"{number}.png" for number in range(count)],
            "decision": [names[decision] for decision in decisions],
            "score": 0.1,
            "similarity": 0.5,
            **columns,
        }
    )


def test_agreement_asks_whether_both_release():
    found = agreement(decided(*"RRFI", score=[0.1, 0.2, 0.9, np.nan]), decided(*"RFIF", score=[0.1, 0.5, 0.9, 0.3]))

    assert found.share.recall == 0.75
    assert found.score == pytest.approx(0.3)


def test_tables_of_other_patients_are_not_compared():
    with pytest.raises(ValueError, match="same patients"):
        agreement(decided("R", patient="a"), decided("R", patient="b"))


def test_changes_that_nobody_sees_change_little_and_something():
    origin = LeakOrigin("a", "patient", picture(1, (128, 128)))
    changed = {name: list(cases) for name, cases in unnoticed([origin]).items()}

    assert len(changed) == 3
    assert len({cases[0].content for cases in changed.values()}) == 3


@pytest.mark.parametrize(
    ("members", "others", "expected"),
    [
        # As many flags among others as among members: nothing but chance.
        ("FR" * 50, "FR" * 50, 0.01),
        # A tenth of the others is flagged: of what is flagged, a tenth may be named.
        ("F" * 100, "F" * 10 + "R" * 90, 0.1),
        ("F" * 50 + "R" * 50, "R" * 100, 0.505),
    ],
)
def test_an_attacker_with_verdicts_reaches_what_the_two_rates_allow(members, others, expected):
    assert infer(decided(*members), decided(*others)).tpr_at_fpr_1pct == pytest.approx(expected)


def test_excess_is_what_the_training_index_flags_beyond_the_control_index():
    training, control = decided(*("F" * 30 + "R" * 70)), decided(*("F" * 5 + "R" * 95))
    found = excess(training, control.sample(frac=1, random_state=0))

    assert (found.training.value, found.control.value) == (0.3, 0.05)
    assert found.excess.value == pytest.approx(0.25)
    assert 0.15 < found.excess.low < 0.25 < found.excess.high < 0.35


def test_equal_indexes_have_no_excess():
    found = excess(decided(*("FR" * 50)), decided(*("RF" * 50)))

    assert found.excess.value == 0
    assert found.excess.low < 0 < found.excess.high


def test_runs_on_other_images_are_not_compared():
    with pytest.raises(UsageError, match="same images"):
        excess(decided(*"FR"), decided(*"FRR"))


def test_rejections_are_counted_per_class_folder():
    shares = by_label(decided(*"FRRI", label=["a", "a", "b", "b"]))

    assert {label: figure.value for label, figure in shares.items()} == {"a": 0.5, "b": 0.5}


class Models:
    """Retrieval says which reference is near by its first number, verification by its direction."""

    head = CosineHead()

    def __init__(self, identity, features):
        self.identity, self.probe = np.float32(identity), np.float32(features)
        self.verifier = self.embedder = self

    async def features(self, images, described=None):
        return [self.probe for _ in images]

    async def embed(self, images):
        return [
            Descriptors(image.image_id, dict.fromkeys(("identity", "copy"), self.identity), self.identity)
            for image in images
        ]


def test_verifying_all_finds_a_patient_whom_the_search_did_not_return():
    keys = np.array([[1], [2], [3]], np.uint8)
    snapshot = SimpleNamespace(
        identity=np.float32([[0], [1], [9]]), features=np.float32([[0, 1], [0, 1], [1, 0]]), patient_keys=keys
    )
    origin = LeakOrigin("a", keys[2].tobytes().hex(), picture(1))
    models = Models([0], [1, 0])

    # The others are at 0.5: they reach 0.52 in float16 alone.
    strict, near = (replace(POLICY, candidates=2, score_threshold=least) for least in (0.9, 0.52))
    found, wider, by_band, just_below = (
        asyncio.run(verify_all([origin], models, snapshot, rule))
        for rule in (strict, replace(strict, candidates=3), replace(near, band=BANDS[Dtype.FLOAT16]), near)
    )

    assert (found.by_candidates, found.by_all, found.others_by_all) == (0, 1, 0)
    assert wider.by_candidates == 1
    assert (by_band.others_by_all, just_below.others_by_all) == (1, 0)


def test_verifying_all_holds_standouts_against_the_threshold_where_those_decide():
    keys = np.array([[1], [2], [3]], np.uint8)
    snapshot = SimpleNamespace(
        identity=np.float32([[0], [1], [1.2]]), features=np.float32([[0, 1]] * 3), patient_keys=keys
    )
    origin = LeakOrigin("a", keys[0].tobytes().hex(), picture(1))
    # The own patient is at similarity 1, the others at 0.5 and 0.28, and every score at 0.5.
    made = Standout(usual=0.39, slope=10.0)
    rule = replace(POLICY, candidates=1, score_threshold=None, standout_threshold=0.9, standout=made)
    lower = replace(rule, standout_threshold=0.5, borderline=0.3)

    found, more = (asyncio.run(verify_all([origin], Models([0], [1, 0]), snapshot, each)) for each in (rule, lower))

    assert (found.by_candidates, found.by_all, found.others_by_all) == (1, 1, 0)
    assert more.others_by_all == 1
