"""What the configuration of a run requires, held against the run that left the output."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from cxrgate.certification import UNCERTIFIED
from cxrgate.verify_run.records import RUN, Records
from cxrgate.verify_run.violation import Kind, Violation

_SCORE = 0.5
"""The score_threshold of a rule that names none, where the snapshot could not measure itself."""
_DECIDING = ("score_threshold", "standout_threshold")


@dataclass(frozen=True, slots=True)
class Configured:
    """What a configuration says.

    Attributes:
        numbers: of its `policy`, those that it names itself; what follows from snapshot or models is not among them.
        side: of `release`.
        snapshot: digest of its snapshot; None where there is none that can be read.
        certified: whether it requires a certificate.
        certificate: whether there is one beside the snapshot.
    """

    numbers: Mapping[str, Any] = field(default_factory=dict)
    side: int | None = None
    snapshot: str | None = None
    certified: bool = False
    certificate: bool = False


def changed_configuration(records: Records, configured: Configured) -> Iterator[Violation]:
    """Where the run was of another policy or snapshot than it names, or is not certified though that is required."""
    policy = records.run.get("policy", {})
    stated = records.run.get("certification")
    if configured.certified and stated in (None, UNCERTIFIED):
        told = f"states {stated}, and the configuration requires a certificate"
        yield Violation(Kind.CERTIFICATION_DIFFERS, RUN, told)
    if configured.certified and not configured.certificate:
        told = "the configuration requires one, and there is none beside its snapshot"
        yield Violation(Kind.CERTIFICATION_DIFFERS, "certificate", told)
    for name, (expected, found) in _differing(policy, configured).items():
        told = f"{name}: the configuration has {expected}, the run had {found}"
        yield Violation(Kind.POLICY_DIFFERS, "configuration", told)


def _differing(policy: Mapping[str, Any], configured: Configured) -> dict[str, tuple[Any, Any]]:
    expected = {**_numbers(policy, configured), "side": configured.side}
    if configured.snapshot is not None:
        expected["snapshot"] = configured.snapshot
    return {name: (value, policy.get(name)) for name, value in expected.items() if value != policy.get(name)}


def _numbers(policy: Mapping[str, Any], configured: Configured) -> dict[str, Any]:
    """As the run must have them: by what decides, and with a borderline that is not above it."""
    numbers = {name: value for name, value in configured.numbers.items() if name != "false_flags"}
    score, standout = (numbers.pop(name, None) for name in _DECIDING)
    if score is not None:
        numbers |= {"score_threshold": score, "standout_threshold": None}
    elif policy.get("score_threshold") is None:
        numbers |= {} if standout is None else {"standout_threshold": standout}
    elif not configured.certified:
        numbers["score_threshold"] = _SCORE
    limits = [limit for name in _DECIDING if isinstance(limit := policy.get(name), int | float)]
    if "borderline" in numbers:
        numbers["borderline"] = min(numbers["borderline"], *limits)
    return numbers
