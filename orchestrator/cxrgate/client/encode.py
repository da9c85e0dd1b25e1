"""One sample of a generator as a grey PNG: Pillow images, numpy arrays and torch tensors whose range is unambiguous.

Neither numpy nor torch is imported: whoever has such an array has its library. Pillow is needed for all of them.
"""

from __future__ import annotations

import io
from typing import Any

GREY_TOLERANCE = 8
"""Levels by which the channels of a grey picture may differ, as the gate has it; a tinted picture differs by more."""


def encode_sample(sample: Any) -> bytes:
    """Encode a sample as an 8-bit grey PNG without loss.

    Args:
        sample: a Pillow image of mode L, RGB or, where it is opaque, RGBA and LA; an array [h, w], [h, w, c] or
            [c, h, w] of one or three channels, uint8 or floats in 0 to 1, of numpy or torch.

    Raises:
        ValueError: another mode, shape, type or range, transparency, or colour; the message says what to do.
    """
    from PIL import Image  # noqa: PLC0415 - only generators have Pillow, the client alone needs no image library

    image = sample if isinstance(sample, Image.Image) else Image.fromarray(_to_bytes(sample))
    content = io.BytesIO()
    _grey(image).save(content, "PNG")
    return content.getvalue()


def _grey(image: Any) -> Any:
    if image.mode in {"RGBA", "LA"}:
        if image.getchannel("A").getextrema() != (255, 255):
            raise ValueError(f"the pipeline gave {image.mode} images with transparency: put them on a background first")
        image = image.convert("RGB" if image.mode == "RGBA" else "L")
    if image.mode == "L":
        return image
    if image.mode != "RGB":
        raise ValueError(f"the pipeline gave Pillow images of mode {image.mode}: convert them to 8-bit grey (mode L)")
    spread = max(_difference(image.getchannel(one), image.getchannel(other)) for one, other in ("RG", "GB", "RB"))
    if spread > GREY_TOLERANCE:
        raise ValueError(
            f"the pipeline gave colour images, whose channels differ by up to {spread} levels: convert them to grey"
        )
    return image.convert("L")  # ITU-R 601, as the gate does


def _difference(one: Any, other: Any) -> int:
    from PIL import ImageChops  # noqa: PLC0415 - see encode_sample

    extrema: Any = ImageChops.difference(one, other).getextrema()
    return int(extrema[1])


def _to_bytes(sample: Any) -> Any:
    """uint8[h, w] or uint8[h, w, 3] of the sample's own library, which Pillow reads."""
    array = sample.detach().cpu().numpy() if hasattr(sample, "detach") else sample
    if not hasattr(array, "dtype") or not hasattr(array, "ndim"):
        raise ValueError(
            f"the pipeline gave {type(sample).__name__}: expected Pillow images, numpy arrays or torch tensors"
        )
    array = _channels_last(array)
    if array.dtype.kind == "u" and array.dtype.itemsize == 1:
        return array
    if array.dtype.kind != "f":
        raise ValueError(f"the pipeline gave {array.dtype} arrays, whose range is not known: convert them to uint8")
    low, high = float(array.min()), float(array.max())
    if not 0 <= low <= high <= 1:  # NaN is neither
        raise ValueError(
            f"the pipeline gave floats from {low:g} to {high:g}: scale them to 0 to 1, and let none be NaN"
        )
    return (array * 255).round().astype("uint8")


def _channels_last(array: Any) -> Any:
    """[h, w] or [h, w, 3]."""
    shape = tuple(array.shape)
    if array.ndim == 3 and shape[0] in {1, 3} and shape[2] not in {1, 3}:
        array = array.transpose(1, 2, 0)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if array.ndim != 2 and not (array.ndim == 3 and array.shape[2] == 3):
        raise ValueError(f"the pipeline gave arrays of shape {list(shape)}: expected one or three channels")
    return array
