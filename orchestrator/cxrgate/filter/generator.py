"""A filter in the place of a gate that is called over the network: `generate_until` asks either."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cxrgate.client import Decision, GateUnavailable, ImageRefused, Verdict

if TYPE_CHECKING:
    from cxrgate.filter.filter import Filter


class GeneratorGate:
    """Answers as `cxrgate.client.Gate` does, from a filter in this process."""

    def __init__(self, asked: Filter) -> None:
        """Ask this filter."""
        self._filter = asked

    def check(self, content: bytes, image_id: str = "image", *, return_image: bool = False) -> Verdict:
        """One image, encoded; an image that will never be accepted has its error in the verdict.

        Raises:
            GateUnavailable: it could not be checked, through no fault of its own.
        """
        (found,) = self._filter.stream({image_id: content}, return_images=return_image)
        if found.code == "INVALID_ARGUMENT":
            error = ImageRefused(found.code, found.reasons[0], found.message)
            return Verdict(image_id, Decision.INDETERMINATE, error=error)
        if found.code:
            raise GateUnavailable("UNAVAILABLE", found.reasons[0], found.message)
        return Verdict(
            image_id,
            Decision(found.decision.value),
            policy_digest=found.policy_digest,
            pixel_digest=found.pixel_digest,
            png=found.png,
        )
