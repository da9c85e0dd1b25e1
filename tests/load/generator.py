"""The program that offers load: a plan as JSON on its input, what came of each call as JSON on its output.

Calls of an open flow are sent when they are due, whatever is unanswered, and their latency counts from then: a server
that stalls is not spared the calls that would have come meanwhile. A closed flow has a number of calls open.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import numpy as np
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

from cxrgate.api.gate.v1 import gate_service_pb2 as pb
from cxrgate.rpc.channel import OPTIONS, Identity
from cxrgate.rpc.errors import DETAILS

METHOD = "/cxrgate.api.gate.v1.GateService/CheckImage"
DEADLINE = 20.0
"""Seconds, after which a call without an answer is an error."""

CONNECTIONS = 3
"""Per identity: a server takes 128 calls on one, and what is due must not wait here."""

AHEAD = 0.3
"""Seconds from the start of a flow to its first call."""


class Caller:
    """One identity: sends images and says what came back."""

    def __init__(self, channels: Sequence[grpc.aio.Channel], images: Sequence[bytes], expected: Sequence[Any]) -> None:
        self._calls = [channel.unary_unary(METHOD) for channel in channels]
        # A message that is cut in two, the parts merged by whoever reads it: the image is serialized once.
        self._images = [_request(content=content) for content in images]
        self._expected, self._count = expected, 0

    async def call(self, name: str) -> dict[str, Any]:
        """Check the next image; `kind` is answered, refused, error or wrong."""
        number = self._count
        self._count += 1
        place = number % len(self._images)
        image_id = f"{name}-{number}"
        request = self._images[place] + _request(image_id=image_id)
        try:
            content = await self._calls[number % len(self._calls)](request, timeout=DEADLINE)
        except grpc.aio.AioRpcError as error:
            return self._judged(place, refusal(error))
        verdict = pb.CheckImageResponse.FromString(content).verdict
        said = [verdict.decision, verdict.pixel_digest, verdict.policy_digest]
        if verdict.image_id != image_id:
            return {"kind": "wrong", "said": f"an answer for {verdict.image_id}"}
        return self._judged(place, {"kind": "answered", "said": said})

    def _judged(self, place: int, found: dict[str, Any]) -> dict[str, Any]:
        """An answer must be what the same image gets alone; that goes for a refused image too."""
        if not self._expected:
            return {**found, "place": place}
        is_answer = found["kind"] == "answered" or found["said"][0] == "INVALID_ARGUMENT"
        if is_answer and found["said"] != self._expected[place]:
            return {"kind": "wrong", "said": f"image {place} got {found['said']}, alone {self._expected[place]}"}
        return {**found, "kind": "answered"} if is_answer else found


def refusal(error: grpc.aio.AioRpcError) -> dict[str, Any]:
    """What the gate refused with: `refused` where it says when to come back, else `error`."""
    details = dict(error.trailing_metadata() or ()).get(DETAILS)
    reason, retry = "", None
    for detail in Status.FromString(details).details if isinstance(details, bytes) else ():
        info, delay = ErrorInfo(), RetryInfo()
        if detail.Unpack(info):
            reason = info.reason
        if detail.Unpack(delay):
            retry = delay.retry_delay.ToMilliseconds() / 1000
    refused = error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED and retry is not None
    said = [error.code().name, reason or error.details()]
    return {"kind": "refused" if refused else "error", "said": said, "retry": retry}


def arrivals(flow: dict[str, Any]) -> np.ndarray:
    """Seconds from the start at which calls are due, float64[n]."""
    count, rate = round(flow["rate"] * flow["seconds"]), flow["rate"]
    if flow["arrivals"] == "poisson":
        return np.cumsum(np.random.default_rng(flow.get("seed", 0)).exponential(1 / rate, count))
    if flow["arrivals"] == "burst":
        return np.repeat(np.arange(0, flow["seconds"], flow["every"]), flow["size"])
    return np.arange(count) / rate


async def open_flow(flow: dict[str, Any], caller: Caller, begin: float) -> list[dict[str, Any]]:
    """Send each call when it is due."""
    loop = asyncio.get_running_loop()

    async def one(due: float) -> dict[str, Any]:
        sent = loop.time()
        found = await caller.call(flow["name"])
        return {**found, "due": due - begin, "late": sent - due, "seconds": loop.time() - due}

    calls = []
    for due in begin + arrivals(flow):
        if (wait := due - loop.time()) > 0:
            await asyncio.sleep(wait)
        calls.append(asyncio.create_task(one(due)))
        if len(calls) % 16 == 0:
            await asyncio.sleep(0)
    return list(await asyncio.gather(*calls))


async def closed_flow(flow: dict[str, Any], caller: Caller, begin: float) -> list[dict[str, Any]]:
    """Have `outstanding` calls open for `seconds`, or until `count` have ended."""
    loop, found = asyncio.get_running_loop(), []

    async def go_on() -> None:
        while len(found) < flow.get("count", 10**9) and loop.time() < begin + flow.get("seconds", 10**9):
            sent = loop.time()
            told = await caller.call(flow["name"])
            found.append({**told, "due": sent - begin, "late": 0.0, "seconds": loop.time() - sent})

    await asyncio.gather(*[go_on() for _ in range(flow["outstanding"])])
    return found


@asynccontextmanager
async def callers(plan: dict[str, Any]) -> AsyncIterator[dict[str, Caller]]:
    """Those of the plan's flows, connected."""
    images = _files(Path(plan["images"]))
    # Without the retries of a policy; what a server never saw is sent again by gRPC itself, and is late then.
    kept = [option for option in OPTIONS if option[0] != "grpc.service_config"]
    options = [*kept, ("grpc.use_local_subchannel_pool", 1)]
    async with AsyncExitStack() as stack:
        found = {}
        for name in {flow["identity"] for flow in plan["flows"]}:
            credentials = Identity.read(Path(plan["certificates"]) / name).channel_credentials()
            opened = [grpc.aio.secure_channel(plan["address"], credentials, options) for _ in range(CONNECTIONS)]
            for channel in opened:
                await stack.enter_async_context(channel)
                await channel.channel_ready()
            found[name] = Caller(opened, images, plan["expected"])
        yield found


async def offer(plan: dict[str, Any]) -> dict[str, Any]:
    """Run all flows at once: records of each, by its name, and the processor time that this took."""
    async with callers(plan) as found:
        begin, used = asyncio.get_running_loop().time() + AHEAD, time.process_time()
        kinds = [closed_flow if flow["arrivals"] == "closed" else open_flow for flow in plan["flows"]]
        work = [kind(flow, found[flow["identity"]], begin) for kind, flow in zip(kinds, plan["flows"], strict=True)]
        records = await asyncio.gather(*work)
    names = [flow["name"] for flow in plan["flows"]]
    return {"flows": dict(zip(names, records, strict=True)), "processor_seconds": time.process_time() - used}


def _files(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted(folder.iterdir())]


def _request(**fields: Any) -> bytes:
    return pb.CheckImageRequest(image=pb.Image(**fields)).SerializeToString()


def main() -> None:
    """Read the plan, offer it, write what came of it."""
    plan = json.load(sys.stdin)
    os.sched_setaffinity(0, plan["cores"])
    gc.freeze()
    json.dump(asyncio.run(offer(plan)), sys.stdout)


if __name__ == "__main__":
    main()
