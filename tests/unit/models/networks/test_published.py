import pytest
import torch
from support.fakes import SMALL, save_small_models

from cxrgate.core import ModelError
from cxrgate.models import ModelKind, Preprocessing, RetrievalArchitecture, VerificationArchitecture, read_manifest
from cxrgate.models.checkpoint import import_checkpoint
from cxrgate.models.manifest import WEIGHTS
from cxrgate.models.networks.build import build_network
from cxrgate.models.store import load_model

SMALL_VERIFICATION = VerificationArchitecture("resnet10", 16)


def test_published_networks_have_the_published_number_of_parameters():
    sizes = [
        sum(parameter.numel() for parameter in build_network(shape).parameters())
        for shape in (RetrievalArchitecture(), VerificationArchitecture())
    ]

    assert sizes == [34_231_248, 23_770_433]


def test_retrieval_has_the_published_tensors():
    state = build_network(RetrievalArchitecture()).state_dict()

    assert tuple(state["0.extractor_net.0.weight"].shape) == (64, 3, 7, 7)
    assert tuple(state["1.bottle_neck_conv.weight"].shape) == (100, 2048, 1, 1)
    assert tuple(state["1.first_fc.1.running_mean"].shape) == (5000,)
    assert tuple(state["1.first_fc.3.weight"].shape) == (2048, 5000)
    assert tuple(state["1.second_fc.2.weight"].shape) == (128, 2048)


def test_pooling_stacks_neighbouring_channels_of_max_then_average():
    head = build_network(RetrievalArchitecture("resnet10", pool=1, bottleneck=4))[1]
    seen = []
    head.bottle_neck_conv.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    x = torch.rand(2, 512, 3, 3)
    head.eval()(x)

    maximum, average = x.amax((2, 3)), x.mean((2, 3))
    flat = torch.cat([maximum, average], 1)
    assert torch.allclose(seen[0][:, :, 0, 0], flat[:, 0::2])
    assert torch.allclose(seen[0][:, :, 1, 0], flat[:, 1::2])


@pytest.mark.parametrize(
    "wrap",
    [
        lambda state: state,
        lambda state: {"epoch": 3, "state_dict": state, "optimizer": {}, "best_loss": 0.1, "num_bad_epochs": 0},
        lambda state: {f"module.{key}": value for key, value in state.items()},
        lambda state: {"state_dict": {f"model.{key}": value for key, value in state.items()}},
        lambda state: {f"model.module.{key}": value for key, value in state.items()},
        lambda state: {f"_orig_mod.{key}": value for key, value in state.items()},
        lambda state: {"model": {f"_orig_mod.module.{key}": value for key, value in state.items()}, "epoch": 1},
        lambda state: {"net": state, "acc": 0.9},
        lambda state: {"net": {"state_dict": {f"net.{key}": value for key, value in state.items()}}},
    ],
    ids=["plain", "resume", "DataParallel", "Lightning", "nested", "compiled", "model", "net", "deep"],
)
def test_published_layouts_are_imported(tmp_path, wrap):
    state = build_network(SMALL_VERIFICATION).state_dict()
    torch.save(wrap(state), tmp_path / "model.pth")
    import_checkpoint(tmp_path / "model.pth", tmp_path / "model", ModelKind.VERIFICATION, SMALL, SMALL_VERIFICATION)
    loaded = load_model(tmp_path / "model").network.state_dict()

    assert loaded.keys() == state.keys()
    assert all(torch.equal(loaded[key], state[key]) for key in state)


def test_checkpoint_that_runs_code_is_refused_and_not_run(tmp_path):
    marker = tmp_path / "ran"

    class Malicious:
        def __reduce__(self):
            return (open, (str(marker), "w"))

    torch.save({"state_dict": Malicious()}, tmp_path / "model.pth")

    with pytest.raises(ModelError, match="without running its code"):
        import_checkpoint(tmp_path / "model.pth", tmp_path / "model", ModelKind.VERIFICATION, SMALL)
    assert not marker.exists()
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda state: state.pop("fc_end.bias"), "missing"),
        (lambda state: state.update(surplus=torch.zeros(1)), "surplus"),
        (
            lambda state: state.update({"fc_end.weight": torch.zeros(1, 7)}),
            r"\[1, 7\], the architecture wants \[1, 16\]",
        ),
        (lambda state: state.update({"fc_end.bias": torch.tensor([float("nan")])}), "finite"),
    ],
    ids=["missing", "surplus", "misshapen", "NaN"],
)
def test_wrong_tensors_are_refused(tmp_path, change, message):
    state = build_network(SMALL_VERIFICATION).state_dict()
    change(state)
    torch.save(state, tmp_path / "model.pth")

    with pytest.raises(ModelError, match=message):
        import_checkpoint(tmp_path / "model.pth", tmp_path / "model", ModelKind.VERIFICATION, SMALL, SMALL_VERIFICATION)


def test_changed_weights_are_refused(tmp_path):
    save_small_models(tmp_path)
    weights = tmp_path / "verification" / WEIGHTS
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)

    with pytest.raises(ModelError, match="sha256"):
        load_model(tmp_path / "verification")


def test_changed_preprocessing_is_refused(tmp_path):
    save_small_models(tmp_path)
    manifest = tmp_path / "retrieval" / "model.json"
    manifest.write_text(manifest.read_text().replace('"squash"', '"crop"'))

    with pytest.raises(ModelError, match="digest"):
        read_manifest(tmp_path / "retrieval")


def test_digest_covers_preprocessing(tmp_path):
    state = build_network(SMALL_VERIFICATION).state_dict()
    torch.save(state, tmp_path / "model.pth")
    digests = {
        import_checkpoint(
            tmp_path / "model.pth",
            tmp_path / "model",
            ModelKind.VERIFICATION,
            Preprocessing(64, width),
            SMALL_VERIFICATION,
        ).digest
        for width in (64, 96)
    }

    assert len(digests) == 2
