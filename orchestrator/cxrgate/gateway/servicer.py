"""GateService over the pipeline."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

from cxrgate.api.gate.v1 import gate_service_pb2 as pb
from cxrgate.api.gate.v1 import gate_service_pb2_grpc as stubs
from cxrgate.core import CallRefused
from cxrgate.gate.gates import Gates
from cxrgate.gateway.check import CheckService
from cxrgate.gateway.stream import answers
from cxrgate.rpc.admission import Admission
from cxrgate.rpc.guard import current_caller
from cxrgate.rpc.limits import IMAGE_BYTES, MIB
from cxrgate.rpc.server import Service

NAME = "cxrgate.api.gate.v1.GateService"
IN_FLIGHT = 256
"""Images in the service at once; unary calls above it are refused, streams wait."""

WINDOW = 32
STREAM_BYTES = 64 * MIB


def gate_service(gates: Gates, oracle: CheckService, in_flight: int = IN_FLIGHT) -> Service:
    """The service, for a Server."""
    return Service(NAME, GateServicer(gates, oracle, in_flight), stubs.add_GateServiceServicer_to_server)


class GateServicer(stubs.GateServiceServicer):
    """See the .proto file."""

    def __init__(self, gates: Gates, oracle: CheckService, in_flight: int) -> None:
        """Answer from the gate in force."""
        self._gates, self._oracle = gates, oracle
        self._admission = Admission(in_flight)

    async def GetPolicy(self, request: pb.GetPolicyRequest, context: Any) -> pb.GetPolicyResponse:
        """The policy in force."""
        gate = self._gates.current()
        policy = gate.policy
        shown = pb.Policy(
            digest=policy.digest,
            candidate_count=policy.candidates,
            score_threshold=policy.score_threshold,
            copy_threshold=policy.copy_threshold,
            certification=gate.certification,
        )
        return pb.GetPolicyResponse(policy=shown, image_bytes_limit=IMAGE_BYTES, stream_window=WINDOW)

    async def CheckImage(self, request: pb.CheckImageRequest, context: Any) -> pb.CheckImageResponse:
        """One image; refused at once when the service is full."""
        gate, caller = self._gates.current(), current_caller()
        with self._admission.now():
            self._oracle.quotas.take(caller)
            return pb.CheckImageResponse(verdict=await self._oracle.check(gate, caller, request.image))

    async def CheckImages(
        self, requests: AsyncIterator[pb.CheckImagesRequest], context: Any
    ) -> AsyncIterator[pb.CheckImagesResponse]:
        """A stream under one policy; slowed down when the service is full."""
        gate, caller = self._gates.current(), current_caller()

        async def check(request: pb.CheckImagesRequest) -> pb.CheckImagesResponse:
            async with self._admission.when_free():
                try:
                    verdict = await self._oracle.check(gate, caller, request.image)
                except CallRefused as error:
                    return _in_band(request, error)
                return pb.CheckImagesResponse(sequence=request.sequence, verdict=verdict)

        async def within_quota() -> AsyncIterator[pb.CheckImagesRequest]:
            async for request in _counted(requests):
                # In the order of the requests: what a used-up quota cuts off is the end.
                await self._oracle.quotas.wait(caller)
                yield request

        stream = answers(check, within_quota(), WINDOW, lambda item: len(item.image.content), STREAM_BYTES)
        async with aclosing(stream):
            async for answer in stream:
                yield answer

    async def GetEvidence(self, request: pb.GetEvidenceRequest, context: Any) -> pb.GetEvidenceResponse:
        """The evidence behind a receipt."""
        return pb.GetEvidenceResponse(evidence=await self._oracle.evidence(current_caller(), request.receipt))


async def _counted(requests: AsyncIterator[pb.CheckImagesRequest]) -> AsyncIterator[pb.CheckImagesRequest]:
    """Requests whose sequence goes up by one; another number ends the stream after the answers before it."""
    expected: int | None = None
    async for request in requests:
        if expected is not None and request.sequence != expected:
            message = f"expected sequence {expected}, got {request.sequence}"
            raise CallRefused("INVALID_ARGUMENT", "SEQUENCE", message)
        expected = request.sequence + 1
        yield request


def _in_band(request: pb.CheckImagesRequest, error: CallRefused) -> pb.CheckImagesResponse:
    told = pb.ImageError(image_id=request.image.image_id, code=error.code, reason=error.reason, message=error.message)
    return pb.CheckImagesResponse(sequence=request.sequence, error=told)
