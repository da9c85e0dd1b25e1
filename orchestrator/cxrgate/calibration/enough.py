"""Whether a listing has the patients that a promise needs: known before anything is decoded or embedded."""

from __future__ import annotations

from cxrgate.calibration.calibrate import makes_the_path
from cxrgate.calibration.leak_policy import CertifiedPair, LeakPolicy
from cxrgate.calibration.patients import Patients
from cxrgate.core import UsageError
from cxrgate.planted.bounds import patients_needed
from cxrgate.planted.classes.catalogue import SAME_PATIENT
from cxrgate.planted.origins import patient_key


def expect_enough(patients: Patients, policy: LeakPolicy, key: bytes) -> None:
    """Raise UsageError where the promise could not be kept even without a miss, or false flags not be measured.

    Args:
        patients: who takes part.
        policy: what is to be promised.
        key: HMAC key of the opaque ids, by which the unenrolled are divided.
    """
    short = [text for pair in policy.certified if (text := _missing(pair, patients, policy.risk))]
    if short:
        raise UsageError(
            f"too few enrolled patients for what is to be promised: {'; '.join(short)}. Give a listing with more of "
            "them, promise higher rates in the leak policy, or measure without a promise by `cxrgate audit`"
        )
    drawing = sum(makes_the_path(patient_key(key, image)) for image in patients.unenrolled)
    if not drawing or drawing == len(patients.unenrolled):
        raise UsageError(
            f"{len(patients.unenrolled)} patients who are not enrolled are too few: thresholds are drawn from about "
            "half of them and false flags measured on the others; give a listing with more"
        )


def _missing(pair: CertifiedPair, patients: Patients, risk: float) -> str:
    """How many patients the pair lacks; "" where there are enough."""
    others = len(patients.twins) + len(patients.siblings)
    found = others if pair.leak_class == SAME_PATIENT else len(patients.sources)
    needed = patients_needed(pair.rate, risk)
    if found >= needed:
        return ""
    return f"{pair.name} at a rate of {pair.rate:.2%} takes {needed}, {found} take part"
