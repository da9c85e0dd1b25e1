"""Samples of a diffusers pipeline for `generate_until`; nothing of diffusers is imported here.

Example:
    make_image = PipelineImages(pipeline, {"normal": {"class_labels": [0] * 8}, "effusion": {"class_labels": [1] * 8}})
    generated = generate_until(gate, {"normal": 500, "effusion": 500}, make_image)
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any, Protocol

from cxrgate.client.encode import encode_sample


class Pipeline(Protocol):
    """A diffusers pipeline, as far as it is needed here."""

    def __call__(self, **arguments: Any) -> Any:
        """Sample: an output whose `images`, or whose first item, are the images."""
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
        """One more sample of the class, as a grey PNG: these bytes are what is checked.

        Raises:
            ValueError: the pipeline gave no image, or one that encode_sample does not take.
        """
        waiting = self._waiting[label]
        if not waiting:
            waiting.extend(encode_sample(image) for image in _images(self._pipeline(**self._arguments[label])))
        if not waiting:
            raise ValueError(f"the pipeline gave no image of class {label!r}")
        return waiting.popleft()


def _images(output: Any) -> Any:
    """The images of an output, or of the tuple that `return_dict=False` gives."""
    return output[0] if isinstance(output, tuple) else output.images
