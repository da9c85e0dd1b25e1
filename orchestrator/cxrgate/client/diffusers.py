"""Samples of a diffusers pipeline for `generate_until`; nothing of diffusers is imported here.

Example:
    make_image = PipelineImages(pipeline, {"normal": {"class_labels": [0] * 8}, "effusion": {"class_labels": [1] * 8}})
    generated = generate_until(gate, {"normal": 500, "effusion": 500}, make_image)
"""

from __future__ import annotations

import io
from collections import deque
from collections.abc import Mapping
from typing import Any, Protocol


class Pipeline(Protocol):
    """A diffusers pipeline, as far as it is needed here."""

    def __call__(self, **arguments: Any) -> Any:
        """Sample: an output whose `images` are Pillow images."""
        ...


class PipelineImages:
    """Makes one encoded image of a class at a time from a pipeline that samples batches."""

    def __init__(self, pipeline: Pipeline, arguments: Mapping[str, Mapping[str, Any]]) -> None:
        """`arguments` holds, per class, what the pipeline is called with; a `generator` in it makes samples repeatable.

        Their length (of `class_labels`, `prompt` or whatever the pipeline takes) is the size of a batch.
        """
        self._pipeline = pipeline
        self._arguments = arguments
        self._waiting: dict[str, deque[bytes]] = {label: deque() for label in arguments}

    def __call__(self, label: str) -> bytes:
        """One more sample of the class, as a grey PNG: these bytes are what is checked, and what may go out.

        Raises:
            ValueError: the pipeline gave no image, or one that is not 8-bit grey or RGB.
        """
        waiting = self._waiting[label]
        if not waiting:
            waiting.extend(_png(image) for image in self._pipeline(**self._arguments[label]).images)
        if not waiting:
            raise ValueError(f"expected images of class {label!r} from the pipeline, got none")
        return waiting.popleft()


def _png(image: Any) -> bytes:
    mode = getattr(image, "mode", type(image).__name__)
    if mode not in {"L", "RGB"}:  # turning other modes grey may clip or drop what is in them
        raise ValueError(f"expected 8-bit grey or RGB Pillow images from the pipeline, got {mode}")
    content = io.BytesIO()
    image.convert("L").save(content, "PNG")
    return content.getvalue()
