"""The asynchronous client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator
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
    refused_verdict,
    to_request,
)
from cxrgate.rpc.channel import Identity, open_aio_channel
from cxrgate.rpc.limits import UNARY_SECONDS


class AsyncGate:
    """A gate; use as an asynchronous context manager, in one event loop."""

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
        self._channel = open_aio_channel(target, identity)
        self._stub: stubs.GateServiceAsyncStub = stubs.GateServiceStub(self._channel)
        self._seconds = seconds

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self._channel.close()

    async def policy(self) -> GatePolicy:
        """What images are held against; GateError as `check`."""
        try:
            return from_policy(await self._stub.GetPolicy(pb.GetPolicyRequest(), timeout=self._seconds))
        except grpc.RpcError as error:
            raise from_rpc(error) from error

    async def check(self, content: bytes, image_id: str = "image", *, return_image: bool = False) -> Verdict:
        """Check one encoded image.

        Args:
            content: the encoded bytes.
            image_id: your name for it.
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
            answer = await self._stub.CheckImage(to_request(image, return_image=return_image), timeout=self._seconds)
        except grpc.RpcError as error:
            return refused_verdict(image, from_rpc(error))
        return from_verdict(image, answer.verdict)

    async def check_many(self, images: AsyncIterable[Image], *, return_image: bool = False) -> AsyncIterator[Verdict]:
        """One verdict per image, in order; an image that cannot be checked has an error and is INDETERMINATE.

        A stream that breaks because the gate went away is resumed after the last answer.

        Raises:
            GateError: the gate does not come back, or refuses the stream.
            TypeError: one of `images` is no Image.
            Exception: whatever `images` raises.
        """
        source, waiting = _Source(images), Unanswered(return_image=return_image)
        while True:
            stream = self._stub.CheckImages(source.requests(waiting))
            try:
                async for answer in stream:
                    yield waiting.answer(answer)
                source.raise_own()
            except grpc.RpcError as error:
                source.raise_own()
                failure = from_rpc(error)
                if not waiting.may_resume(failure):
                    raise failure from error
                await asyncio.sleep(PAUSE_SECONDS)
            else:
                return
            finally:
                stream.cancel()


class _Source:
    """Images for one stream after another: what was asked for when a stream broke is not lost with it."""

    def __init__(self, images: AsyncIterable[Image]) -> None:
        self._images = aiter(images)
        self._next: asyncio.Future[Image | None] | None = None
        self._own: Exception | None = None

    def raise_own(self) -> None:
        """Raise what the caller's own images raised: gRPC says only that the call was broken off."""
        if self._own is not None:
            raise self._own

    async def requests(self, waiting: Unanswered) -> AsyncIterator[pb.CheckImagesRequest]:
        """A new stream's requests: those without an answer again, then more."""
        last = 0
        while True:
            request = waiting.after(last)
            if request is not None:
                last = request.sequence
                yield request
                continue
            image = await self._take()
            if image is None:
                return
            waiting.send(image)

    async def _take(self) -> Image | None:
        if self._next is None:
            self._next = asyncio.ensure_future(self._read())
        image = await asyncio.shield(self._next)
        self._next = None
        return image

    async def _read(self) -> Image | None:
        try:
            image = await anext(self._images, None)
            if image is not None:
                expect_image(image)
        except Exception as error:  # noqa: BLE001 - it is the caller's, who gets it back
            self._own = error
            return None
        return image
