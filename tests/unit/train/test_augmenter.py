import numpy as np
import pytest
import torch
from support.fakes import picture
from support.training_sets import STILL

from cxrgate.train.augmentation import Augmentation
from cxrgate.train.augmenter import Augmenter

SIDE = 64
COUNT = 48


@pytest.fixture(scope="module")
def pixels():
    return torch.from_numpy(np.stack([picture(seed, (SIDE, SIDE)) for seed in range(COUNT)]))


def _changed(pixels, seed=0, side=SIDE, **switches):
    """What an augmentation with only these switches on gives, float32[n, side, side]."""
    augmentation = STILL.model_copy(update=switches)
    return Augmenter(augmentation)(pixels, side, torch.Generator().manual_seed(seed))[:, 0]


def _plain(pixels):
    return pixels.to(torch.float32) / 255


def _share(changed, pixels):
    """Of images that differ from the plain ones."""
    return float(((changed - _plain(pixels)).abs().amax((1, 2)) > 0.01).to(torch.float32).mean())


def test_the_result_has_the_input_size_and_grey_values_of_0_to_1(pixels):
    strong = Augmentation(flip=0.5, invert=0.5, blend=0.5, noise=0.3, erase=1, jpeg=1, resolution=1, smallest=16)
    result = Augmenter(strong)(pixels, 48, torch.Generator().manual_seed(1))
    assert result.shape == (COUNT, 1, 48, 48)
    assert result.dtype == torch.float32
    assert result.min() >= 0
    assert result.max() <= 1


