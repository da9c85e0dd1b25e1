"""Bausch's kind of network: against torchvision's ResNet with the same weights, and told by a checkpoint's tensors."""

import pytest
import torch
from torch.nn import functional
from torchvision.models import resnet34, resnet50

from cxrgate.core import ModelError
from cxrgate.core.heads import CosineHead
from cxrgate.models import ModelKind, Preprocessing, ResidualEmbedderArchitecture
from cxrgate.models.checkpoint import import_checkpoint, residual_embedder
from cxrgate.models.heads import make_head
from cxrgate.models.networks.build import build_network
from cxrgate.models.presets import PRESETS, RESIDUAL_EMBEDDERS
from cxrgate.models.store import load_model


def published(network, units=24, dimensions=16):
    """The tensors of a torchvision network with `embedding_layer` behind its classifier, as the repository has them."""
    torch.manual_seed(0)
    trunk = network(num_classes=units)
    last = torch.nn.Linear(units, dimensions)
    state = {**trunk.state_dict(), **{f"embedding_layer.{name}": value for name, value in last.state_dict().items()}}
    return state, torch.nn.Sequential(trunk, torch.nn.ReLU(), last).eval()


@pytest.mark.parametrize("network", [resnet34, resnet50])
@pytest.mark.parametrize("prefix", ["", "module."])
def test_a_checkpoint_gives_the_rows_of_torchvisions_network(tmp_path, network, prefix):
    state, other = published(network)
    named = {f"{prefix}{name}": value for name, value in state.items()}
    torch.save({"model_state_dict": named, "epoch": 1}, tmp_path / "model.pth")
    manifest = import_checkpoint(
        tmp_path / "model.pth", tmp_path / "model", ModelKind.RETRIEVAL, Preprocessing(64, 64), residual_embedder
    )
    x = torch.rand(2, 3, 64, 64)

    assert manifest.architecture == ResidualEmbedderArchitecture(network.__name__, 24, 16)
    with torch.inference_mode():
        rows = load_model(tmp_path / "model").network(x)
        assert torch.allclose(rows, functional.normalize(other(x), dim=1), atol=1e-6)


def test_without_hidden_units_the_classifier_is_the_embedding():
    state = resnet50(num_classes=128).state_dict()

    assert residual_embedder(state) == ResidualEmbedderArchitecture("resnet50", 0, 128)


def test_verification_is_by_cosine():
    head = make_head(ResidualEmbedderArchitecture(), lambda _: torch.zeros(1).numpy())

    assert isinstance(head, CosineHead)


def test_the_presets_default_is_what_the_repository_builds():
    state = build_network(ResidualEmbedderArchitecture()).state_dict()

    assert tuple(state["fc.weight"].shape) == (1000, 2048)
    assert tuple(state["embedding_layer.weight"].shape) == (128, 1000)
    assert {(p.height, p.width) for name in RESIDUAL_EMBEDDERS for p in PRESETS[name].values()} == {(512, 512)}


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({"conv1.linear.weight": torch.zeros(1)}, "B-cos"),
        ({"blocks.0.weight": torch.zeros(1)}, "no ResNet"),
        ({"layer1.0.conv1.weight": torch.zeros(1)}, "no ResNet"),
    ],
    ids=["B-cos", "transformer", "half a ResNet"],
)
def test_other_networks_are_named(state, message):
    with pytest.raises(ModelError, match=message):
        residual_embedder(state)
