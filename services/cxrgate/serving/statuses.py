"""What a model server's gRPC status means, and whether asking again is of use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import grpc

from cxrgate.core import CallRefused


class Retry(Enum):
    """A forward pass changes nothing, so asking again is safe; whether it helps is another matter."""

    NEVER = "never"
    FEW = "few"
    """A worker died with the request in it: the request may be why."""
    WHILE_TIME = "while there is time"
    """The request reached no worker."""


@dataclass(frozen=True, slots=True)
class StatusRule:
    """A status, and what it means."""

    code: grpc.StatusCode
    text: str
    """Contained in the details; "" fits all."""
    meaning: str
    reason: str
    retry: Retry


_OTHER = StatusRule(grpc.StatusCode.UNKNOWN, "", "INTERNAL", "MODEL_SERVER", Retry.NEVER)


def first_fitting(rules: Sequence[StatusRule], code: grpc.StatusCode, details: str | None) -> StatusRule:
    """The first of a server's rules that fits."""
    fitting = (rule for rule in rules if rule.code is code and rule.text in (details or ""))
    return next(fitting, _OTHER)


def refused(rule: StatusRule) -> CallRefused:
    """The rule's meaning as an error of ours."""
    return CallRefused(rule.meaning, rule.reason, "the model server gave no answer")
