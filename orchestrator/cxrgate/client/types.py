"""What goes to a gate and comes back."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from cxrgate.api.gate.v1 import gate_service_pb2 as pb
from cxrgate.client.errors import GateError, ImageRefused, make_error
from cxrgate.client.given import expect_type


class Decision(StrEnum):
    """What the gate says. Only ANONYMOUS is ever released."""

    ANONYMOUS = "ANONYMOUS"
    NOT_ANONYMOUS = "NOT_ANONYMOUS"
    INDETERMINATE = "INDETERMINATE"


@dataclass(frozen=True, slots=True)
class Image:
    """One encoded image, PNG, JPEG or DICOM of at most 32 MiB.

    The id is yours to choose: 1 to 128 characters, each one of A-Z a-z 0-9 . _ -.

    Raises:
        TypeError: the content is no bytes or the id no str.
    """

    content: bytes = field(repr=False)
    image_id: str = "image"

    def __post_init__(self) -> None:
        expect_type("content", self.content, bytes, "the bytes of the encoded image")
        expect_type("image_id", self.image_id, str, "your name for the image")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was said of one image. `error` says why there was no answer; then the decision is INDETERMINATE.

    `pixel_digest` is the sha256 of the shape and the pixels that were judged. `png` holds just these, where they may go
    out and were asked for: keep it and not the bytes that were sent, which may hold what was not judged.
    """

    image_id: str
    decision: Decision
    receipt: str = ""
    policy_digest: str = ""
    error: GateError | None = None
    pixel_digest: str = ""
    png: bytes | None = field(default=None, repr=False)

    @property
    def released(self) -> bool:
        """Whether the image may go out."""
        return self.decision is Decision.ANONYMOUS and self.error is None


@dataclass(frozen=True, slots=True)
class GatePolicy:
    """What images are held against, and what the service accepts.

    Images above `release_side` pixels on the longer side are made smaller before they are judged; None: none are.
    An image of which `match_threshold` keypoints agree with those of an enrolled one is a copy; None: none are looked
    for.
    """

    digest: str
    certification: str
    image_bytes_limit: int
    stream_window: int
    release_side: int | None = None
    match_threshold: int | None = None


_DECISIONS = {
    pb.DECISION_ANONYMOUS: Decision.ANONYMOUS,
    pb.DECISION_NOT_ANONYMOUS: Decision.NOT_ANONYMOUS,
}


def from_verdict(image: Image, verdict: pb.Verdict) -> Verdict:
    """A verdict. What is unknown, unspecified or another image's is INDETERMINATE."""
    own = verdict.image_id == image.image_id
    decision = _DECISIONS.get(verdict.decision, Decision.INDETERMINATE) if own else Decision.INDETERMINATE
    png = (verdict.image or None) if decision is Decision.ANONYMOUS else None
    return Verdict(
        image.image_id, decision, verdict.receipt, verdict.policy_digest, pixel_digest=verdict.pixel_digest, png=png
    )


def from_answer(image: Image, answer: pb.CheckImagesResponse) -> Verdict:
    """The answer of a stream; an empty one is INDETERMINATE."""
    if answer.WhichOneof("outcome") == "verdict":
        return from_verdict(image, answer.verdict)
    told = answer.error
    error = make_error(told.code or "INTERNAL", told.reason, told.message)
    return Verdict(image.image_id, Decision.INDETERMINATE, error=error)


def from_policy(answer: pb.GetPolicyResponse) -> GatePolicy:
    """The policy in force."""
    policy = answer.policy
    return GatePolicy(
        policy.digest,
        policy.certification,
        answer.image_bytes_limit,
        answer.stream_window,
        release_side=policy.release_side if policy.HasField("release_side") else None,
        match_threshold=policy.match_threshold if policy.HasField("match_threshold") else None,
    )


def expect_image(item: object) -> None:
    """Raise TypeError where one of the images to check is none."""
    expect_type("each of images", item, Image, "made by Image(content, image_id)")


def to_request(image: Image, *, return_image: bool) -> pb.CheckImageRequest:
    """One image to check."""
    sent = pb.Image(image_id=image.image_id, content=image.content)
    return pb.CheckImageRequest(image=sent, return_image=return_image)


def refused_verdict(image: Image, error: GateError) -> Verdict:
    """The verdict on an image that the gate will never accept; any other error is raised."""
    if not isinstance(error, ImageRefused):
        raise error
    return Verdict(image.image_id, Decision.INDETERMINATE, error=error)


def judged_png(verdict: Verdict) -> bytes:
    """What may be kept of a released image.

    Raises:
        GateError: the gate returns no images, as those of version 0.1; nothing may be kept then.
    """
    if verdict.png is None:
        raise GateError("UNIMPLEMENTED", "NO_IMAGE", "the gate returned no image: it is of a version before 0.2")
    return verdict.png
