import numpy as np
import pytest
import torch
from support.training_sets import EMBEDDER, inputs, pixel_set, recipe

from cxrgate.train import validation
from cxrgate.train.initial import start
from cxrgate.train.loop import Training
from cxrgate.train.recipe import Loss
from cxrgate.train.validation import LossLines, Validation, make_validation, some_patients

SEED = 3
RECIPES = {
    "pairs": recipe(Loss.PAIRS, steps=2),
    "neighbours": recipe(Loss.NEIGHBOURS, steps=2),
    "embedder": recipe(Loss.NEIGHBOURS, steps=2, network=EMBEDDER),
}


@pytest.mark.parametrize("name", RECIPES)
def test_a_validation_changes_nothing_of_a_training_and_says_the_same_of_the_same_weights(name, tmp_path):
    settings = RECIPES[name]
    given = inputs(settings)
    network = start(settings, given, SEED)
    told = []
    watched = Training(settings, given, start(settings, given, SEED), SEED, tmp_path / "watched.pt")
    checked = Validation(settings, given.images, network, SEED)
    state = watched.run(LossLines(watched, checked, settings.steps, told.append))
    alone = Training(settings, given, start(settings, given, SEED), SEED, tmp_path / "alone.pt").run()

    assert all(torch.equal(state[key], alone[key]) for key in alone)
    assert len(told) == settings.steps
    assert told[-1].startswith("step 2 of 2: loss ")
    assert told[-1].endswith(f"on the tune part {checked.loss(watched.kept):.4f}")
    assert checked.loss(watched.kept) != checked.loss(dict(network.state_dict()))


def test_lines_come_seldom_and_have_the_mean_of_what_they_span(monkeypatch):
    monkeypatch.setattr(validation, "LINES", 2)
    told = []
    lines = LossLines(None, None, 10, told.append)
    for step in range(1, 11):
        lines(step, float(step))

    assert told == ["step 5 of 10: loss 3.0000", "step 10 of 10: loss 8.0000"]


def test_a_tune_part_without_patients_for_the_loss_is_not_validated_on():
    settings = RECIPES["pairs"]
    given = inputs(settings)
    alone = pixel_set(patients=3, images=1)

    assert make_validation(settings, alone, start(settings, given, SEED), SEED, "cpu") is None


def test_a_large_tune_part_gives_whole_patients_from_all_over_it():
    patients = np.repeat(np.arange(2500), 2)
    rows = some_patients(patients)

    assert 800 <= len(rows) <= 1200
    assert np.isin(patients, patients[rows]).sum() == len(rows)
    assert rows.max() > 4900
    assert len(some_patients(np.arange(30))) == 30
