"""The release report: everything that is claimed of a released set, made again from what was recorded.

results/ + released/ + certificate + audit + training manifest -> statement -> signed file, page
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from cxrgate.certification import UNCERTIFIED
from cxrgate.core import CertificateError, UsageError
from cxrgate.core.digest import bytes_digest
from cxrgate.release_report.audit import read_audit
from cxrgate.release_report.coverage import Coverage
from cxrgate.release_report.decided_again import changed_decisions
from cxrgate.release_report.files import check_released, released_digests, results_digests
from cxrgate.release_report.formats.versions import FORMATS, LATEST
from cxrgate.release_report.parts import Parts
from cxrgate.release_report.records import Records, read_records


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a report is made from.

    Attributes:
        results: folder of a run's results.
        released: folder of its released set.
        certificate: the bytes of the signed file under which the run was made; None for an uncertified run.
        audit: audit.json of `cxrgate audit`, with its cases beside it.
        coverage: of the generator's training manifest.
    """

    results: Path
    released: Path
    certificate: bytes | None = field(default=None, repr=False)
    audit: Path | None = None
    coverage: Coverage | None = None


def make_statement(inputs: Inputs, signed: Mapping[str, Any]) -> dict[str, Any]:
    """The statement of a released set that is what its run published, in the latest format.

    Args:
        inputs: see there.
        signed: by whom and when, see signed.signed_part.

    Raises:
        UsageError: a file is missing, changed or none of the run's, or a decision is not what its policy makes of the
            recorded numbers.
        MismatchError: the audit is of another gate.
        CertificateError: the certificate is not the one that the run was made under.
    """
    records = read_records(inputs.results)
    files = released_digests(inputs.released)
    manifest = check_released(inputs.released, files, records.images)
    _check_same_run(records, manifest)
    _check_decisions(records)
    _check_certificate(inputs.certificate, str(records.run["certification"]))
    latest = FORMATS[LATEST]
    parts = Parts(
        records=records,
        released=files,
        certificate=None if inputs.certificate is None else json.loads(inputs.certificate),
        audit=None if inputs.audit is None else read_audit(inputs.audit, records, latest.audit_part),
        coverage=None if inputs.coverage is None else inputs.coverage.to_json(),
        signed=signed,
    )
    return {"reporter": version("cxrgate"), **latest.compose(parts), "results": results_digests(records.folder)}


def _check_same_run(records: Records, manifest: Mapping[str, Any]) -> None:
    expected = {"policy": records.run["policy_digest"], "certification": records.run["certification"]}
    differing = [name for name, value in expected.items() if manifest.get(name) != value]
    if differing:
        raise UsageError(
            f"results and released set are of two runs, they differ in {', '.join(differing)}: name those of one"
        )


def _check_decisions(records: Records) -> None:
    first = next(changed_decisions(records), None)
    if first is not None:
        told = f"{first.part}: {first.told}"
        raise UsageError(
            f"{records.folder}: some decisions do not follow from the recorded numbers, {told}: release nothing"
        )


def _check_certificate(content: bytes | None, certification: str) -> None:
    if certification == UNCERTIFIED and content is not None:
        raise CertificateError(
            "a certificate is given, and the run was made without one: it stays uncertified, leave the certificate out"
        )
    if certification != UNCERTIFIED and (content is None or bytes_digest(content) != certification):
        raise CertificateError(f"the run was made under another certificate, sha256 {certification}: name that one")
