"""A certificate for a snapshot from which patients were withdrawn: recorded cases anew, thresholds as before."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cxrgate.calibration.folder import CASES, POLICY, Written, read_references, verify_calibration, write_calibration
from cxrgate.calibration.leak_policy import read_leak_policy
from cxrgate.calibration.recording import Recording, record
from cxrgate.core import CertificateError
from cxrgate.core.progress import Progress, Tell, silent, untold
from cxrgate.core.spaces import CHOSEN
from cxrgate.gate.config import RunConfig
from cxrgate.planted.cases import CaseKind, read_cases
from cxrgate.train import ListedImage

OF_THE_SNAPSHOT = frozenset({"snapshot", "references"})
"""The parts of a binding that a withdrawal changes."""


def renew(
    config: RunConfig,
    listed_images: Sequence[ListedImage],
    before: Path,
    output: Path,
    issued: datetime,
    key: Ed25519PrivateKey,
    progress: Progress = silent,
    tell: Tell = untold,
) -> Written:
    """Re-test a calibration against the configured snapshot and certify that, if every pair still holds.

    Only patients who took part before take part, in what they were: with fewer references the gate can only flag
    less, so that what is to be shown anew are the misses.

    Args:
        config: of the gate, with the new snapshot.
        listed_images: of the listing as before.
        before: folder of the calibration.
        output: folder of the new one.
        issued: when.
        key: signs, and signed before.
        progress: as for recording.record.
        tell: as for recording.record.

    Raises:
        CertificateError: the calibration is not what was signed, references were added, or another part changed.
        UsageError: see recording.record.
    """
    certificate = verify_calibration(before, key.public_key())
    cases = read_cases(before / CASES)
    recording = record(config, listed_images, read_leak_policy(before / POLICY), set(cases["patient"]), progress, tell)
    _check_withdrawal(recording, read_references(before))
    kept = {name: value for name, value in certificate.binding.items() if name not in OF_THE_SNAPSHOT}
    found = {name: value for name, value in recording.binding.items() if name not in OF_THE_SNAPSHOT}
    changed = sorted(name for name in {**kept, **found} if name not in CHOSEN and kept.get(name) != found.get(name))
    if changed:
        raise CertificateError(
            f"a certificate is renewed after withdrawals alone, and {changed} changed too: calibrate anew"
        )
    return write_calibration(output, _as_before(recording, cases), before / POLICY, issued, key, certificate)


def _check_withdrawal(recording: Recording, before: set[bytes]) -> None:
    added = {row.tobytes() for row in recording.references} - before
    if added:
        raise CertificateError(
            f"a certificate is renewed after withdrawals alone, and {len(added)} references were added: calibrate anew"
        )


def _as_before(recording: Recording, cases: pd.DataFrame) -> Recording:
    """Without patients who were withdrawn: they are not enrolled now, but were no part of the unenrolled ones."""
    unenrolled = set(cases.loc[cases["kind"] == CaseKind.UNENROLLED, "patient"])
    rows = recording.cases
    kept = rows[np.asarray((rows["kind"] != CaseKind.UNENROLLED) | rows["patient"].isin(unenrolled))]
    return Recording(
        kept.reset_index(drop=True),
        recording.references,
        recording.binding,
        recording.scan,
        recording.twins,
        recording.thresholds,
        recording.default_rule,
    )
