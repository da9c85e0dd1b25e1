import numpy as np
from support.fakes import picture

from cxrgate.gateway.probing import ALARM, NearDuplicates
from cxrgate.images.descriptors import weight_free


def described(pixels):
    return weight_free(pixels)[0]


def test_a_walk_around_one_image_is_noticed():
    rng = np.random.default_rng(0)
    alarm, base = NearDuplicates(), picture(0).astype(float)

    noticed = [
        alarm.notice("a", described(np.clip(base + rng.normal(0, 2, base.shape), 0, 255).astype(np.uint8)))
        for _ in range(60)
    ]
    assert noticed == [False] * ALARM + [True] * (60 - ALARM)


def test_different_images_are_not():
    alarm = NearDuplicates()

    assert not any(alarm.notice("a", described(picture(number))) for number in range(200))


def test_identities_are_counted_apart():
    alarm = NearDuplicates()

    assert not any(alarm.notice(f"caller{number % 3}", described(picture(0))) for number in range(3 * ALARM))


def test_what_was_forgotten_is_not_counted():
    alarm = NearDuplicates(remembered=10, alarm=11)

    assert not any(alarm.notice("a", described(picture(0))) for _ in range(100))
