"""Stored values to grey levels: what each tag of a radiograph does to the picture, against values worked out here."""

import numpy as np
import pytest
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from support.bad_images import SIDE, dataset, dicom, look_up_table, pixels, stored

RAMP = np.rint(stored() / 4095 * 255).astype(np.uint8)


def shown(values=None, **tags):
    return pixels(dicom(dataset(values, **tags)))


def grey(share):
    return np.rint(np.clip(share, 0, 1) * 255).astype(np.uint8)


def test_12_bits_in_16_cover_the_grey_levels():
    assert np.array_equal(shown(), RAMP)


def test_monochrome1_is_inverted():
    assert np.array_equal(shown(PhotometricInterpretation="MONOCHROME1"), 255 - RAMP)


@pytest.mark.parametrize("written", ["monochrome1", " Monochrome1 "])
@pytest.mark.parametrize("window", [{}, {"WindowCenter": 2048, "WindowWidth": 4096}])
def test_monochrome1_is_inverted_however_it_is_written(written, window):
    assert np.array_equal(shown(PhotometricInterpretation=written, **window), 255 - RAMP)


@pytest.mark.parametrize(
    ("photometric", "shape"), [("MONOCHROME1", "INVERSE"), ("MONOCHROME2", "IDENTITY"), ("MONOCHROME2", " identity")]
)
def test_the_usual_shape_of_the_presentation_lut_changes_nothing(photometric, shape):
    found = shown(PhotometricInterpretation=photometric, PresentationLUTShape=shape)

    assert np.array_equal(found, shown(PhotometricInterpretation=photometric))
    assert np.array_equal(found, shown(PhotometricInterpretation=photometric, PresentationLUTShape=""))


def test_an_intercept_alone_counts():
    found = shown(RescaleIntercept=-1000, WindowCenter=1048, WindowWidth=4096)

    assert np.array_equal(found, shown(WindowCenter=2048, WindowWidth=4096))


def test_without_a_window_the_pixels_range_counts():
    values = 1000 + stored() // 4

    assert np.array_equal(shown(values), grey((values - 1000) / 1023))


@pytest.mark.parametrize("bits", [8, 10, 14, 16])
def test_every_depth(bits):
    values = stored(bits)

    assert np.array_equal(shown(values, BitsStored=bits, HighBit=bits - 1), grey(values / (2**bits - 1)))


def test_8_bits_allocated():
    values = stored(8)

    assert np.array_equal(shown(values, allocated=8), values)


@pytest.mark.parametrize("syntax", [None, ImplicitVRLittleEndian])
def test_signed(syntax):
    values = stored() - 2048
    made = dataset(values, signed=True, PixelPaddingValue=-2048)
    kept = values != -2048
    expected = np.where(kept, grey((values - values[kept].min()) / (2047 - values[kept].min())), 0)

    assert np.array_equal(pixels(dicom(made, syntax) if syntax else dicom(made)), expected)


def test_implicit_and_explicit_are_the_same():
    made = dataset(WindowCenter=1000, WindowWidth=900, RescaleSlope=2, RescaleIntercept=-5, PixelPaddingValue=7)

    assert np.array_equal(pixels(dicom(made, ImplicitVRLittleEndian)), pixels(dicom(made)))


def test_window_clips_and_scales():
    # DICOM PS3.3 C.11.2.1.2.1
    expected = grey((stored() - (1000 - 0.5)) / (800 - 1) + 0.5)

    assert np.array_equal(shown(WindowCenter=1000, WindowWidth=800), expected)


def test_window_counts_where_no_pixel_reaches_its_ends():
    values = 1500 + stored() // 8
    expected = grey((values - (2048 - 0.5)) / (4096 - 1) + 0.5)

    assert np.array_equal(shown(values, WindowCenter=2048, WindowWidth=4096), expected)
    assert expected.min() > 80
    assert expected.max() < 140


def test_first_of_several_windows_counts():
    several = shown(WindowCenter=[1000, 3000], WindowWidth=[800, 100])

    assert np.array_equal(several, shown(WindowCenter=1000, WindowWidth=800))


def test_sigmoid_window():
    expected = grey(1 / (1 + np.exp(-4 * (stored() - 2000) / 900)))

    assert np.array_equal(shown(WindowCenter=2000, WindowWidth=900, VOILUTFunction="SIGMOID"), expected)


