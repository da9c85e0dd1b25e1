"""What the configuration of a run requires, held against the run that left the output."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from cxrgate.certification import UNCERTIFIED
from cxrgate.core.spaces import COSINE_SPACES
from cxrgate.verify_run.records import RUN, Records
from cxrgate.verify_run.violation import Kind, Violation

_SCORE = 0.5
"""The score_threshold of a rule that names none, where the snapshot could not measure itself."""
_DECIDING = ("score_threshold", "standout_threshold")
_BY_HAND = ("standout_threshold", "match_threshold", *(space.threshold for space in COSINE_SPACES))
"""With a number for one of them nothing is promised, see gate.default_rule."""


@dataclass(frozen=True, slots=True)
class Configured:
    """What a configuration says.

    Attributes:
        numbers: of its `policy`; under a certificate, which has those that are not named, the named ones alone.
        asked: names of numbers that a run has to have, whatever they are: of those that follow from snapshot or models.
        false_flags: of its `policy`, named or not.
        resolved: what follows from all of its `policy`, and from the measurement of its snapshot: the policy of a run,
            but for numbers that models have which are not at hand. None where the snapshot is not.
        about: what its snapshot is, by the names that run.json has for it.
        side: of `release`.
        snapshot: digest of its snapshot; None where there is none that can be read.
        certified: whether it requires a certificate.
        certificate: whether there is one beside the snapshot.
    """

    numbers: Mapping[str, Any] = field(default_factory=dict)
    asked: Collection[str] = ()
    false_flags: float | None = None
    resolved: Mapping[str, Any] | None = None
    about: Mapping[str, Any] = field(default_factory=dict)
    side: int | None = None
    snapshot: str | None = None
    certified: bool = False
    certificate: bool = False


def changed_configuration(records: Records, configured: Configured) -> Iterator[Violation]:
    """Where the run was of another policy or snapshot than it names, or of another certificate mode."""
    stated = records.run.get("certification")
    if configured.certified and stated in (None, UNCERTIFIED):
        told = f"states {stated}, and the configuration requires a certificate"
        yield Violation(Kind.CERTIFICATION_DIFFERS, RUN, told)
    if not configured.certified and stated != UNCERTIFIED:
        told = f"states {stated}, and the configuration requires no certificate, so that no run by it has one"
        yield Violation(Kind.CERTIFICATION_DIFFERS, RUN, told)
    if configured.certified and not configured.certificate:
        told = "the configuration requires one, and there is none beside its snapshot"
        yield Violation(Kind.CERTIFICATION_DIFFERS, "certificate", told)
    for name, (expected, found) in _differing(records, configured).items():
        told = f"{name}: the configuration has {expected}, the run had {found}"
        yield Violation(Kind.POLICY_DIFFERS, "configuration", told)


def _differing(records: Records, configured: Configured) -> dict[str, tuple[Any, Any]]:
    policy, snapshot = records.run.get("policy", {}), records.run.get("snapshot", {})
    if configured.resolved is None:
        expected = {**_numbers(policy, configured), "side": configured.side}
        found = {**policy, "false_flags": _rate(policy)}
    else:
        expected, found = {**configured.resolved, "side": configured.side}, dict(policy)
    if configured.snapshot is not None:
        expected["snapshot"] = configured.snapshot
    pairs = {name: ("a number", None) for name in configured.asked if found.get(name) is None}
    pairs |= {name: (value, found.get(name)) for name, value in expected.items()}
    pairs |= {
        f"snapshot.{name}": (value, snapshot[name]) for name, value in configured.about.items() if name in snapshot
    }
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _rate(policy: Mapping[str, Any]) -> Any:
    """The rate that a run's thresholds were chosen for; None where one of them was set by hand."""
    promise = policy.get("promise")
    return promise.get("rate") if isinstance(promise, Mapping) else None


def _numbers(policy: Mapping[str, Any], configured: Configured) -> dict[str, Any]:
    """As the run must have them, by the configuration alone: by what decides, and with a borderline not above it."""
    numbers = {name: value for name, value in configured.numbers.items() if name != "false_flags"}
    score, standout = (numbers.pop(name, None) for name in _DECIDING)
    if score is not None:
        numbers |= {"score_threshold": score, "standout_threshold": None}
    elif policy.get("score_threshold") is None:
        numbers |= {} if standout is None else {"standout_threshold": standout}
        numbers |= {} if configured.certified else _promised(configured)
    elif not configured.certified:
        numbers["score_threshold"] = _SCORE
    limits = [limit for name in _DECIDING if isinstance(limit := policy.get(name), int | float)]
    if "borderline" in numbers:
        numbers["borderline"] = min([numbers["borderline"], *limits])
    return numbers


def _promised(configured: Configured) -> dict[str, Any]:
    """The rate where every threshold follows from it: a run that has none had one of them set by hand."""
    by_hand = any(isinstance(configured.numbers.get(name), int | float) for name in _BY_HAND)
    return {} if configured.false_flags is None else {"false_flags": None if by_hand else configured.false_flags}
