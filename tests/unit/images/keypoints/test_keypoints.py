import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage
from support.fakes import picture

from cxrgate.core.keypoints import EXTENT, KEYPOINTS
from cxrgate.core.matching import agreeing_matches
from cxrgate.images.keypoints import find_keypoints

OLDER = {
    "OPENBLAS_CORETYPE": "Prescott",
    "OPENBLAS_NUM_THREADS": "2",
    "NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4 AVX512_ICL AVX512_SPR",
}
"""A processor of 2006, for numpy and its BLAS."""
FIND = """
import sys
import numpy as np
from cxrgate.images.keypoints import find_keypoints
print(find_keypoints(np.load(sys.argv[1])).to_row().tobytes().hex())
"""


def textured(seed, size=(256, 256)):
    """A picture with fine structure."""
    rng = np.random.default_rng(seed)
    fine = ndimage.gaussian_filter(rng.normal(size=size), 2)
    return np.clip(picture(seed, size) * 0.6 + 50 + 60 * fine / np.abs(fine).max(), 0, 255).astype(np.uint8)


def agreeing(one, other):
    return agreeing_matches(find_keypoints(one), [find_keypoints(other)], b"")[0]


CHANGES = {
    "turned": lambda p: ndimage.rotate(p, 30, reshape=False, order=1, mode="nearest"),
    "cropped": lambda p: p[60:220, 30:190],
    "smaller": lambda p: np.asarray(Image.fromarray(p).resize((128, 128), Image.Resampling.BOX)),
    "mirrored": lambda p: p[:, ::-1],
    "half": lambda p: np.concatenate([p[:, :128], textured(99)[:, 128:]], axis=1),
    "brighter": lambda p: np.minimum(p * 1.2, 255).astype(np.uint8),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_copy_agrees_where_others_do_not(name):
    pixels = textured(1)

    assert agreeing(CHANGES[name](pixels), pixels) > 43
    assert agreeing(CHANGES[name](textured(2)), pixels) < 15


def test_the_same_picture_has_the_same_keypoints_in_any_thread():
    pixels = [textured(i) for i in range(4)]
    alone = [find_keypoints(p).to_row() for p in pixels]
    with ThreadPoolExecutor(4) as pool:
        beside = [found.to_row() for found in pool.map(find_keypoints, pixels)]

    assert np.array_equal(alone, beside)


def test_another_processor_finds_the_same(tmp_path):
    np.save(tmp_path / "pixels.npy", textured(3))
    environment = {**os.environ, **OLDER, "PYTHONPATH": os.pathsep.join(sys.path)}
    told = subprocess.run(
        [sys.executable, "-c", FIND, str(tmp_path / "pixels.npy")], env=environment, capture_output=True, check=True
    )

    assert told.stdout.strip().decode() == find_keypoints(textured(3)).to_row().tobytes().hex()


@pytest.mark.parametrize("shape", [(1, 1), (1, 900), (900, 1), (3, 2000), (224, 224), (600, 900)])
def test_any_shape_has_places_within_the_extent(shape):
    noise = np.random.default_rng(1).integers(0, 256, shape).astype(np.uint8)
    found = find_keypoints(noise)

    assert len(found.places) <= KEYPOINTS
    assert (found.places < EXTENT).all()


@pytest.mark.parametrize("value", [0, 255])
def test_a_constant_picture_has_none(value):
    assert len(find_keypoints(np.full((300, 200), value, np.uint8)).places) == 0


def test_places_are_those_of_the_working_image():
    rows, columns = np.mgrid[:512, :512]
    spot = 128 + 100 * np.exp(-((columns - 300.5) ** 2 + (rows - 200.5) ** 2) / (2 * 10**2))
    place = find_keypoints(np.rint(spot).astype(np.uint8)).places[0]

    assert place == pytest.approx([150, 100], abs=0.6)