def test_window_applies_to_rescaled_values():
    expected = grey((stored() * 2 - 100 - (3000 - 0.5)) / (800 - 1) + 0.5)

    assert np.array_equal(shown(WindowCenter=3000, WindowWidth=800, RescaleSlope=2, RescaleIntercept=-100), expected)


@pytest.mark.parametrize("window", [{}, {"WindowCenter": -2000, "WindowWidth": 4096}])
def test_negative_slope_turns_the_values_round(window):
    expected = grey((-stored() - (-2000 - 0.5)) / (4096 - 1) + 0.5) if window else grey(1 - stored() / 4095)

    assert np.array_equal(shown(RescaleSlope=-1, RescaleIntercept=0, **window), expected)


def test_voi_lut_is_used_before_a_window():
    entries = [(value * value) >> 8 for value in range(4096)]
    made = dataset(WindowCenter=10, WindowWidth=10)
    made.VOILUTSequence = [look_up_table(entries, 16)]

    assert np.array_equal(pixels(dicom(made)), grey(np.asarray(entries)[stored()] / max(entries)))


def test_voi_lut_begins_where_it_says():
    entries = list(range(0, 1000, 2))
    made = dataset()
    made.VOILUTSequence = [look_up_table(entries, 10, first=2000)]

    assert np.array_equal(pixels(dicom(made)), grey(np.clip(stored() - 2000, 0, 499) / 499))


@pytest.mark.parametrize("kind", ["VOILUTSequence", "ModalityLUTSequence"])
def test_long_lut_of_8_bits_is_not_wrapped(kind):
    made = dataset()
    setattr(made, kind, [look_up_table([value // 16 for value in range(4096)], 8)])

    assert np.array_equal(pixels(dicom(made)), stored() // 16)


@pytest.mark.parametrize(("bits", "kind"), [(16, ">u2"), (16, "<u2"), (8, "u1")])
def test_entries_of_other_words_are_read_in_the_order_of_the_file(bits, kind):
    entries = (np.arange(4096) * 16 if bits == 16 else np.arange(4096) // 16).astype(kind)
    made = dataset()
    made.VOILUTSequence = [look_up_table([], bits)]
    item = made.VOILUTSequence[0]
    item.LUTDescriptor = [4096, 0, bits]
    item.add_new("LUTData", "OW", entries.tobytes())
    syntax = ExplicitVRBigEndian if kind == ">u2" else ExplicitVRLittleEndian
    if kind == ">u2":
        made.PixelData = np.frombuffer(made.PixelData, "<u2").astype(">u2").tobytes()

    assert np.array_equal(pixels(dicom(made, syntax)), grey(entries.astype(int)[stored()] / entries.max()))


def test_lut_of_65536_entries():
    made = dataset(stored(16), BitsStored=16, HighBit=15)
    made.ModalityLUTSequence = [look_up_table(list(range(65_535, -1, -1)), 16)]

    assert np.array_equal(pixels(dicom(made)), grey(1 - stored(16) / 65_535))


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_padding_is_black_and_outside_the_range(photometric):
    values = 500 + stored() // 4
    values[:10], values[10:20] = 0, 4095
    made = dataset(values, PhotometricInterpretation=photometric, PixelPaddingValue=4095)
    inner = (values[20:] - values[20:].min()) / np.ptp(values[20:])
    made.PixelPaddingRangeLimit = 4095
    black = pixels(dicom(made))
    made.PixelPaddingValue, made.PixelPaddingRangeLimit = 0, 0

    assert not black[10:20].any()
    assert not pixels(dicom(made))[:10].any()
    values[10:20] = 0
    made = dataset(values, PhotometricInterpretation=photometric, PixelPaddingValue=0)
    expected = grey(1 - inner if photometric == "MONOCHROME1" else inner)
    assert np.array_equal(pixels(dicom(made)), np.vstack([np.zeros((20, SIDE)), expected]))


def test_range_of_padding():
    values = 500 + stored() // 4
    values[:10] = np.arange(100, 110)[:, None]
    found = shown(values, PixelPaddingValue=100, PixelPaddingRangeLimit=109)

    assert not found[:10].any()
    assert np.array_equal(found[10:], grey((values[10:] - values[10:].min()) / np.ptp(values[10:])))


def test_one_value_everywhere():
    assert not shown(np.full((SIDE, SIDE), 77)).any()
    assert not shown(np.full((SIDE, SIDE), 77), PixelPaddingValue=77).any()


def test_bytes_beyond_the_picture_are_not_read():
    made = dataset()
    made.PixelData += bytes(1000)

    assert np.array_equal(pixels(dicom(made)), RAMP)
