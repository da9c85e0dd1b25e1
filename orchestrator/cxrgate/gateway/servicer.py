"""GateService: the check service, asked over gRPC."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from typing import Any
from weakref import WeakValueDictionary

from cxrgate.api.gate.v1 import gate_service_pb2 as pb
from cxrgate.api.gate.v1 import gate_service_pb2_grpc as stubs
from cxrgate.core import CallRefused, MediaType
from cxrgate.gate.gates import POLL_SECONDS
from cxrgate.gateway.check import NOT_CHECKED, CheckService, check_name
from cxrgate.gateway.records import CheckAnswer, ImageToCheck, RecordedEvidence
from cxrgate.gateway.stream import Limit, Unanswered, answers
from cxrgate.rpc.admission import Admission
from cxrgate.rpc.guard import current_caller
from cxrgate.rpc.limits import IMAGE_BYTES, MIB
from cxrgate.rpc.server import Service

NAME = "cxrgate.api.gate.v1.GateService"
IN_FLIGHT = 256
"""Images in the service at once, of one identity alone half of them; unary calls above are refused, streams wait."""

WINDOW = 32
STREAM = Limit(WINDOW, 64 * MIB)
"""What of one stream is read and not answered; the last image may go beyond it."""

STREAMS = Limit(IN_FLIGHT // 2, 256 * MIB)
"""What of all streams of one identity is: as many images as are checked of it at once. 32 streams that nobody read took
in 500 MB at once otherwise, and everybody waited for that."""

DECIMALS = 3
"""Of what reviewers are given: more helps nobody who reads, and somebody who probes."""

_MEDIA = {
    pb.MEDIA_TYPE_UNSPECIFIED: None,
    pb.MEDIA_TYPE_PNG: MediaType.PNG,
    pb.MEDIA_TYPE_JPEG: MediaType.JPEG,
    pb.MEDIA_TYPE_DICOM: MediaType.DICOM,
    pb.MEDIA_TYPE_TIFF: MediaType.TIFF,
    pb.MEDIA_TYPE_BMP: MediaType.BMP,
    pb.MEDIA_TYPE_WEBP: MediaType.WEBP,
    pb.MEDIA_TYPE_JPEG2000: MediaType.JPEG2000,
    pb.MEDIA_TYPE_NPY: MediaType.NPY,
}


def gate_service(service: CheckService, admission: Admission | None = None) -> Service:
    """The service, for a Server; `admission` counts the images in it over all doors, None for IN_FLIGHT of this one."""
    admission = admission or Admission(IN_FLIGHT)
    room = {"CheckImage": lambda caller: admission.require_room(caller.identity)}
    return Service(NAME, GateServicer(service, admission), stubs.add_GateServiceServicer_to_server, room)


class GateServicer(stubs.GateServiceServicer):
    """See the .proto file."""

    def __init__(self, service: CheckService, admission: Admission) -> None:
        """Answer from the gate in force."""
        self._service, self._admission = service, admission
        self._unanswered: WeakValueDictionary[str, Unanswered] = WeakValueDictionary()

    async def GetPolicy(self, request: pb.GetPolicyRequest, context: Any) -> pb.GetPolicyResponse:
        """The policy in force."""
        gate = self._service.gates.current()
        policy = gate.policy
        in_force = pb.Policy(
            digest=policy.digest,
            candidate_count=policy.candidates,
            score_threshold=policy.score_threshold or 0,
            standout_threshold=policy.standout_threshold,
            **{space.threshold: policy.threshold(space) for space in policy.searched},
            certification=gate.certification,
            release_side=policy.side,
            match_threshold=policy.match_threshold,
        )
        return pb.GetPolicyResponse(policy=in_force, image_bytes_limit=IMAGE_BYTES, stream_window=WINDOW)

    async def CheckImage(self, request: pb.CheckImageRequest, context: Any) -> pb.CheckImageResponse:
        """One image; refused at once when the service is full."""
        gate, caller = self._service.gates.current(), current_caller()
        with self._admission.now(caller.identity):
            self._service.quotas.take(caller)
            answer = await self._service.check(gate, caller, _from_proto(request))
            return pb.CheckImageResponse(verdict=_verdict(answer))

    async def CheckImages(
        self, requests: AsyncIterator[pb.CheckImagesRequest], context: Any
    ) -> AsyncIterator[pb.CheckImagesResponse]:
        """A stream under one policy; slowed down when the service is full."""
        gate, caller = self._service.gates.current(), current_caller()

        async def check(request: pb.CheckImagesRequest) -> pb.CheckImagesResponse:
            async with self._admission.when_free(caller.identity):
                try:
                    answer = await self._service.check(gate, caller, _from_proto(request))
                except CallRefused as error:
                    if error.reason == NOT_CHECKED and await self._service.is_replaced(gate):
                        raise _policy_lost() from error
                    return _in_band(request, error)
                return pb.CheckImagesResponse(sequence=request.sequence, verdict=_verdict(answer))

        async def within_quota() -> AsyncIterator[pb.CheckImagesRequest]:
            async for request in _counted(requests):
                # In the order of the requests: what a used-up quota cuts off is the end.
                await self._service.quotas.wait(caller)
                yield request

        unanswered = self._unanswered.setdefault(caller.identity, Unanswered(STREAMS))
        stream = answers(check, within_quota(), lambda item: len(item.image.content), STREAM, unanswered)
        async with aclosing(stream):
            async for answer in stream:
                yield answer

    async def GetEvidence(self, request: pb.GetEvidenceRequest, context: Any) -> pb.GetEvidenceResponse:
        """The evidence behind a receipt."""
        evidence = await self._service.evidence(current_caller(), request.receipt)
        return pb.GetEvidenceResponse(evidence=_evidence(evidence))


async def _counted(requests: AsyncIterator[pb.CheckImagesRequest]) -> AsyncIterator[pb.CheckImagesRequest]:
    """Requests whose sequence goes up by one; another number ends the stream after the answers before it."""
    expected: int | None = None
    async for request in requests:
        if expected is not None and request.sequence != expected:
            message = f"the sequence must go on with {expected}, this request has {request.sequence}"
            raise CallRefused("INVALID_ARGUMENT", "SEQUENCE", message)
        expected = request.sequence + 1
        yield request


def _policy_lost() -> CallRefused:
    """Ends a stream after the answers that it has: a new one goes on under the policy in force."""
    return CallRefused(
        "UNAVAILABLE", "POLICY_LOST", "another policy is in force, go on with a new stream", POLL_SECONDS
    )


def _in_band(request: pb.CheckImagesRequest, error: CallRefused) -> pb.CheckImagesResponse:
    image_error = pb.ImageError(
        image_id=request.image.image_id, code=error.code, reason=error.reason, message=error.message
    )
    return pb.CheckImagesResponse(sequence=request.sequence, error=image_error)


def _from_proto(request: pb.CheckImageRequest | pb.CheckImagesRequest) -> ImageToCheck:
    image = request.image
    check_name(image.image_id)  # said before anything else that is wrong
    if image.media_type not in _MEDIA:
        raise CallRefused("INVALID_ARGUMENT", "MEDIA_TYPE", "media_type must be one of this API's, or unspecified")
    return ImageToCheck(image.image_id, image.content, _MEDIA[image.media_type], request.return_image)


def _verdict(answer: CheckAnswer) -> pb.Verdict:
    return pb.Verdict(
        image_id=answer.image_id,
        decision=pb.Decision.Value(f"DECISION_{answer.decision}"),
        receipt=answer.receipt,
        policy_digest=answer.policy_digest,
        pixel_digest=answer.pixel_digest,
        image=answer.image,
    )


def _evidence(found: RecordedEvidence) -> pb.Evidence:
    evidence = pb.Evidence(
        receipt=found.receipt,
        image_id=found.image_id,
        decision=pb.Decision.Value(f"DECISION_{found.decision}"),
        reasons=found.reasons,
        score=_float(found.score),
        **_similarities(found.similarities),
        typicality=_float(found.typicality),
        frontality=None if found.frontality is None else _float(found.frontality),
        candidates=[
            pb.Candidate(
                reference_id=candidate.reference_id,
                patient_key=candidate.patient_key,
                distance=_float(candidate.distance),
                **_similarities(candidate.similarities),
                score=_float(candidate.score),
                matches=candidate.matches,
            )
            for candidate in found.candidates
        ],
        pixel_digest=found.pixel_digest,
        policy_digest=found.policy_digest,
        identity=found.identity,
        matches=found.matches,
    )
    evidence.check_time.FromDatetime(found.time)
    return evidence


def _similarities(found: Mapping[str, float | None]) -> Any:
    return {name: _float(value) for name, value in found.items()}


def _float(value: float | None) -> float:
    """A number of the wire, rounded; NaN stands for what is no number. The log has all digits."""
    return math.nan if value is None else round(value, DECIMALS)
