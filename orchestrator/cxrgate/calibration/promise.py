"""A calibration in words and numbers: the statement that is signed, a pure function of what was recorded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pandas as pd

from cxrgate.calibration.calibrate import Calibration
from cxrgate.calibration.leak_policy import LeakPolicy
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
    """

    binding: Mapping[str, Any] = field(repr=False)
    issued: datetime
    recorded: Mapping[str, str] = field(repr=False)
    taking_part: int
    scanned: int
    twins: int
    renews: str = ""


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
    thresholds = {name: getattr(calibration, name) for name in ("score_threshold", "copy_threshold")}
    return {
        "format": FORMAT,
        "issued": context.issued.isoformat(),
        "expires": (context.issued + timedelta(days=policy.days)).isoformat(),
        "renews": context.renews,
        "binding": {**context.binding, **thresholds},
        "policy": policy.model_dump(mode="json", by_alias=True),
        "certified": [asdict(finding) for finding in calibration.certified],
        "measured": [asdict(finding) for finding in calibration.measured],
        "clean": asdict(calibration.clean),
        "worst_patient": calibration.worst_patient,
        "overlap": {"taking_part": context.taking_part, "scanned": context.scanned},
        "twin_index": {"leak_class": SAME_PATIENT, "references_removed": context.twins, "how": TWIN_INDEX},
        "recorded": dict(context.recorded),
        "says": sentences(calibration, cases, policy),
    }


def sentences(calibration: Calibration, cases: pd.DataFrame, policy: LeakPolicy) -> list[str]:
    """The promise for people, and its limits.

    What is promised is the allowed rate: the bound of the counts, which is lower, is for thresholds that were not
    chosen on these counts.
    """
    promised = [
        f"At most {found.rate:.2%} of patients' leaks of the class {found.leak_class}, {found.strength} pass "
        f"({found.misses} of {found.patients} did)."
        for found in calibration.certified
    ]
    return [
        *promised,
        f"All of these hold with a confidence of {policy.confidence:.1%}, for patients like those of the calibration.",
        *_generated(calibration, cases),
        "Nothing is promised of other classes, of images made to deceive, and of other populations.",
    ]


def _generated(calibration: Calibration, cases: pd.DataFrame) -> list[str]:
    """What is not promised of the leaks that matter most."""
    if GENERATED in {found.leak_class for found in calibration.certified}:
        return []
    measured = "Measured, and not promised" if GENERATED in set(cases["leak_class"]) else "Not measured"
    return [f"{measured}: near-duplicates made by a generator."]
