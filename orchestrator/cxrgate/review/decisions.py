"""What reviewers decided, kept in a hash-chained log and found again by image and policy.

    borderline (released)   confirm: the release stands            overrule: withheld, for good
    flagged (removed)       confirm: the removal was right         overrule: noted; it stays removed

No decision releases anything: overruling a removal is a finding about the models, for whoever calibrates them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from cxrgate.hashlog import HashLog, read_lines
from cxrgate.review.queue import Entry, Listed
from cxrgate.run.withheld import WITHHELD

REVIEWED, ENTERED = "image_reviewed", "link_used"
REASON_CHARACTERS = 1000


class Choice(StrEnum):
    """With the gate or against it."""

    CONFIRM = "confirm"
    OVERRULE = "overrule"


class ChoiceRefused(ValueError):
    """A decision that cannot be taken. The message is for the reviewer."""


@dataclass(frozen=True, slots=True)
class Decided:
    """The last decision on an image under a policy: whose, what, why, and when (ISO 8601, UTC)."""

    identity: str
    choice: Choice
    reason: str
    time: str


class Decisions:
    """The decisions of a log. An image is known by its pixels: equal pixels under another name are the same image."""

    def __init__(self, log: HashLog) -> None:
        """Take up what the log holds."""
        self.log = log
        self._decided: dict[tuple[str, str], Decided] = {}
        self._withheld: set[str] = set()
        self._used: set[str] = set()
        for line in read_lines(log.path):
            self._recall(line.content)

    def of(self, entry: Entry, policy: str) -> Decided | None:
        """The last decision on these pixels under the policy of that digest."""
        return self._decided.get((entry.pixel_digest, policy))

    def is_withheld(self, entry: Entry) -> bool:
        """Whether these pixels were withheld, under this or another policy."""
        return entry.pixel_digest in self._withheld

    def is_open(self, entry: Entry, policy: str) -> bool:
        """Whether somebody should still look at it."""
        return self.of(entry, policy) is None and not self.is_withheld(entry)

    async def record(self, identity: str, entry: Entry, policy: str, choice: Choice, reason: str) -> None:
        """Bring a decision to the disk; when this returns it is durable.

        Raises:
            ChoiceRefused: overruling without a reason, a reason that is too long, or a decision on what is withheld.
            CallRefused: the log cannot be written; nothing is decided then.
        """
        if self.is_withheld(entry):
            raise ChoiceRefused("This image is withheld, and stays so.")
        if len(reason) > REASON_CHARACTERS:
            raise ChoiceRefused(f"A reason has at most {REASON_CHARACTERS:,} characters; this one has {len(reason):,}.")
        if choice is Choice.OVERRULE and not reason:
            raise ChoiceRefused("Overruling needs a reason.")
        withholds = entry.kind is Listed.BORDERLINE and choice is Choice.OVERRULE
        content = {
            "identity": identity,
            "image_id": entry.image_id,
            "pixel_digest": entry.pixel_digest,
            "source_digest": entry.source_digest,
            "decoding": entry.decoding,
            "policy_digest": policy,
            "kind": str(entry.kind),
            "choice": str(choice),
            "reason": reason,
        }
        event = WITHHELD if withholds else REVIEWED
        offset = await self.log.append(event, **content)
        self._recall(self.log.read(offset))

    async def enter(self, reviewer: str, nonce: str) -> bool:
        """Use up a one-time link; False where it was used before. Errors as `record`."""
        if nonce in self._used:
            return False
        self._used.add(nonce)
        await self.log.append(ENTERED, identity=reviewer, nonce=nonce)
        return True

    def is_used(self, nonce: str) -> bool:
        """Whether a one-time link was used."""
        return nonce in self._used

    def _recall(self, content: dict[str, Any]) -> None:
        if content["event"] == ENTERED:
            self._used.add(content["nonce"])
        if content["event"] not in {REVIEWED, WITHHELD}:
            return
        decided = Decided(content["identity"], Choice(content["choice"]), content["reason"], content["time"])
        self._decided[content["pixel_digest"], content["policy_digest"]] = decided
        if content["event"] == WITHHELD:
            self._withheld.add(content["pixel_digest"])
