"""What is said over HTTPS, in JSON: the values of the gRPC API under the same names."""

from __future__ import annotations

from base64 import b64encode

from pydantic import BaseModel, ConfigDict, Field

from cxrgate.core import Decision, MediaType, Policy
from cxrgate.core.spaces import THRESHOLDS
from cxrgate.gateway.records import CheckAnswer

MEDIA_TYPES = {
    "application/octet-stream": None,
    "image/png": MediaType.PNG,
    "image/jpeg": MediaType.JPEG,
    "application/dicom": MediaType.DICOM,
    "image/tiff": MediaType.TIFF,
    "image/bmp": MediaType.BMP,
    "image/webp": MediaType.WEBP,
    "image/jp2": MediaType.JPEG2000,
    "application/x-npy": MediaType.NPY,
}
"""Content types of images; octet-stream is whatever the content is."""

_THRESHOLDS = (THRESHOLDS[0], "standout_threshold", *THRESHOLDS[1:], "match_threshold")
"""What a policy holds an image against, by the names in a Policy."""


class Message(BaseModel):
    """A part of an answer: no other keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class PolicyInForce(Message):
    """What images are held against, and what the service accepts."""

    digest: str = Field(description="Covers index, models, preprocessing and all that follows; verdicts repeat it.")
    candidate_count: int = Field(ge=1, description="Nearest references per space.")
    thresholds: dict[str, float] = Field(
        description="From where an image is not released, by name; what does not decide is absent: "
        + ", ".join(_THRESHOLDS)
    )
    certification: str = Field(description='"uncertified", or the sha256 of the certificate in force.')
    image_bytes_limit: int = Field(ge=1, description="Largest encoded image, in bytes.")
    release_side: int | None = Field(
        ge=1,
        description="Larger images are made smaller, to as many pixels on the longer side, before they are judged; "
        "null: none are.",
    )


class Verdict(Message):
    """A decision, and nothing that tells how near it was."""

    image_id: str = Field(description="The caller's name for the image.")
    decision: Decision = Field(description="Only ANONYMOUS is ever released.")
    receipt: str = Field(description="Opaque; a reviewer gets the evidence with it, over gRPC.")
    policy_digest: str = Field(description="The policy that decided.")
    pixel_digest: str = Field(description="Sha256 of the shape and the pixels that were judged, in hex.")
    image: str | None = Field(
        json_schema_extra={"contentEncoding": "base64"},
        description="The judged pixels as a grey PNG, in base64, with return_image and for ANONYMOUS alone. This may "
        "go out; the sent bytes may hold what was not judged.",
    )


class Refusal(Message):
    """Why there is no verdict. The image is not released."""

    code: str = Field(description="The name of a gRPC status code: INVALID_ARGUMENT for what will never be accepted.")
    reason: str = Field(description="What happened, in UPPER_SNAKE.")
    message: str = Field(description="A sentence about it.")
    retry_seconds: float | None = Field(None, description="When another try makes sense; absent for never.")


def policy_message(policy: Policy, certification: str, image_bytes_limit: int) -> PolicyInForce:
    """The policy in force as it is told."""
    values = {name: getattr(policy, name) for name in _THRESHOLDS}
    return PolicyInForce(
        digest=policy.digest,
        candidate_count=policy.candidates,
        thresholds={name: value for name, value in values.items() if value is not None},
        certification=certification,
        image_bytes_limit=image_bytes_limit,
        release_side=policy.side,
    )


def verdict_message(answer: CheckAnswer) -> Verdict:
    """A verdict as it is told."""
    return Verdict(
        image_id=answer.image_id,
        decision=answer.decision,
        receipt=answer.receipt,
        policy_digest=answer.policy_digest,
        pixel_digest=answer.pixel_digest,
        image=b64encode(answer.image).decode() if answer.image else None,
    )
