"""A calibration in words and numbers: the statement that is signed, a pure function of what was recorded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pandas as pd

from cxrgate.calibration.calibrate import Calibration
from cxrgate.calibration.leak_policy import LeakPolicy
from cxrgate.calibration.sentences import one, two
from cxrgate.certification import laxer_numbers
from cxrgate.certification.certificate import FORMAT
from cxrgate.planted.classes.catalogue import GENERATED, SAME_PATIENT

TWIN_INDEX = "asked of a twin index, which is without the very images that were asked about"


@dataclass(frozen=True, slots=True)
class Context:
    """What a statement needs besides cases and policy.

    Attributes:
        binding: of the gate, without the thresholds.
        issued: when, to the second.
        recorded: sha256 of each recorded file by name.
        taking_part: images of the calibration that were scanned for overlap.
        scanned: images they were held against.
        twins: references that the twin index is without.
        renews: digest of the certificate whose thresholds these are; "" for one of its own.
        default_rule: the numbers of the default rule of that time; None of a certificate of format 1, which has none.
    """

    binding: Mapping[str, Any] = field(repr=False)
    issued: datetime
    recorded: Mapping[str, str] = field(repr=False)
    taking_part: int
    scanned: int
    twins: int
    renews: str = ""
    default_rule: Mapping[str, Any] | None = None

    def laxer(self, calibration: Calibration) -> list[dict[str, Any]]:
        """What the calibration makes laxer than the default rule."""
        return laxer_numbers(self.bound(calibration), self.default_rule or {})

    def bound(self, calibration: Calibration) -> dict[str, Any]:
        """The binding with the thresholds."""
        return {**self.binding, **calibration.thresholds}


def make_statement(
    calibration: Calibration, cases: pd.DataFrame, policy: LeakPolicy, context: Context
) -> dict[str, Any]:
    """What a certificate states. Nothing in it names a patient, an image or a file of one.

    Args:
        calibration: of these very cases under this policy.
        cases: as recorded.
        policy: what was to be promised.
        context: see there.
    """
    first = context.default_rule is None
    added = {"allow_laxer_thresholds"}
    laxer = {} if first else {"default_rule": context.default_rule, "laxer": context.laxer(calibration)}
    return {
        "format": 1 if first else FORMAT,
        "issued": context.issued.isoformat(),
        "expires": (context.issued + timedelta(days=policy.days)).isoformat(),
        "renews": context.renews,
        "binding": context.bound(calibration),
        "policy": policy.model_dump(mode="json", by_alias=True, exclude=added if first else None),
        "certified": [asdict(finding) for finding in calibration.certified],
        "measured": [asdict(finding) for finding in calibration.measured],
        "clean": asdict(calibration.unenrolled),
        "worst_patient": calibration.worst_patient,
        "overlap": {"taking_part": context.taking_part, "scanned": context.scanned},
        "twin_index": {"leak_class": SAME_PATIENT, "references_removed": context.twins, "how": TWIN_INDEX},
        "recorded": dict(context.recorded),
        "says": sentences(calibration, cases, policy, context),
        **laxer,
    }


def sentences(calibration: Calibration, cases: pd.DataFrame, policy: LeakPolicy, context: Context) -> list[str]:
    """The promise for people, and its limits, in the words of the certificate's format."""
    generated = one.generated(
        certified=GENERATED in {found.leak_class for found in calibration.certified},
        measured=GENERATED in set(cases["leak_class"]),
    )
    more = []
    if context.default_rule is not None:
        more = [*two.laxer(context.laxer(calibration)), *two.may_pass(calibration.measured)]
    return [*one.promised(calibration.certified, policy.confidence), *generated, *more, one.NOTHING_ELSE]
