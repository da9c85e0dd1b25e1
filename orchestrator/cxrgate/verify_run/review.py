"""What the reviewers' log withholds, read independently of the code that publishes without it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cxrgate.core import UsageError
from cxrgate.hashlog import head_path, read_known_lines
from cxrgate.verify_run.violation import Kind, Violation

_WITHHELD = "image_withheld"


@dataclass(frozen=True, slots=True)
class Review:
    """Digests of the pixels that were withheld; None where nobody knows them, as there is no log that holds."""

    withheld: frozenset[str] | None
    violations: tuple[Violation, ...] = ()
    unchecked: str | None = None


def read_review(log: Path | None, published_without: int) -> Review:
    """Read the log.

    Args:
        log: None where it was not given.
        published_without: how many images stay away from the set, as its manifest says.
    """
    if log is None:
        told = "which images reviewers withheld, only how many: their log was not given" if published_without else None
        return Review(None, unchecked=told)
    if not log.exists() and not head_path(log).exists():
        broken = f"there is no log at {log}, and the manifest says that {published_without} images were withheld"
        violations = (Violation(Kind.REVIEW_BROKEN, str(log), broken),) if published_without else ()
        return Review(None, violations, f"which images reviewers withheld: there is no log at {log}")
    try:
        lines = [line.content for line in read_known_lines(log)]
        return Review(frozenset(str(line["pixel_digest"]) for line in lines if line["event"] == _WITHHELD))
    except KeyError:
        told = "a line withholds an image and does not say which"
    except UsageError as error:
        told = str(error)
    return Review(None, (Violation(Kind.REVIEW_BROKEN, str(log), told),))
