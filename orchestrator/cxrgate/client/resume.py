"""A stream's unanswered images: what a broken stream is resumed from."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from cxrgate.api.gate.v1 import gate_service_pb2 as pb
from cxrgate.client.errors import GateError
from cxrgate.client.types import Image, Verdict, from_answer

RESUME_SECONDS = 120.0
"""How long a gate may be away before a stream is given up."""

PAUSE_SECONDS = 0.5


class Unanswered:
    """Images that were sent and not answered, with their sequence numbers."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, *, return_image: bool = False) -> None:
        self._return_image = return_image
        self._images: deque[tuple[int, Image]] = deque()
        self._next = 1
        self._clock = clock
        self._gone_since: float | None = None

    def send(self, image: Image) -> None:
        """Count an image in; `after` gives its request."""
        self._images.append((self._next, image))
        self._next += 1

    def after(self, sequence: int) -> pb.CheckImagesRequest | None:
        """The first unanswered image's request with a larger number; a new stream begins after 0."""
        for number, image in self._images:
            if number > sequence:
                sent = pb.Image(image_id=image.image_id, content=image.content)
                return pb.CheckImagesRequest(sequence=number, image=sent, return_image=self._return_image)
        return None

    def answer(self, answer: pb.CheckImagesResponse) -> Verdict:
        """The verdict of an answer.

        Raises:
            GateError: the answer is not that of the image whose turn it is; nothing may be believed then.
        """
        self._gone_since = None
        if not self._images or self._images[0][0] != answer.sequence:
            raise GateError(
                "DATA_LOSS",
                "SEQUENCE",
                "the gate answered in another order than the images were sent: nothing of it is used",
            )
        _, image = self._images.popleft()
        return from_answer(image, answer)

    def may_resume(self, error: GateError) -> bool:
        """Whether a broken stream is worth another: the gate went away, and not for too long.

        A message that a breaking link no longer takes ends a stream as INTERNAL; the gate's own INTERNAL has a reason.
        """
        now = self._clock()
        if self._gone_since is None:
            self._gone_since = now
        gone = error.code == "UNAVAILABLE" or (error.code == "INTERNAL" and not error.reason)
        return gone and now - self._gone_since <= RESUME_SECONDS
