"""The synchronous client: what a generator's loop calls."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Self

import grpc

from cxrgate.api.gate.v1 import gate_service_pb2 as pb
from cxrgate.api.gate.v1 import gate_service_pb2_grpc as stubs
from cxrgate.client.errors import from_rpc
from cxrgate.client.given import expect_target
from cxrgate.client.resume import PAUSE_SECONDS, Unanswered
from cxrgate.client.types import (
    GatePolicy,
    Image,
    Verdict,
    expect_image,
    from_policy,
    from_verdict,
    judged_png,
    refused_verdict,
    to_request,
)
from cxrgate.rpc.channel import Identity, open_channel
from cxrgate.rpc.limits import UNARY_SECONDS


class Gate:
    """A gate; use as a context manager. AsyncGate has the same for an event loop."""

    def __init__(self, target: str, identity: Identity, seconds: float = UNARY_SECONDS) -> None:
        """Open a channel; it connects with the first call.

        Args:
            target: HOST:PORT of the gate; HOST must be in its certificate.
            identity: the caller's, as Identity.read gives it.
            seconds: the longest that one unary call may take, retries included.

        Raises:
            ValueError: the target is a URL.
        """
        expect_target(target)
        self._channel = open_channel(target, identity)
        self._stub = stubs.GateServiceStub(self._channel)
        self._seconds = seconds

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._channel.close()

    def policy(self) -> GatePolicy:
        """What images are held against, and what the service accepts.

        Raises:
            GateError: the gate does not answer or refuses the call; see errors for the kinds.
        """
        try:
            return from_policy(self._stub.GetPolicy(pb.GetPolicyRequest(), timeout=self._seconds))
        except grpc.RpcError as error:
            raise from_rpc(error) from error

    def check(self, content: bytes, image_id: str = "image", *, return_image: bool = False) -> Verdict:
        """Check one encoded image.

        Args:
            content: the encoded bytes.
            image_id: your name for it: 1 to 128 characters, each one of A-Z a-z 0-9 . _ -.
            return_image: have `png` in the verdict of an image that may go out.

        Returns:
            The verdict; that on an image which the gate will never accept is INDETERMINATE and says so in `error`, as
            in check_many.

        Raises:
            GateError: the gate gives no verdict on any image now; see errors for the kinds.
            TypeError: the content is no bytes or the id no str.
        """
        image = Image(content, image_id)
        try:
            answer = self._stub.CheckImage(to_request(image, return_image=return_image), timeout=self._seconds)
        except grpc.RpcError as error:
            return refused_verdict(image, from_rpc(error))
        return from_verdict(image, answer.verdict)

    def check_many(self, images: Iterable[Image], *, return_image: bool = False) -> Iterator[Verdict]:
        """Check many images over one stream, which is resumed after the last answer where the gate went away.

        Args:
            images: read from a thread of gRPC's, a few ahead of the answers.
            return_image: have `png` in the verdicts of images that may go out.

        Yields:
            One verdict per image, in order; an image that cannot be checked has an error and is INDETERMINATE.

        Raises:
            GateError: the gate does not come back, or refuses the stream.
            TypeError: one of `images` is no Image.
            Exception: whatever `images` raises.
        """
        source, waiting = _Shared(images), Unanswered(return_image=return_image)
        while True:
            stream = self._stub.CheckImages(source.requests(waiting))
            try:
                for answer in stream:
                    with source.lock:
                        verdict = waiting.answer(answer)
                    yield verdict
                source.raise_own()
            except grpc.RpcError as error:
                source.raise_own()
                failure = from_rpc(error)
                if not waiting.may_resume(failure):
                    raise failure from error
                time.sleep(PAUSE_SECONDS)
            else:
                return
            finally:
                stream.cancel()

    def filter(self, images: Iterable[bytes]) -> Iterator[bytes]:
        """The images that may be released, each as a PNG of the very pixels that were judged.

        One that cannot be checked is left out; errors as check_many and judged_png.
        """
        named = (Image(content, str(number)) for number, content in enumerate(images))
        for verdict in self.check_many(named, return_image=True):
            if verdict.released:
                yield judged_png(verdict)


class _Shared:
    """Images that the threads of one stream after another read from; an image that one took is not lost with it."""

    def __init__(self, images: Iterable[Image]) -> None:
        self._source = iter(images)
        self._reading = threading.Lock()
        self._stream = 0
        self._own: Exception | None = None
        self.lock = threading.Lock()

    def raise_own(self) -> None:
        """Raise what the caller's own images raised: gRPC says only that the call was broken off."""
        if self._own is not None:
            raise self._own

    def requests(self, waiting: Unanswered) -> Iterator[pb.CheckImagesRequest]:
        """A new stream's requests: those without an answer again, then more. A stream before it stops reading."""
        with self.lock:
            self._stream += 1
            return self._each(self._stream, waiting)

    def _each(self, stream: int, waiting: Unanswered) -> Iterator[pb.CheckImagesRequest]:
        last = 0
        while stream == self._stream:
            with self.lock:
                request = waiting.after(last)
            if request is not None:
                last = request.sequence
                yield request
            elif not self._read(stream, waiting, last):
                return

    def _read(self, stream: int, waiting: Unanswered, last: int) -> bool:
        """Take one more image in, unless another stream did meanwhile; False at the end."""
        with self._reading:
            with self.lock:
                if stream != self._stream or waiting.after(last) is not None:
                    return True
            try:
                image = next(self._source, None)
                if image is not None:
                    expect_image(image)
            except Exception as error:  # noqa: BLE001 - it is the caller's, who gets it back
                self._own = error
                return False
            if image is None:
                return False
            with self.lock:
                waiting.send(image)
            return True
