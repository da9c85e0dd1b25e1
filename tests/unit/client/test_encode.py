import io

import numpy as np
import pytest
import torch
from PIL import Image

from cxrgate.client.encode import encode_sample

GREY = np.arange(64 * 80, dtype=np.uint32).reshape(64, 80).astype(np.uint8)
FLOATS = GREY.astype(np.float32) / 255
COLOUR = np.stack([GREY] * 3, axis=2)


def decoded(content):
    with Image.open(io.BytesIO(content)) as image:
        assert (image.format, image.mode) == ("PNG", "L")
        return np.asarray(image)


SAMPLES = {
    "Pillow grey": Image.fromarray(GREY),
    "Pillow colour": Image.fromarray(COLOUR),
    "Pillow, opaque": Image.fromarray(GREY).convert("RGBA"),
    "Pillow grey, opaque": Image.fromarray(GREY).convert("LA"),
    "numpy": GREY,
    "numpy, channel last": GREY[:, :, None],
    "numpy, channel first": GREY[None],
    "numpy, three channels": COLOUR,
    "numpy, three channels first": COLOUR.transpose(2, 0, 1),
    "numpy float32": FLOATS,
    "numpy float64": FLOATS.astype(np.float64),
    "torch": torch.from_numpy(GREY),
    "torch float": torch.from_numpy(FLOATS)[None],
    "torch, in a graph": torch.from_numpy(FLOATS).requires_grad_(),
}


@pytest.mark.parametrize("sample", SAMPLES.values(), ids=SAMPLES)
def test_a_sample_is_encoded_without_loss(sample):
    assert (decoded(encode_sample(sample)) == GREY).all()


def test_channels_that_differ_a_little_become_grey_as_the_gate_makes_them():
    tinted = COLOUR.copy()
    tinted[:, :, 0] = np.minimum(GREY.astype(int) + 8, 255)

    assert (decoded(encode_sample(tinted)) == np.asarray(Image.fromarray(tinted).convert("L"))).all()


NAN = np.full((64, 64), np.nan, np.float32)
TRANSPARENT = np.dstack([COLOUR, np.full_like(GREY, 254)])
TINTED = np.dstack([GREY, GREY, np.minimum(GREY.astype(int) + 9, 255).astype(np.uint8)])


@pytest.mark.parametrize(
    ("sample", "message"),
    [
        (NAN, "nan"),
        (torch.from_numpy(NAN), "nan"),
        (FLOATS * 2 - 1, "from -1 to 1: scale them"),
        (FLOATS * 255, "from 0 to 255"),
        (GREY.astype(np.uint16), "uint16 arrays, whose range is not known"),
        (GREY.astype(np.int64), "int64"),
        (np.zeros((2, 64, 64, 3), np.uint8), r"shape \[2, 64, 64, 3\]"),
        (np.zeros((4, 64, 64), np.uint8), r"shape \[4, 64, 64\]"),
        (Image.fromarray(GREY.astype(np.uint16)), "mode I;16"),
        (Image.fromarray(GREY).convert("P"), "mode P"),
        (Image.fromarray(TRANSPARENT), "RGBA images with transparency"),
        (Image.fromarray(TINTED), "differ by up to 9 levels"),
        ("image.png", "gave str"),
    ],
    ids=range(13),
)
def test_what_is_ambiguous_is_refused_with_the_cure(sample, message):
    with pytest.raises(ValueError, match=message):
        encode_sample(sample)
