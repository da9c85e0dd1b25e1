"""What can be wrong with the output of a run."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """Each way in which a run's output can fail to prove itself."""

    JOURNAL_BROKEN = "JOURNAL_BROKEN"
    """A line that is not the last does not fit its digest or its seal, or there is no journal."""
    RECORD_MISSING = "RECORD_MISSING"
    """A set is published, and a table or run.json is gone or cannot be read."""
    MANIFEST_DIFFERS = "MANIFEST_DIFFERS"
    """The set's manifest says otherwise than journal and tables."""
    POLICY_DIFFERS = "POLICY_DIFFERS"
    """Policy, models, snapshot or version are not the ones that a digest elsewhere, or the configuration, names."""
    CERTIFICATION_DIFFERS = "CERTIFICATION_DIFFERS"
    """Certificate mode or certificate are not the ones that the run states."""
    ANSWERED_TWICE = "ANSWERED_TWICE"
    """One image has two rows, or two lines of one batch that decide differently."""
    NOT_ANSWERED = "NOT_ANSWERED"
    """A listed image has no row."""
    NOT_LISTED = "NOT_LISTED"
    """A row is of an image that is not listed."""
    ROW_DIFFERS = "ROW_DIFFERS"
    """A row of the result tables is not the journal's."""
    DECISION_DIFFERS = "DECISION_DIFFERS"
    """The decision does not follow from the recorded numbers and the policy."""
    NUMBER_DIFFERS = "NUMBER_DIFFERS"
    """A score, standout, similarity, distance or count of matches of a row is not that of its candidates."""
    RELEASED_UNPROVEN = "RELEASED_UNPROVEN"
    """A file of the set belongs to no image that passed."""
    FILE_MISSING = "FILE_MISSING"
    FILE_CHANGED = "FILE_CHANGED"
    """A file is not the one of the journal and the manifest."""
    FILE_UNLISTED = "FILE_UNLISTED"
    """A file lies in the released folder that the manifest does not name."""
    FILE_HOLDS_MORE = "FILE_HOLDS_MORE"
    """A file is no plain 8-bit grey PNG: it holds more than the pixels that were checked, or no such pixels. Or the
    set's manifest holds what no version of cxrgate writes there."""
    PIXELS_DIFFER = "PIXELS_DIFFER"
    """A file's pixels are not the ones that were decided on."""
    NOT_PUBLISHED = "NOT_PUBLISHED"
    """An image passed, nobody withheld it, and it is not in the set."""
    WITHHELD_PUBLISHED = "WITHHELD_PUBLISHED"
    """A reviewer withheld this image, by its pixels or its name, and it is in the set."""
    REVIEW_BROKEN = "REVIEW_BROKEN"
    """The reviewers' log was changed, lacks lines that its head counts, or is gone though images were withheld."""


@dataclass(frozen=True, slots=True)
class Violation:
    """One thing that does not hold: its kind, the image, file or record that it is about, and what was found."""

    kind: Kind
    where: str
    told: str
