import os
import subprocess
import sys

import numpy as np
import openvino
import pytest
import torch
from support.fakes import images
from torch import nn

from cxrgate.core import ModelError
from cxrgate.models import (
    Dtype,
    EmbedderArchitecture,
    ModelKind,
    Preprocessing,
    ResidualEmbedderArchitecture,
    RetrievalArchitecture,
    VerificationArchitecture,
    read_manifest,
)
from cxrgate.models.networks.build import build_network
from cxrgate.models.runtimes.core_pool import CorePool
from cxrgate.models.runtimes.forward import open_forward
from cxrgate.models.runtimes.openvino.forward import DtypeMissing, OpenVinoForward
from cxrgate.models.runtimes.openvino.networks import build
from cxrgate.models.runtimes.openvino.weights import Weights
from cxrgate.models.runtimes.pytorch import TorchForward
from cxrgate.models.store import load_model, save_model

INPUT = Preprocessing(64, 96, mean=(0.4, 0.5, 0.6), std=(0.2, 0.25, 0.3))
SHAPES = {
    "embedder": EmbedderArchitecture(pool=2, dimensions=16),
    "embedder with all": EmbedderArchitecture(taps=(0, 7, 15), pool=3, dimensions=16, discriminants=8, frontality=4),
    "embedder on a deeper, wider trunk": EmbedderArchitecture("efficientnet-lite2", (6, 14), pool=2, dimensions=16),
    "retrieval": RetrievalArchitecture("resnet10", 2, 8, 32, 16),
    "retrieval 18": RetrievalArchitecture("resnet18", 2, 8, 32, 16),
    "retrieval 34": RetrievalArchitecture("resnet34", 2, 8, 32, 16),
    "retrieval 50": RetrievalArchitecture("resnet50", 2, 8, 32, 16),
    "residual embedder": ResidualEmbedderArchitecture("resnet50", 24, 16),
    "residual embedder without hidden units": ResidualEmbedderArchitecture("resnet34", 0, 16),
    "verification": VerificationArchitecture("resnet10", 16),
    "verification 50": VerificationArchitecture("resnet50", 16),
}
EACH = ["embedder with all", "retrieval", "verification"]


def written(folder, shape, dtype=Dtype.FLOAT32):
    """A model folder; every batch norm, scale and bias is something of its own, as after training."""
    torch.manual_seed(0)
    network = build_network(shape)
    for module in network.modules():
        if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
            nn.init.normal_(module.running_mean, std=0.1)
            nn.init.uniform_(module.running_var, 0.5, 2)
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.1)
        if isinstance(module, nn.Conv2d) and isinstance(shape, EmbedderArchitecture):
            nn.init.kaiming_normal_(module.weight)
    if isinstance(shape, EmbedderArchitecture):
        nn.init.normal_(network.centre, std=0.1)
        nn.init.uniform_(network.spread, 0.5, 2)
    kind = ModelKind.VERIFICATION if isinstance(shape, VerificationArchitecture) else ModelKind.RETRIEVAL
    save_model(folder, kind, shape, INPUT, network.state_dict(), {}, dtype=dtype)
    return folder


def pixels(count):
    return [image.pixels for image in images(count)]


@pytest.mark.parametrize("name", SHAPES)
def test_it_gives_pytorchs_numbers(tmp_path, name):
    folder = written(tmp_path / "model", SHAPES[name])
    expected = TorchForward(load_model(folder))(pixels(3))
    forward = open_forward(folder)
    found = forward(pixels(3))

    assert isinstance(forward, OpenVinoForward)
    assert np.ptp(expected, axis=0).max() > 1e-3
    assert np.abs(found - expected).max() < 1e-5 * max(1, np.abs(expected).max())


@pytest.mark.parametrize("name", EACH)
@pytest.mark.parametrize("dtype", [Dtype.FLOAT32, Dtype.BFLOAT16])
def test_a_row_is_the_same_to_the_bit_in_any_batch_place_and_number_of_threads(tmp_path, name, dtype):
    folder = written(tmp_path / "model", SHAPES[name], dtype)
    manifest = read_manifest(folder)
    pictures = pixels(7)
    if dtype is Dtype.BFLOAT16 and "BF16" not in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        with pytest.raises(DtypeMissing):
            OpenVinoForward(manifest, folder, CorePool(1))
        return
    expected = OpenVinoForward(manifest, folder, CorePool(1))(pictures)

    for threads in (1, 2, 5):
        forward = OpenVinoForward(manifest, folder, CorePool(threads))
        alone = np.concatenate([forward([picture]) for picture in pictures])
        backwards = forward(pictures[::-1])[::-1]
        assert np.array_equal(forward(pictures), expected)
        assert np.array_equal(alone, expected)
        assert np.array_equal(backwards, expected)


