"""How much of an object is read: counted in elements, not timed."""

import numpy as np
import pytest
from support.bad_dicoms import with_items, with_meta_elements, with_private_elements
from support.bad_images import dataset, dicom, pixels

from cxrgate.core import ImageError
from cxrgate.images.codec.dicom.counted import counted

MANY = 200_000


def read_heads(content, value=1, instead=None):
    with counted(content) as file:
        try:
            while file.read(8):
                file.read(value)
        except ImageError as error:
            raise instead or error from error
        if instead is not None:
            raise instead


@pytest.mark.parametrize("value", [1, 8])
@pytest.mark.parametrize("instead", [None, OSError("No tag to read at file position")])
def test_reading_ends_at_the_limit_and_says_so_whatever_is_raised_in_its_place(value, instead):
    with pytest.raises(ImageError) as caught:
        read_heads(bytes(16 * MANY), value, instead)

    assert caught.value.reason == "DICOM_STRUCTURE"


def test_other_errors_stay_what_they_are():
    with pytest.raises(OSError, match="of another kind"):
        read_heads(b"", instead=OSError("of another kind"))


@pytest.mark.parametrize("made", [with_private_elements, with_items])
def test_a_few_thousand_elements_are_read(made):
    assert np.array_equal(pixels(made(5_000)), pixels(dicom(dataset())))


def test_a_few_thousand_elements_of_the_meta_group_are_read():
    assert np.array_equal(pixels(with_meta_elements(2_000)), pixels(dicom(dataset())))
