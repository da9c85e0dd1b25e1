import numpy as np
import pytest
from support.fakes import picture

from cxrgate.images.keypoints.evening import even


def test_a_constant_image_stays_constant():
    assert len(np.unique(even(np.full((256, 256), 90, np.uint8)))) == 1


@pytest.mark.parametrize("shape", [(1, 1), (7, 300), (256, 313), (250, 257)])
def test_any_shape_is_kept(shape):
    assert even(picture(1, shape) if min(shape) > 1 else np.zeros(shape, np.uint8)).shape == shape


def test_faint_parts_get_contrast():
    pixels = picture(1, (256, 256))
    faint = (100 + pixels // 16).astype(np.uint8)

    assert even(faint).std() > 1.4 * faint.std()


def test_tables_change_gradually_from_tile_to_tile():
    ramp = np.tile(np.arange(256, dtype=np.uint8), (256, 1))

    assert np.abs(np.diff(even(ramp).astype(int), axis=1)).max() <= 8
