"""Generate until enough images may be released. `client.diffusers` makes the images with a diffusers pipeline."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from cxrgate.client.types import Verdict, judged_png

SYSTEMATIC = frozenset({"DIMENSIONS", "MODE_FORBIDDEN", "FRAMES", "FORMAT_MISMATCH"})
"""Reasons of refused images that the next image has, too: size, mode and format belong to the generator."""


class Checks(Protocol):
    """A gate, as far as it is needed here."""

    def check(self, content: bytes, image_id: str = "image", *, return_image: bool = False) -> Verdict:
        """Check one image."""
        ...


@dataclass(slots=True)
class Generated:
    """What came of it, for each class.

    Attributes:
        images: the released images, each as a PNG of the very pixels that were judged.
        rejected: how many were not released.
        reasons: why, and how often: NOT_ANONYMOUS, INDETERMINATE, or the reason of a refusal.
    """

    images: dict[str, list[bytes]] = field(default_factory=dict)
    rejected: dict[str, int] = field(default_factory=dict)
    reasons: dict[str, Counter[str]] = field(default_factory=dict)


class AcceptanceTooLow(Exception):
    """Too few images of a class pass. `generated` holds what passed so far, and why the others did not."""

    def __init__(self, label: str, generated: Generated) -> None:
        passed, rejected = len(generated.images[label]), generated.rejected[label]
        counts = ", ".join(f"{reason} {count}" for reason, count in generated.reasons[label].most_common())
        super().__init__(f"of class {label!r} {passed} images passed and {rejected} did not: {counts}")
        self.label = label
        self.generated = generated


def generate_until(
    gate: Checks,
    wanted: Mapping[str, int],
    make_image: Callable[[str], bytes],
    minimum_acceptance: float = 0.05,
    patience: int = 50,
) -> Generated:
    """Make images until each class has as many released ones as wanted, so that filtering shifts no class balance.

    Args:
        gate: asked about every image.
        wanted: released images per class.
        make_image: makes one encoded image of a class; what it raises is raised.
        minimum_acceptance: share of a class's images that must pass.
        patience: images of a class after which that share is looked at.

    Raises:
        AcceptanceTooLow: a class's share is below the minimum: a generator that mostly repeats its training set
            must be mended, not filtered.
        ImageRefused: an image has a size, mode or format that is never accepted, as the next one would.
        GateError: the gate gives no verdict, or does not return what it judged.
    """
    generated = Generated(
        {label: [] for label in wanted}, dict.fromkeys(wanted, 0), {label: Counter() for label in wanted}
    )
    for label, count in wanted.items():
        passed = generated.images[label]
        while len(passed) < count:
            verdict = gate.check(make_image(label), return_image=True)
            if verdict.released:
                passed.append(judged_png(verdict))
            else:
                generated.rejected[label] += 1
                generated.reasons[label][_reason(verdict)] += 1
            made = len(passed) + generated.rejected[label]
            if made >= patience and len(passed) < minimum_acceptance * made:
                raise AcceptanceTooLow(label, generated)
    return generated


def _reason(verdict: Verdict) -> str:
    """Why an image fell; ImageRefused where the next one would fall for the same reason."""
    if verdict.error is None:
        return verdict.decision.value
    if verdict.error.reason in SYSTEMATIC:
        raise verdict.error
    return verdict.error.reason or verdict.error.code
