"""Model repositories: the graph gives the model's rows, and carries its digest."""

import json

import numpy as np
import onnx
import pytest
from support.fakes import picture, save_small_models

from cxrgate.core import ModelError
from cxrgate.models import Dtype, read_manifest
from cxrgate.models.cast import cast_model
from cxrgate.models.onnx_graph import run_graph
from cxrgate.models.runtimes.forward import open_forward
from cxrgate.serving.codec import images_per_request
from cxrgate.serving.oip.repository import export_model


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    save_small_models(folder)
    return folder


@pytest.fixture(scope="module")
def repository(models):
    for kind in ("retrieval", "verification"):
        export_model(models / kind, models / "repository")
    return models / "repository"


@pytest.mark.parametrize("kind", ["retrieval", "verification"])
def test_the_graph_gives_the_rows_of_the_runtime(models, repository, kind):
    graph = onnx.load(repository / kind / "1" / "model.onnx")
    pixels = np.stack([picture(number, (64, 64)) for number in range(5)])

    expected = open_forward(models / kind)(list(pixels))
    assert np.abs(run_graph(graph, pixels) - expected).max() < 1e-5


def test_digest_and_sizes_stand_in_graph_and_settings(models, repository):
    manifest = read_manifest(models / "retrieval")
    graph = onnx.load(repository / "retrieval" / "1" / "model.onnx").graph
    names = [f"rows_{manifest.digest}", f"tickets_{manifest.digest}"]
    settings = (repository / "retrieval" / "config.pbtxt").read_text()

    assert [output.name for output in graph.output] == names
    assert all(f'"{name}"' in settings for name in names)
    assert f"max_batch_size: {images_per_request(manifest.preprocessing)}\n" in settings
    assert "dims: [1, 64, 64]" in settings


def test_no_path_of_this_host_is_written(models, repository):
    content = (repository / "retrieval" / "1" / "model.onnx").read_bytes()

    assert b".py" not in content
    assert str(models).encode() not in content


def test_openvino_is_told_to_compute_in_float32(repository):
    listed = [item["config"] for item in json.loads((repository / "config.json").read_text())["model_config_list"]]

    assert [(item["name"], item["base_path"]) for item in listed] == [
        ("retrieval", "/models/retrieval"),
        ("verification", "/models/verification"),
    ]
    assert all(item["plugin_config"] == {"INFERENCE_PRECISION_HINT": "f32"} for item in listed)


def test_a_model_that_computes_in_16_bits_is_not_exported(models, tmp_path):
    cast_model(models / "retrieval", tmp_path / "cast", Dtype.BFLOAT16)

    with pytest.raises(ModelError, match="float32"):
        export_model(tmp_path / "cast", tmp_path / "repository")
    assert not (tmp_path / "repository").exists()


def test_the_models_own_folder_is_not_written_over(models):
    with pytest.raises(ModelError, match="own folder"):
        export_model(models / "retrieval", models)
