"""DICOM files that must be refused, each with its reason, and what is read of odd ones."""

import contextlib

import numpy as np
import pytest
from pydicom.dataset import Dataset
from support.bad_dicoms import FULL, REFUSED, floating, long_text, with_length
from support.bad_images import (
    dataset,
    dicom,
    little_cost,
    pixels,
    reason,
    stored,
    with_syntax,
)

from cxrgate.core import ImageError, ImageRecord, MediaType
from cxrgate.images.codec.decode import decode
from cxrgate.images.codec.encode import encode_png


@pytest.mark.parametrize(("content", "expected"), REFUSED.values(), ids=REFUSED)
def test_refused_at_little_cost(content, expected):
    with little_cost(8 * len(content) + 20 * 2**20, 3):
        assert reason(content) == expected


@pytest.mark.parametrize("content", [FULL[128:], b"", bytes(200), b"text" * 100], ids=lambda c: f"D01 {len(c)}")
def test_without_preamble_or_mark(content):
    assert reason(content, MediaType.DICOM) == ("DICOM_HEADER" if content else "IMAGE_UNDECODABLE")


def test_every_cut_is_refused():
    made = dataset(stored()[:64, :64])
    content = dicom(made)
    found = {reason(content[:length]) for length in range(132, len(content), 5)}

    # At the end of an element the file looks whole, and tags are missing.
    assert found <= {"DICOM_TRUNCATED", "DICOM_TAGS"}
    assert {reason(content[:-length]) for length in range(1, 8000, 13)} == {"DICOM_TRUNCATED"}


@pytest.mark.parametrize("length", [0, 1, 3, 0xFFFF, 0xFFF0])
def test_d15_lengths_that_lie_are_refused(length):
    assert reason(with_length((0x0028, 0x0010), length)) in {"DICOM_TAGS", "DICOM_TRUNCATED"}


@pytest.mark.parametrize("start", [b"MZ\x90\0", b"\x7fELF", b"#!/bin/sh\n"], ids=["D16 MZ", "D16 ELF", "D16 script"])
def test_a_program_in_the_preamble_is_not_released(start):
    content = dicom(preamble=start.ljust(128, b"\0"))

    assert np.array_equal(pixels(content), pixels(FULL))
    assert start not in encode_png(pixels(content))


def test_d17_nothing_but_pixels_is_released():
    made = dataset(PatientName="DOE^JANE")
    made.add_new(0x00091001, "LO", "DOE private")
    made.add_new(0x60003000, "OW", b"DOE overlay!")
    icon = Dataset()
    icon.PixelData = b"DOE icon"
    icon["PixelData"].VR = "OB"
    made.IconImageSequence = [icon]
    content = dicom(made)

    assert content.count(b"DOE") == 4
    assert np.array_equal(pixels(content), pixels(FULL))
    assert b"DOE" not in encode_png(pixels(content))


def test_d18_view_and_body_part_are_judged_by_the_picture():
    assert np.array_equal(pixels(dicom(dataset(ViewPosition="LL", BodyPartExamined="HAND"))), pixels(FULL))


def test_neither_message_nor_log_repeats_a_value(caplog):
    files = [dicom(dataset(Modality="DOE^JANE")), long_text(0x0010, 0x0010, 2**17)]
    files += [dicom(dataset(PhotometricInterpretation="DOE^JANE")), with_syntax("1.2.3.4.5"), floating(np.nan)]
    caplog.clear()
    for content in files:
        with pytest.raises(ImageError) as caught:
            decode(ImageRecord("a", content))
        assert not any(word in caught.value.message + caplog.text for word in ("DOE", "AAAA", "1.2.3", "nan"))


def test_any_damaged_byte_gives_a_picture_or_a_reason():
    rng = np.random.default_rng(0)
    content = dicom(
        dataset(stored()[:64, :64], WindowCenter=2000, WindowWidth=3000, RescaleSlope=2, RescaleIntercept=1)
    )
    for _ in range(400):
        damaged = bytearray(content)
        for position in rng.integers(128, len(content) - 64 * 64 * 2, rng.integers(1, 5)):
            damaged[position] = rng.integers(0, 256)
        # Any other exception fails here.
        with contextlib.suppress(ImageError):
            assert pixels(bytes(damaged)).dtype == np.uint8