def test_equal_generators_give_equal_images_and_others_do_not(pixels):
    first, again, other = (
        Augmenter(Augmentation())(pixels, SIDE, torch.Generator().manual_seed(seed)) for seed in (3, 3, 4)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_the_images_given_are_left_as_they_are(pixels):
    before = pixels.clone()
    Augmenter(Augmentation())(pixels, SIDE, torch.Generator().manual_seed(0))
    assert torch.equal(pixels, before)


def test_without_any_range_nothing_changes(pixels):
    assert torch.allclose(_changed(pixels), _plain(pixels), atol=1e-3)


def test_a_flip_mirrors_left_and_right(pixels):
    assert torch.allclose(_changed(pixels, flip=1.0), _plain(pixels).flip(2), atol=1e-3)


def test_a_share_of_flips_is_a_share_of_images(pixels):
    assert _share(_changed(pixels, flip=0.5), pixels) == pytest.approx(0.5, abs=0.25)


def test_inverting_turns_black_into_white(pixels):
    assert torch.allclose(_changed(pixels, invert=1.0), 1 - _plain(pixels), atol=1e-3)


def test_a_visible_part_of_half_a_side_is_the_centre_enlarged(pixels):
    large = _changed(pixels, zoom=(0.5, 0.5))
    centre = _plain(pixels)[:, SIDE // 4 : -SIDE // 4, SIDE // 4 : -SIDE // 4]
    reduced = torch.nn.functional.avg_pool2d(large, 2)
    assert torch.allclose(reduced, centre, atol=0.03)


def test_rotation_leaves_the_centre_and_moves_the_edge(pixels):
    difference = (_changed(pixels, rotation=20) - _plain(pixels)).abs().mean(0)
    assert difference[SIDE // 2 - 2 : SIDE // 2 + 2, SIDE // 2 - 2 : SIDE // 2 + 2].mean() < difference.mean() / 2


def test_a_shift_moves_by_at_most_its_share_of_half_a_side():
    dot = torch.zeros(COUNT, SIDE, SIDE, dtype=torch.uint8)
    dot[:, SIDE // 2, SIDE // 2] = 255
    moved = _changed(dot, shift=0.25).flatten(1).argmax(1)
    distance = torch.stack([moved // SIDE, moved % SIDE]) - SIDE // 2
    assert 4 < distance.abs().max() <= SIDE / 2 * 0.25 + 1


def test_an_aspect_stretches_one_side_and_shrinks_the_other():
    square = torch.zeros(COUNT, SIDE, SIDE, dtype=torch.uint8)
    square[:, 24:40, 24:40] = 255
    stretched = _changed(square, aspect=0.3)
    high, wide = stretched.sum(1).amax(1), stretched.sum(2).amax(1)
    assert torch.allclose(high * wide, torch.tensor(256.0), rtol=0.1)
    assert (high / wide).max() > 1.3


@pytest.mark.parametrize("switch", ["gamma", "contrast"])
def test_gamma_and_contrast_keep_the_order_of_grey_values(pixels, switch):
    # Below 1 only: what the range pushes beyond white is one value.
    dark = pixels // 4 + 64
    before, after = _plain(dark), _changed(dark, **{switch: 0.3})
    assert _share(after, dark) > 0.5
    for plain, changed in zip(before, after, strict=True):
        order = plain.ravel().argsort()
        assert (changed.ravel()[order].diff() > -2e-3).all()


def test_brightness_adds_one_number_to_an_image(pixels):
    dark = pixels // 4 + 96
    difference = _changed(dark, brightness=0.2) - _plain(dark)
    assert difference.abs().max() <= 0.2 + 1e-3
    assert torch.allclose(difference.std((1, 2)), torch.tensor(0.0), atol=1e-3)
    assert difference.mean((1, 2)).std() > 0.05


def test_shading_is_smooth_and_in_about_half_of_the_images(pixels):
    dark = pixels // 4 + 96
    difference = _changed(dark, shading=0.06) - _plain(dark)
    assert 0.2 < _share(_changed(dark, shading=0.06), dark) < 0.8
    assert difference.diff(dim=2).abs().max() < 0.03


def test_noise_is_white_and_in_about_a_third_of_the_images(pixels):
    dark = pixels // 4 + 96
    difference = _changed(dark, noise=0.1) - _plain(dark)
    deviations = difference.std((1, 2))
    assert 0.1 < float((deviations > 1e-3).to(torch.float32).mean()) < 0.6
    assert deviations.max() <= 0.11
    noisy = difference[deviations.argmax()]
    assert abs(np.corrcoef(noisy[:, :-1].ravel(), noisy[:, 1:].ravel())[0, 1]) < 0.1


def test_lost_resolution_takes_the_finest_details():
    generator = torch.Generator().manual_seed(0)
    fine = torch.randint(0, 256, (8, SIDE, SIDE), generator=generator, dtype=torch.uint8)
    reduced = _changed(fine, resolution=1.0, smallest=16)
    assert reduced.std((1, 2)).max() < 0.8 * _plain(fine).std()


def test_no_resolution_is_lost_below_the_smallest_size(pixels):
    assert torch.allclose(_changed(pixels, resolution=1.0, smallest=SIDE), _plain(pixels), atol=1e-3)


def test_low_jpeg_quality_changes_images_more(pixels):
    low, high = (
        (_changed(pixels, jpeg=1.0, quality=(quality, quality)) - _plain(pixels)).abs().mean() for quality in (5, 95)
    )
    assert low > 3 * high > 0


def test_erasing_puts_one_box_of_one_value(pixels):
    for before, after in zip(_plain(pixels), _changed(pixels, erase=1.0), strict=True):
        rows, columns = torch.where((after - before).abs() > 2e-3)
        box = after[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
        assert max(box.shape) <= SIDE // 4
        assert box.max() - box.min() < 2e-3 + 1e-3


def test_blending_adds_5_to_30_percent_of_another_image(pixels):
    plain = _plain(pixels)
    other = plain.roll(1, 0)
    difference = _changed(pixels, blend=1.0) - plain
    weights = (difference * (other - plain)).sum((1, 2)) / (other - plain).square().sum((1, 2))
    assert weights.min() > 0.04
    assert weights.max() < 0.31
    assert torch.allclose(difference, weights[:, None, None] * (other - plain), atol=2e-3)
