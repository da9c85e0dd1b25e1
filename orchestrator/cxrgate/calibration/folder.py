"""The folder of a calibration: what was recorded, and the certificate that anybody can compute from it again.

cases.parquet       one row per case, see cases.COLUMNS; patients under their opaque keys
leak_policy.yaml    what was to be promised
references.npy      uint8[n, 16], opaque ids of the references, sorted
certificate.json    signed; only where all certified pairs are met
refused.json        the same statement unsigned, with the reasons, where they are not
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from cxrgate.calibration.calibrate import Calibration, calibrate, retest
from cxrgate.calibration.leak_policy import LeakPolicy, read_leak_policy
from cxrgate.calibration.promise import Context, make_statement
from cxrgate.calibration.recording import Recording
from cxrgate.certification import CERTIFICATE, Certificate, laxer_words, read_certificate, sign
from cxrgate.core import CertificateError, UsageError
from cxrgate.core.digest import file_digest
from cxrgate.core.spaces import CHOSEN
from cxrgate.planted.cases import read_cases
from cxrgate.planted.threshold_path import HIGHEST
from cxrgate.storage import close_to_others, make_folder

CASES, POLICY, REFERENCES, REFUSED = "cases.parquet", "leak_policy.yaml", "references.npy", "refused.json"
RECORDED = (CASES, POLICY, REFERENCES)


@dataclass(frozen=True, slots=True)
class Written:
    """What came of a calibration: `certificate` is its file, None where nothing is certified.

    `laxer` says which numbers are laxer than the default rule's, "" where none is.
    """

    calibration: Calibration
    certificate: Path | None
    laxer: str = ""


def write_calibration(
    folder: Path,
    recording: Recording,
    policy: Path,
    issued: datetime,
    key: Ed25519PrivateKey,
    renewed: Certificate | None = None,
) -> Written:
    """Write a new folder: record, conclude, and sign where every pair is met.

    Args:
        folder: must not exist.
        recording: of the gate.
        policy: file of the leak policy.
        issued: when.
        key: signs.
        renewed: the certificate whose thresholds are kept; None chooses.

    Raises:
        UsageError: the folder exists, or see calibration.calibrate.
    """
    if folder.exists():
        raise UsageError(f"{folder} exists already: name another folder by --output")
    make_folder(folder)
    recording.cases.to_parquet(folder / CASES, index=False)
    np.save(folder / REFERENCES, recording.references)
    shutil.copyfile(policy, folder / POLICY)
    context = Context(
        binding=recording.binding,
        issued=issued.replace(microsecond=0),
        recorded={name: file_digest(folder / name) for name in RECORDED},
        taking_part=recording.scan.images,
        scanned=recording.scan.others,
        twins=recording.twins,
        renews="" if renewed is None else renewed.digest,
        default_rule=recording.default_rule,
    )
    chosen = dict.fromkeys(recording.thresholds, HIGHEST)
    thresholds = chosen if renewed is None else renewed.binding
    calibration, statement = conclude(folder, context, thresholds)
    if calibration.refusals:
        refused = {**statement, "refusals": list(calibration.refusals)}
        (folder / REFUSED).write_text(json.dumps(refused, indent=2, sort_keys=True) + "\n")
        close_to_others(folder)
        return Written(calibration, None)
    (folder / CERTIFICATE).write_bytes(sign(statement, key))
    close_to_others(folder)
    return Written(calibration, folder / CERTIFICATE, laxer_words(context.laxer(calibration)))


def conclude(folder: Path, context: Context, thresholds: Mapping[str, Any]) -> tuple[Calibration, dict[str, Any]]:
    """What the recorded files of a folder come to, and the statement of it.

    Args:
        folder: of the calibration.
        context: what else the statement holds; it says whether thresholds are kept, and has the gate's band.
        thresholds: the numbers by name, where they are kept; else a number says that the gate has that threshold.
    """
    policy, cases = read_leak_policy(folder / POLICY), read_cases(folder / CASES)
    band = context.binding["band"]
    if context.renews:
        calibration = retest(cases, policy, band, thresholds)
    else:
        names = [name for name in CHOSEN if thresholds.get(name) is not None]
        calibration = calibrate(cases, policy, band, names)
    calibration = replace(calibration, refusals=[*calibration.refusals, *_laxer(calibration, policy, context)])
    return calibration, make_statement(calibration, cases, policy, context)


def _laxer(calibration: Calibration, policy: LeakPolicy, context: Context) -> Iterator[str]:
    """Why thresholds that meet every pair are not certified: a certificate makes no gate laxer without a word."""
    items = [] if policy.allow_laxer_thresholds or calibration.refusals else context.laxer(calibration)
    if items:
        yield (
            f"laxer than the default rule: {laxer_words(items)}. What is to be promised does not ask for more: promise "
            "harder leaks or lower rates, or write allow_laxer_thresholds: true in the leak policy"
        )


def verify_calibration(folder: Path, key: Ed25519PublicKey) -> Certificate:
    """Check a certificate's signature, that the recorded files are those it names, and that they say what it states.

    Raises:
        CertificateError: something differs; the message names the file or the part of the statement.
    """
    path = folder / CERTIFICATE
    if not path.is_file():
        raise CertificateError(f"there is no {CERTIFICATE} in {folder}: name the folder that `cxrgate calibrate` wrote")
    certificate = read_certificate(path.read_bytes(), key)
    stated = certificate.statement
    for name, digest in stated["recorded"].items():
        found = file_digest(folder / name) if (folder / name).is_file() else "no file"
        if found != digest:
            raise CertificateError(
                f"{folder / name} is not the file that was certified: sha256 {found} instead of {digest}"
            )
    calibration, computed = conclude(folder, _context(stated), certificate.binding)
    differing = [name for name in {**stated, **computed} if stated.get(name) != computed.get(name)]
    if differing:
        raise CertificateError(
            f"the certificate states another {sorted(differing)} than follows from the recorded cases"
        )
    if calibration.refusals:
        raise CertificateError(f"the certificate promises what cannot be certified: {'; '.join(calibration.refusals)}")
    return certificate


def read_references(folder: Path) -> set[bytes]:
    """Opaque ids of the references that a calibration was made with."""
    return {row.tobytes() for row in np.load(folder / REFERENCES, allow_pickle=False)}


def _context(stated: Mapping[str, Any]) -> Context:
    kept = {name: value for name, value in stated["binding"].items() if name not in CHOSEN}
    return Context(
        binding=kept,
        issued=datetime.fromisoformat(stated["issued"]),
        recorded=stated["recorded"],
        taking_part=stated["overlap"]["taking_part"],
        scanned=stated["overlap"]["scanned"],
        twins=stated["twin_index"]["references_removed"],
        renews=stated["renews"],
        default_rule=None if stated["format"] == 1 else stated["default_rule"],
    )
