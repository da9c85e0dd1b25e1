"""What docs/seed-faults.md names and no other test covers."""

import socket
import urllib.request

import numpy as np
import pytest
import torch
from PIL import Image
from support.bad_images import dataset, dicom
from support.fakes import POLICY, SMALL, images, save_small_models
from support.inline_decoder import InlineDecoder

from cxrgate.compat.describe import describe
from cxrgate.core import Candidates, Evidence, ImageRecord
from cxrgate.images import ImageFile
from cxrgate.images.codec.decode import decode
from cxrgate.images.codec.encode import encode_png
from cxrgate.index import Snapshot
from cxrgate.index.array_files import array_path, describe_array
from cxrgate.index.manifest import ARRAYS, SnapshotManifest, write_manifest
from cxrgate.models import ModelKind, RetrievalArchitecture, VerificationArchitecture
from cxrgate.models.checkpoint import import_checkpoint
from cxrgate.models.networks.build import build_network
from cxrgate.models.runtimes.forward import open_forward
from cxrgate.models.runtimes.pytorch import TorchForward
from cxrgate.models.store import load_model


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    save_small_models(folder)
    return folder


def test_no_network_is_asked_when_a_model_is_built_or_loaded(models, monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("expected no connection")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(urllib.request, "urlopen", refuse)
    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", refuse)
    build_network(RetrievalArchitecture("resnet50"))
    build_network(VerificationArchitecture("resnet50"))

    assert load_model(models / "verification").manifest.kind is ModelKind.VERIFICATION


def test_checkpoint_saved_on_a_gpu_is_read_without_one(tmp_path, monkeypatch):
    shape = VerificationArchitecture("resnet10", 16)
    monkeypatch.setattr(torch.serialization, "location_tag", lambda _: "cuda:0")
    torch.save(build_network(shape).state_dict(), tmp_path / "model.pth")
    monkeypatch.undo()
    import_checkpoint(tmp_path / "model.pth", tmp_path / "model", ModelKind.VERIFICATION, SMALL, shape)

    assert open_forward(tmp_path / "model").dimensions == 16


@pytest.mark.parametrize("kind", ["retrieval", "verification"])
def test_a_forward_keeps_no_gradients_and_changes_no_statistics(models, kind):
    model = load_model(models / kind)
    forward, seen = TorchForward(model), []
    before = {name: value.clone() for name, value in model.network.state_dict().items()}
    forward._network.register_forward_pre_hook(lambda *_: seen.append(torch.is_grad_enabled()))
    forward([image.pixels for image in images(3)])

    assert seen == [False]
    assert not model.network.training
    assert all(torch.equal(before[name], value) for name, value in model.network.state_dict().items())


def test_order_and_company_do_not_change_an_image_s_features(models):
    forward = open_forward(models / "verification")
    pixels = [image.pixels for image in images(19)]
    order = np.random.default_rng(0).permutation(19)

    assert np.abs(forward([pixels[i] for i in order]) - forward(pixels)[order]).max() < 1e-6


def test_images_of_any_shape_share_a_batch(models):
    forward = open_forward(models / "retrieval")
    shapes = [(64, 64), (100, 70), (70, 250), (64, 65)]

    assert forward([np.zeros(shape, np.uint8) for shape in shapes]).shape == (4, 16)


def test_one_picture_is_the_same_enrolled_as_dicom_and_checked_as_png_or_colour(models, tmp_path, monkeypatch):
    monkeypatch.setattr("cxrgate.compat.describe.SandboxedDecoder", InlineDecoder)
    grey = decode(ImageRecord("a", dicom(dataset()))).pixels
    (tmp_path / "a.dcm").write_bytes(dicom(dataset()))
    (tmp_path / "a.png").write_bytes(encode_png(grey))
    Image.fromarray(grey).convert("RGB").save(tmp_path / "colour.png")
    files = [ImageFile(tmp_path / name, name) for name in ("a.dcm", "a.png", "colour.png")]
    forward = open_forward(models / "retrieval")
    found = describe(files, forward, tmp_path / "out", workers=1, progress=lambda _: None)

    assert len({item.pixel_digest for item in found}) == 1
    assert max(np.abs(item.row - found[0].row).max() for item in found) < 1e-6


@pytest.mark.parametrize("place", [0, 1, 2])
def test_match_at_any_rank_is_a_match(place):
    scores = np.full(3, 0.1)
    scores[place] = 0.9
    none = np.zeros(3)
    candidates = Candidates(
        "image", ("a", "b", "c"), ("p", "q", "q"), none, {"copy": none}, np.zeros((3, 4), np.float32), 0.5
    )

    assert POLICY.decide(Evidence(candidates, scores), "pixels").decision == "NOT_ANONYMOUS"


def test_snapshot_is_mapped_and_not_copied(snapshot):
    for name in ("identity", "features", "copy"):
        array = Snapshot.open(snapshot).arrays[name]
        assert isinstance(array, np.memmap)
        assert array.dtype == np.float32


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory):
    """A snapshot written by hand: three references."""
    folder = tmp_path_factory.mktemp("snapshot")
    for name in ARRAYS:
        kind = np.uint8 if name in {"reference_ids", "patient_keys"} else np.float32
        np.save(array_path(folder, name), np.ones(64 if name == "mean_layout" else (3, 16), kind))
    arrays = {name: describe_array(folder, name) for name in ARRAYS}
    write_manifest(folder, SnapshotManifest(3, 3, 0, "r", "v", "c", "i", arrays))
    return folder