def test_a_batch_that_nobody_waits_for_does_not_touch_the_next(tmp_path):
    forward = open_forward(written(tmp_path / "model", SHAPES["embedder"]))
    expected = forward(pixels(4))
    forward.start(pixels(9))
    with pytest.raises(AttributeError):
        forward([*pixels(5), "no image"])

    assert np.array_equal(forward(pixels(4)), expected)


def test_no_images_give_no_rows(tmp_path):
    assert open_forward(written(tmp_path / "model", SHAPES["embedder"]))([]).shape == (0, 16)


def test_heads_are_pytorchs(tmp_path):
    for name in ("embedder", "retrieval", "verification"):
        folder = written(tmp_path / name, SHAPES[name])
        one, other = open_forward(folder).head, TorchForward(load_model(folder)).head
        probe, candidates = np.split(np.random.default_rng(0).normal(size=(4, 16)).astype(np.float32), [1])
        assert np.array_equal(one.score(probe[0], candidates), other.score(probe[0], candidates))


def tensors(shape):
    return {name: value.numpy() for name, value in build_network(shape).state_dict().items()}


@pytest.mark.parametrize("network", EACH)
def test_weights_that_are_not_the_architectures_are_refused(network):
    shape = SHAPES[network]
    good = tensors(shape)
    name = next(name for name, value in good.items() if value.ndim == 4)
    spoiled = good[name].copy()
    spoiled.flat[0] = np.nan

    build(shape, INPUT, Weights(good))
    for bad, message in (
        ({key: value for key, value in good.items() if key != name}, f"{name} is missing"),
        ({**good, name: good[name][:-1]}, f"{name} has the shape"),
        ({**good, name: spoiled}, f"{name} holds numbers that are not finite"),
        ({**good, "surplus": good[name]}, "surplus.* too many"),
    ):
        with pytest.raises(ModelError, match=message):
            build(shape, INPUT, Weights(bad))


def ran(folder, code, **environment):
    """What that code prints in a process of its own, in which `folder` is the model's."""
    command = [sys.executable, "-c", f"folder = {str(folder)!r}\n{code}"]
    environment = {**os.environ, **environment}
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout.strip()


WITHOUT_TORCH = """
import sys
from pathlib import Path
import numpy as np

sys.modules["torch"] = None
opened = []
sys.addaudithook(lambda event, args: opened.append(args) if event in {"socket.connect", "socket.getaddrinfo"} else None)
from dataclasses import replace
from cxrgate.models import Dtype, read_manifest
from cxrgate.models.runtimes.core_pool import CorePool
from cxrgate.models.runtimes.forward import open_forward
from cxrgate.core import ModelError

manifest = read_manifest(Path(folder))
rows = open_forward(Path(folder))([np.full((64, 96), 7, np.uint8)])
print(rows.shape, [name for name in sys.modules if name.startswith("openvino_telemetry.")], opened)
for device, dtype in (("cuda", Dtype.FLOAT32), ("cpu", Dtype.FLOAT16)):
    try:
        print(type(open_forward(Path(folder), device, replace(manifest, dtype=dtype))).__name__)
    except ModelError as error:
        print(error)
"""


def test_it_needs_no_torch_and_calls_nobody(tmp_path):
    folder = written(tmp_path / "model", SHAPES["embedder"])
    first, cuda, _ = ran(folder, WITHOUT_TORCH).splitlines()

    assert first == "(1, 16) [] []"
    assert cuda == "the device cuda needs PyTorch: install cxrgate[torch]"


WITH_TORCH = """
from dataclasses import replace
from pathlib import Path
from cxrgate.models import Dtype, read_manifest
from cxrgate.models.runtimes.core_pool import CorePool
from cxrgate.models.runtimes.forward import open_forward

forward = open_forward(Path(folder), "cpu", replace(read_manifest(Path(folder)), dtype=Dtype.FLOAT16))
print(type(forward).__name__, forward.manifest.dtype)
"""


def test_a_dtype_that_the_cpu_lacks_is_never_another_in_silence(tmp_path):
    # An older CPU's instructions: OpenVINO itself takes bfloat16 there when asked for float16.
    folder = written(tmp_path / "model", SHAPES["embedder"])
    older = {"ONEDNN_MAX_CPU_ISA": "AVX512_CORE"}

    assert ran(folder, WITH_TORCH, **older) == "TorchForward float16"
    assert ran(folder, WITHOUT_TORCH, **older).splitlines()[2] == (
        "float16 on this CPU needs PyTorch: install cxrgate[torch]"
    )
