"""The release report: everything that is claimed of a released set, made again byte for byte from what was recorded.

results/ + released/ + certificate + audit + training manifest -> statement -> signed file, page
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from cxrgate.certification import UNCERTIFIED
from cxrgate.core import CertificateError, UsageError
from cxrgate.core.digest import bytes_digest
from cxrgate.release_report.claims import claims
from cxrgate.release_report.coverage import Coverage
from cxrgate.release_report.decided_again import changed_decisions
from cxrgate.release_report.figures import counts, histograms, nearest_patients
from cxrgate.release_report.files import check_released, released_digests, results_digests
from cxrgate.release_report.leaks import LeakRow, certificate_rows, read_audit
from cxrgate.run.recorded import Results, read_results
from cxrgate.run.release import MANIFEST

FORMAT = 1


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


def make_statement(inputs: Inputs) -> dict[str, Any]:
    """The statement of a released set that is what its run published.

    Raises:
        UsageError: a file is missing, changed or none of the run's, or a decision is not what its policy makes of the
            recorded numbers.
        MismatchError: the audit is of another gate.
        CertificateError: the certificate is not the one that the run was made under.
    """
    results = read_results(inputs.results)
    files = released_digests(inputs.released)
    manifest = check_released(inputs.released, files, results.images)
    _check_same_run(results, manifest)
    _check_decisions(results)
    _check_certificate(inputs.certificate, str(results.run["certification"]))
    certificate = None if inputs.certificate is None else json.loads(inputs.certificate)
    audit = None if inputs.audit is None else read_audit(inputs.audit, results)
    coverage = None if inputs.coverage is None else inputs.coverage.to_json()
    return compose(results, files, certificate, audit, coverage)


def compose(
    results: Results,
    files: Mapping[str, str],
    certificate: Mapping[str, Any] | None,
    audit: Mapping[str, Any] | None,
    coverage: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """The statement, from its parts: pure, and each part unchecked.

    Args:
        results: of the run.
        files: sha256 of what lies in the released folder.
        certificate: statement and signature.
        audit: see release_report_leaks.read_audit.
        coverage: the fields of a Coverage.
    """
    published = files.keys() - {MANIFEST}
    results = results.published(published)
    certified = None if certificate is None else list(certificate_rows(certificate["statement"]))
    audited = [] if audit is None else [LeakRow(**row) for row in audit["leaks"]]
    covered = None if coverage is None else Coverage(**coverage)
    counted = len(published), len(results.images), results.policy.references
    return {
        "format": FORMAT,
        "reporter": version("cxrgate"),
        "claims": list(claims(*counted, certified, audited, covered)),
        "run": run_part(results),
        "band": results.policy.band,
        "counts": {**counts(results.images), "published": len(published)},
        "histograms": histograms(results),
        "nearest_patients": nearest_patients(results),
        "certificate": certificate,
        "certified": None if certified is None else [asdict(row) for row in certified],
        "audit": audit,
        "coverage": coverage,
        "results": results_digests(results.folder),
        "released": dict(files),
    }


def run_part(results: Results) -> dict[str, Any]:
    """What a verdict depends on, without times and machines; UsageError where run.json is not complete."""
    run = results.run
    named = ("cxrgate", "certification", "policy", "policy_digest", "snapshot", "synthetic", "engine", "versions")
    parts = ("name", "digest", "architecture", "preprocessing", "dtype", "weights", "threshold")
    models = {kind: {part: model[part] for part in parts if part in model} for kind, model in run["models"].items()}
    try:
        return {**{name: run[name] for name in named}, "models": models}
    except KeyError as error:
        raise UsageError(f"{results.folder}: expected a complete run.json, it lacks {error}") from error


def _check_same_run(results: Results, manifest: Mapping[str, Any]) -> None:
    expected = {"policy": results.run["policy_digest"], "certification": results.run["certification"]}
    differing = [name for name, value in expected.items() if manifest.get(name) != value]
    if differing:
        raise UsageError(f"expected results and released set of one run, they differ in {', '.join(differing)}")


def _check_decisions(results: Results) -> None:
    first = next(changed_decisions(results), None)
    if first is not None:
        told = f"{first.part}: {first.told}"
        raise UsageError(f"{results.folder}: expected decisions that follow from the recorded numbers, {told}")


def _check_certificate(content: bytes | None, certification: str) -> None:
    if certification == UNCERTIFIED and content is not None:
        raise CertificateError("expected no certificate: the run was made without one and stays uncertified")
    if certification != UNCERTIFIED and (content is None or bytes_digest(content) != certification):
        raise CertificateError(f"expected the certificate that the run was made under, sha256 {certification}")
