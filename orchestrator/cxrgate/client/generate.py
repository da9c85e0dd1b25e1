"""Generate until enough images may be released. `client.diffusers` makes the images with a diffusers pipeline."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from cxrgate.client.errors import ImageRefused
from cxrgate.client.types import Verdict


class Checks(Protocol):
    """A gate, as far as it is needed here."""

    def check(self, content: bytes, image_id: str = "image") -> Verdict:
        """Check one image."""
        ...


@dataclass(slots=True)
class Generated:
    """What came of it: the released images of each class, and how many were rejected in each."""

    images: dict[str, list[bytes]] = field(default_factory=dict)
    rejected: dict[str, int] = field(default_factory=dict)


class AcceptanceTooLow(Exception):
    """Too few images of a class pass. `generated` holds what passed so far."""

    def __init__(self, label: str, generated: Generated) -> None:
        passed, rejected = len(generated.images[label]), generated.rejected[label]
        super().__init__(f"expected more images of class {label!r} to pass, {passed} did and {rejected} did not")
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
        make_image: makes one encoded image of a class.
        minimum_acceptance: share of a class's images that must pass.
        patience: images of a class after which that share is looked at.

    Raises:
        AcceptanceTooLow: a class's share is below the minimum: a generator that mostly repeats its training set
            must be mended, not filtered.
        GateError: the gate gives no verdict.
    """
    generated = Generated({label: [] for label in wanted}, dict.fromkeys(wanted, 0))
    for label, count in wanted.items():
        passed = generated.images[label]
        while len(passed) < count:
            image = make_image(label)
            if _released(gate, image):
                passed.append(image)
            else:
                generated.rejected[label] += 1
            made = len(passed) + generated.rejected[label]
            if made >= patience and len(passed) < minimum_acceptance * made:
                raise AcceptanceTooLow(label, generated)
    return generated


def _released(gate: Checks, image: bytes) -> bool:
    try:
        return gate.check(image).released
    except ImageRefused:
        return False
