"""Networks as ONNX: what PyTorch's exporter does not know is written in operations that it does."""

import numpy as np
import pytest
import torch
from torch import nn

from cxrgate.models import ModelKind, Preprocessing, RetrievalArchitecture
from cxrgate.models.networks.build import build_network
from cxrgate.models.onnx_graph import _MaxPool, export_graph, run_graph
from cxrgate.models.runtimes.forward import open_forward
from cxrgate.models.store import save_model


@pytest.mark.parametrize(("side", "rows", "columns"), [(5, 8, 8), (2, 2, 2), (3, 7, 10), (1, 4, 5)])
def test_maximum_pooling_takes_torchs_windows(side, rows, columns):
    x = torch.randn(2, 3, rows, columns)

    assert torch.equal(_MaxPool(side)(x), nn.AdaptiveMaxPool2d(side)(x))


def test_a_pooling_that_does_not_divide_the_map_is_exported(tmp_path):
    """As in the published network: 5 x 5 windows over 8 x 8."""
    shape = RetrievalArchitecture("resnet10", pool=3, bottleneck=8, hidden=32, dimensions=16)
    torch.manual_seed(0)
    state = build_network(shape).state_dict()
    save_model(tmp_path / "m", ModelKind.RETRIEVAL, shape, Preprocessing(128, 128), state, {})
    pixels = np.random.default_rng(0).integers(0, 256, (3, 128, 128), dtype=np.uint8)

    rows = run_graph(export_graph(tmp_path / "m", ["rows_out", "tickets_out"]), pixels)
    expected = open_forward(tmp_path / "m")(list(pixels))
    assert np.abs(rows - expected).max() < 1e-5 * np.abs(expected).max()
