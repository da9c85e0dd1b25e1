import pytest

from cxrgate.client import Decision, GateUnavailable, ImageRefused, generate_until
from cxrgate.core import Decision as Decided
from cxrgate.filter import Verdict
from cxrgate.filter.generator import GeneratorGate


class Answers:
    """A filter that gives one answer after another."""

    def __init__(self, *verdicts):
        self.verdicts, self.asked = list(verdicts), []

    def stream(self, images, *, return_images):
        self.asked.append((images, return_images))
        yield self.verdicts.pop(0)


PASSED = Verdict("0", "", Decided.ANONYMOUS, policy_digest="digest", pixel_digest="pixels", png=b"png")
MATCH = Verdict("0", "", Decided.NOT_ANONYMOUS, ("COPY",), policy_digest="digest")
CUT = Verdict("0", "", Decided.INDETERMINATE, ("TRUNCATED",), stage="decode", code="INVALID_ARGUMENT")
SMALL = Verdict("0", "", Decided.INDETERMINATE, ("DIMENSIONS",), stage="decode", code="INVALID_ARGUMENT")
DOWN = Verdict("0", "", Decided.INDETERMINATE, ("STAGE_FAILED",), stage="embed", code="INTERNAL")


def test_a_generator_makes_images_until_enough_are_released():
    asked = Answers(PASSED, MATCH, CUT, PASSED)
    generated = generate_until(GeneratorGate(asked), {"sick": 2}, lambda label: label.encode())

    assert generated.images == {"sick": [b"png", b"png"]}
    assert generated.reasons["sick"] == {"NOT_ANONYMOUS": 1, "TRUNCATED": 1}
    assert asked.asked == [({"image": b"sick"}, True)] * 4


def test_a_verdict_has_what_the_clients_has():
    verdict = GeneratorGate(Answers(PASSED)).check(b"x", "mine", return_image=True)

    assert (verdict.image_id, verdict.decision, verdict.png) == ("mine", Decision.ANONYMOUS, b"png")
    assert (verdict.policy_digest, verdict.pixel_digest, verdict.error) == ("digest", "pixels", None)


def test_what_the_next_image_has_too_ends_the_generation():
    with pytest.raises(ImageRefused, match="DIMENSIONS"):
        generate_until(GeneratorGate(Answers(SMALL)), {"sick": 2}, lambda _: b"x")


def test_a_fault_that_is_not_the_images_is_no_verdict():
    with pytest.raises(GateUnavailable, match="STAGE_FAILED"):
        GeneratorGate(Answers(DOWN)).check(b"x")
