import pytest
import torch
from support.training_sets import EMBEDDER, inputs, pixel_set, recipe

from cxrgate.core import UsageError
from cxrgate.train import loop
from cxrgate.train.augmentation import Augmentation
from cxrgate.train.initial import start
from cxrgate.train.loop import Training
from cxrgate.train.recipe import Loss, Optimizer

SEED = 3
STEPS = 5


class Stopped(Exception):
    pass


@pytest.fixture(autouse=True)
def frequent_checkpoints(monkeypatch):
    monkeypatch.setattr(loop, "CHECKPOINT_STEPS", 2)


def _training(settings, checkpoint, seed=SEED, images=None):
    given = inputs(settings, images)
    return Training(settings, given, start(settings, given, seed), seed, checkpoint)


def _stop_after(step):
    def report(taken, loss):
        if taken == step:
            raise Stopped

    return report


RECIPES = {
    "pairs": recipe(Loss.PAIRS, steps=STEPS, augmentation=Augmentation()),
    "contrastive": recipe(Loss.CONTRASTIVE, steps=STEPS, optimizer=Optimizer.SGD, augmentation=Augmentation()),
    "neighbours": recipe(Loss.NEIGHBOURS, steps=STEPS, optimizer=Optimizer.ADAMW, augmentation=Augmentation()),
    "embedder": recipe(Loss.NEIGHBOURS, steps=STEPS, network=EMBEDDER, augmentation=Augmentation()),
}


@pytest.mark.parametrize("name", RECIPES)
def test_a_stopped_training_ends_with_the_same_bits(name, tmp_path):
    whole = _training(RECIPES[name], tmp_path / "whole.pt").run()
    with pytest.raises(Stopped):
        _training(RECIPES[name], tmp_path / "stopped.pt").run(_stop_after(3))
    resumed = _training(RECIPES[name], tmp_path / "stopped.pt")
    assert resumed.step == 2
    state = resumed.run()
    assert resumed.step == STEPS
    assert whole.keys() == state.keys()
    assert all(torch.equal(whole[key], state[key]) for key in whole)


def test_training_changes_the_weights_and_gives_their_average(tmp_path):
    settings = RECIPES["pairs"]
    before = start(settings, inputs(settings), SEED).state_dict()
    training = _training(settings, tmp_path / "c.pt")
    state = training.run()
    last = training.network.state_dict()
    key = "fc_end.weight"
    assert not torch.equal(state[key], before[key])
    assert not torch.equal(state[key], last[key])


def test_without_an_average_the_last_weights_are_kept(tmp_path):
    training = _training(recipe(Loss.PAIRS, average=0, steps=2), tmp_path / "c.pt")
    state = training.run()
    assert all(torch.equal(value, state[key]) for key, value in training.network.state_dict().items())


@pytest.mark.parametrize(
    "other",
    [
        {"settings": recipe(Loss.PAIRS, steps=STEPS + 1)},
        {"settings": recipe(Loss.PAIRS, steps=STEPS, rate=1e-3)},
        {"seed": SEED + 1},
    ],
    ids=["steps", "rate", "seed"],
)
def test_a_checkpoint_of_another_recipe_or_seed_is_refused(tmp_path, other):
    settings = recipe(Loss.PAIRS, steps=STEPS)
    with pytest.raises(Stopped):
        _training(settings, tmp_path / "c.pt").run(_stop_after(3))
    with pytest.raises(UsageError, match="recipe, seed or set of images"):
        _training(**{"settings": settings, "checkpoint": tmp_path / "c.pt", **other})


def test_a_checkpoint_of_other_images_is_refused(tmp_path):
    settings = recipe(Loss.PAIRS, steps=STEPS)
    with pytest.raises(Stopped):
        _training(settings, tmp_path / "c.pt").run(_stop_after(3))
    images = pixel_set()
    other = type(images)(images.pixels, images.patients, images.sources, [], "others")
    with pytest.raises(UsageError, match="recipe, seed or set of images"):
        _training(settings, tmp_path / "c.pt", images=other)


@pytest.mark.parametrize("loss", list(Loss))
def test_a_loss_that_is_not_finite_stops_with_a_clear_error(tmp_path, loss):
    training = _training(recipe(loss), tmp_path / "c.pt")
    with torch.no_grad():
        next(training.network.parameters()).fill_(float("nan"))
    with pytest.raises(UsageError, match="nan at step 0"):
        training.run()


def test_the_rate_warms_up_and_ends_near_zero(tmp_path):
    training = _training(recipe(Loss.PAIRS, warm_up=3, steps=10), tmp_path / "c.pt")
    rates = []
    for training.step in range(10):
        rates.append(training._schedule())
    assert rates[0] == pytest.approx(1 / 3)
    assert max(rates) == rates[2]
    assert rates[2:] == sorted(rates[2:], reverse=True)
    assert rates[-1] < 0.05


def test_an_embedders_first_blocks_and_whitening_stay_as_they_are(tmp_path):
    settings = RECIPES["embedder"]
    before = start(settings, inputs(settings), SEED)
    training = _training(settings, tmp_path / "c.pt")
    training.run()
    after = training.network
    assert torch.equal(before.trunk.stem.conv.weight, after.trunk.stem.conv.weight)
    assert torch.equal(before.whiten.weight, after.whiten.weight)
    assert not torch.equal(before.project.weight, after.project.weight)
