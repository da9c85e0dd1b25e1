import numpy as np
import pytest
import torch
from support.training_sets import inputs, pixel_set, recipe
from torch import nn

from cxrgate.core import UsageError
from cxrgate.models.networks.build import build_network
from cxrgate.models.networks.published import SiameseNetwork
from cxrgate.train.objectives import make_objective
from cxrgate.train.recipe import Loss
from cxrgate.train.sampling import BalancedPairs, PatientBlocks

TEMPERATURE = 0.2


class Pooled(nn.Module):
    """A fast network: the image on a 4 x 4 grid, projected."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.layers = nn.Sequential(nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(48, 8))

    def forward(self, x):
        return self.layers(x)


def _draw(objective, seed, network):
    return objective.loss(network, np.random.default_rng(seed), torch.Generator().manual_seed(seed))


def _batch(settings, given, seed, network, sources):
    """The embeddings (unit length) and labels that the objective must have drawn."""
    sampler = PatientBlocks(given.labels, sources, settings.patients, settings.images, settings.several)
    block = sampler.draw(np.random.default_rng(seed))
    x = given.batch(block.rows, torch.Generator().manual_seed(seed))
    rows = network(x).detach().double().numpy()
    return rows / np.linalg.norm(rows, axis=1, keepdims=True), block.labels, block.source


def _supervised_contrastive(anchors, labels, others, names):
    """Khosla et al. 2020, equation 2, anchors being the first rows of the others."""
    losses = []
    for i, (anchor, label) in enumerate(zip(anchors, labels, strict=True)):
        logits = {j: anchor @ other / TEMPERATURE for j, other in enumerate(others) if j != i}
        total = np.log(sum(np.exp(value) for value in logits.values()))
        positives = [j for j in logits if names[j] == label]
        losses.append(-np.mean([logits[j] - total for j in positives]))
    return np.mean(losses)


@pytest.fixture
def network():
    return Pooled()


def test_neighbours_is_the_published_formula_against_batch_and_memory(network):
    settings = recipe(Loss.NEIGHBOURS, temperature=TEMPERATURE, memory=100)
    given = inputs(settings)
    objective = make_objective(settings, given, network)
    first, second = (_draw(objective, seed, network).item() for seed in (1, 2))
    (a, names, _), (b, labels, _) = (_batch(settings, given, seed, network, given.sources) for seed in (1, 2))
    assert first == pytest.approx(_supervised_contrastive(a, names, a, names), rel=1e-4)
    both = np.concatenate([b, a]), np.concatenate([labels, names])
    assert second == pytest.approx(_supervised_contrastive(b, labels, *both), rel=1e-4)


def test_an_image_is_never_its_own_positive(network):
    # Every image is another patient's: there is no positive at all, so no loss.
    settings = recipe(Loss.NEIGHBOURS, patients=6, memory=0)
    objective = make_objective(settings, inputs(settings, pixel_set(6, 2)), network)
    block = objective._sampler.draw(np.random.default_rng(0))
    objective._sampler.draw = lambda rng: type(block)(block.rows[::2], block.labels[::2], block.source)
    assert _draw(objective, 0, network).item() == 0


def test_memory_keeps_the_newest_and_no_more_than_its_size(network):
    settings = recipe(Loss.NEIGHBOURS, memory=12)
    given = inputs(settings)
    objective = make_objective(settings, given, network)
    for seed in range(4):
        _draw(objective, seed, network)
    rows, labels = (objective.state_dict()[f"0.{i}"] for i in range(2))
    assert (rows.shape, labels.shape) == ((12, 8), (12,))
    newest, names, _ = _batch(settings, given, 3, network, given.sources)
    assert np.allclose(rows[:8].numpy(), newest, atol=1e-5)
    assert labels[:8].tolist() == names.tolist()


def test_sources_remember_apart(network):
    settings = recipe(Loss.NEIGHBOURS, patients=2, memory=100)
    given = inputs(settings, pixel_set(8, 2, sources=2))
    objective = make_objective(settings, given, network)
    for seed in range(6):
        _draw(objective, seed, network)
    for source in range(2):
        names = objective.state_dict()[f"{source}.1"]
        assert len(names)
        assert set((names % 2).tolist()) == {source}


def _contrastive(anchors, labels, others, names, first):
    """Contrastive loss, margins 0 and 1 (Hadsell et al. 2006 without squares); `first` is the anchors' place."""
    distances = np.linalg.norm(anchors[:, None] - others[None], axis=2)
    same = labels[:, None] == names[None]
    different = ~same
    same[np.arange(len(labels)), first + np.arange(len(labels))] = False
    positive, negative = distances[same], np.maximum(1 - distances[different], 0)
    return sum(part[part > 1e-6].mean() if (part > 1e-6).any() else 0 for part in (positive, negative))


def test_contrastive_compares_with_earlier_batches(network):
    settings = recipe(Loss.CONTRASTIVE, memory=100)
    given = inputs(settings)
    objective = make_objective(settings, given, network)
    first, second = (_draw(objective, seed, network).item() for seed in (1, 2))
    one_source = np.zeros_like(given.labels)
    (a, names, _), (b, labels, _) = (_batch(settings, given, seed, network, one_source) for seed in (1, 2))
    assert first == pytest.approx(_contrastive(a, names, a, names, 0), rel=1e-3)
    both = np.concatenate([a, b]), np.concatenate([names, labels])
    assert second == pytest.approx(_contrastive(b, labels, *both, len(a)), rel=1e-3)
    assert second != pytest.approx(_contrastive(b, labels, b, labels, 0), rel=1e-2)


def test_contrastive_memory_is_bounded(network):
    settings = recipe(Loss.CONTRASTIVE, memory=12)
    objective = make_objective(settings, inputs(settings), network)
    for seed in range(3):
        _draw(objective, seed, network)
    assert objective.state_dict()["embedding_memory"].shape == (12, 8)


def test_pairs_is_binary_cross_entropy_of_balanced_pairs():
    settings = recipe(Loss.PAIRS)
    given = inputs(settings)
    torch.manual_seed(0)
    network = build_network(settings.architecture).eval()
    assert isinstance(network, SiameseNetwork)
    loss = _draw(make_objective(settings, given, network), 1, network).item()
    block = BalancedPairs(given.labels, settings.patients).draw(np.random.default_rng(1))
    generator = torch.Generator().manual_seed(1)
    chances = torch.sigmoid(network(given.batch(block.first, generator), given.batch(block.second, generator))).tolist()
    expected = -np.mean([np.log(c if same else 1 - c) for c, same in zip(chances, block.same, strict=True)])
    assert loss == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("loss", list(Loss))
def test_every_loss_trains_the_network(loss):
    settings = recipe(loss)
    network = build_network(settings.architecture)
    _draw(make_objective(settings, inputs(settings), network), 0, network).backward()
    assert any(value.grad is not None and value.grad.abs().sum() > 0 for value in network.parameters())


def test_a_loss_of_another_network_is_refused(network):
    with pytest.raises(UsageError, match="Siamese network and for no other"):
        make_objective(recipe(Loss.PAIRS), inputs(recipe(Loss.PAIRS)), network)
    siamese = build_network(recipe(Loss.PAIRS).architecture)
    with pytest.raises(UsageError, match="Siamese network and for no other"):
        make_objective(recipe(Loss.CONTRASTIVE), inputs(recipe(Loss.CONTRASTIVE)), siamese)
