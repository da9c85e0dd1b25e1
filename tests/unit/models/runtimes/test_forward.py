import numpy as np
import pytest
import torch
from support.fakes import images, save_small_models

from cxrgate.core.heads import CosineHead
from cxrgate.models.resize import resize
from cxrgate.models.runtimes.pytorch import TorchForward
from cxrgate.models.store import load_model


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    save_small_models(folder)
    return load_model(folder / "retrieval"), load_model(folder / "verification")


def tensor(model, pictures):
    shape = model.manifest.preprocessing
    grey = torch.from_numpy(np.stack([resize(image.pixels, shape) for image in pictures])).unsqueeze(1) / 255
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (shape.mean, shape.std))
    return (grey - mean) / std


def test_folded_network_gives_the_plain_networks_embedding(models):
    pictures = images(5)
    with torch.inference_mode():
        expected = models[0].network(tensor(models[0], pictures)).numpy()

    assert np.abs(TorchForward(models[0])([image.pixels for image in pictures]) - expected).max() < 1e-5


class StandIn:
    """A device that is done only when it was waited for: until then its rows are not there."""

    def __init__(self):
        self.arrays, self.told = [], []

    def array(self, shape, dtype):
        made = torch.empty(tuple(shape), dtype=dtype)
        self.arrays.append(made)
        return made

    def mark(self):
        rows = [made for made in self.arrays if made.dtype == torch.float32]
        kept = [made.clone() for made in rows]
        self._write(rows, [torch.full_like(made, torch.nan) for made in rows])
        self.told.append("queued")

        def wait():
            self.told.append("waited")
            self._write(rows, kept)

        return wait

    @torch.inference_mode()
    def _write(self, rows, contents):
        for made, content in zip(rows, contents, strict=True):
            made.copy_(content)


def test_a_device_is_given_every_batch_before_it_is_waited_for(models):
    device, pixels = StandIn(), [image.pixels for image in images(19)]
    finish = TorchForward(models[0], transfers=device).start(pixels)

    assert device.told == ["queued"]
    assert [len(made) for made in device.arrays] == [8, 8, 8, 8, 3, 3]
    assert np.array_equal(finish(), TorchForward(models[0])(pixels))
    assert device.told == ["queued", "waited"]


def test_no_images_give_no_rows(models):
    assert TorchForward(models[0])([]).shape == (0, models[0].manifest.architecture.outputs)


def test_cached_scores_equal_the_pairwise_forward(models):
    a, b = images(6), images(6, start=6)
    forward = TorchForward(models[1])
    fa, fb = (forward([image.pixels for image in group]) for group in (a, b))
    cached = [forward.head.score(x, y[None])[0] for x, y in zip(fa, fb, strict=True)]
    with torch.inference_mode():
        pairwise = torch.sigmoid(models[1].network(tensor(models[1], a), tensor(models[1], b))).numpy()

    assert np.abs(np.array(cached) - pairwise).max() < 1e-6


def test_score_of_an_image_with_itself_is_the_sigmoid_of_the_bias(models):
    forward = TorchForward(models[1])
    features = forward([image.pixels for image in images(4)])
    bias = float(models[1].network.fc_end.bias.item())

    for row in features:
        assert forward.head.score(row, row[None])[0] == pytest.approx(1 / (1 + np.exp(-bias)), abs=1e-12)


def test_score_is_symmetric(models):
    forward = TorchForward(models[1])
    a, b = forward([image.pixels for image in images(2)])

    assert forward.head.score(a, b[None]) == forward.head.score(b, a[None])


@pytest.mark.parametrize("size", [1, 7])
def test_batch_size_does_not_change_the_outputs(models, size):
    pixels = [image.pixels for image in images(20)]
    for model in models:
        forward = TorchForward(model)
        parts = [forward(pixels[i : i + size]) for i in range(0, len(pixels), size)]

        assert np.abs(np.concatenate(parts) - forward(pixels)).max() < 1e-5


def test_an_embedder_verifies_by_cosine(models):
    forward = TorchForward(models[0])
    a, b = forward([image.pixels for image in images(2)]).astype(np.float64)
    cosine = a @ b / np.linalg.norm(a) / np.linalg.norm(b)

    assert isinstance(forward.head, CosineHead)
    assert forward.head.score(a.astype(np.float32), b.astype(np.float32)[None])[0] == pytest.approx((1 + cosine) / 2)


def test_cosine_of_a_zero_vector_is_no_number():
    assert np.isnan(CosineHead().score(np.zeros(3, np.float32), np.ones((1, 3), np.float32))[0])
