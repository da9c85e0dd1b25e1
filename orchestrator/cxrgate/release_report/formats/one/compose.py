"""The statement of format 1 from its parts; frozen, see formats."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from cxrgate.core import UsageError
from cxrgate.release_report.formats.one.claims import claims
from cxrgate.release_report.formats.one.counts import counts, nearest_patients
from cxrgate.release_report.formats.one.histograms import histograms
from cxrgate.release_report.formats.one.leaks import LeakRow, audit_rows, certificate_rows, worst_patients
from cxrgate.release_report.parts import Parts
from cxrgate.release_report.records import Records

_MANIFEST = "manifest.json"
_RUN = ("cxrgate", "certification", "policy", "policy_digest", "snapshot", "synthetic", "engine", "versions")
_MODEL = ("name", "digest", "architecture", "preprocessing", "dtype", "weights", "threshold")


def compose(parts: Parts) -> dict[str, Any]:
    """The statement: pure, and each part unchecked. UsageError where run.json is not complete."""
    published = parts.released.keys() - {_MANIFEST}
    records = parts.records.published(published)
    rows = None if parts.certificate is None else list(certificate_rows(parts.certificate["statement"]))
    audited = [] if parts.audit is None else [LeakRow(**row) for row in parts.audit["leaks"]]
    counted = len(published), len(records.images), records.policy["references"]
    return {
        "format": 1,
        "claims": list(claims(*counted, rows, audited, parts.coverage)),
        "run": run_part(records),
        "band": records.policy["band"],
        "counts": {**counts(records.images), "published": len(published)},
        "histograms": histograms(records.images, records.policy),
        "nearest_patients": nearest_patients(records),
        "certificate": parts.certificate,
        "certified": None if rows is None else [asdict(row) for row in rows],
        "audit": parts.audit,
        "coverage": parts.coverage,
        "released": dict(parts.released),
    }


def audit_part(cases: Any) -> dict[str, Any]:
    """What decided cases of an audit say of leaks."""
    return {"leaks": [asdict(row) for row in audit_rows(cases)], "worst_patients": worst_patients(cases)}


def run_part(records: Records) -> dict[str, Any]:
    """What a verdict depends on, without times and machines; UsageError where run.json is not complete."""
    run = records.run
    models = {kind: {part: model[part] for part in _MODEL if part in model} for kind, model in run["models"].items()}
    try:
        return {**{name: run[name] for name in _RUN}, "models": models}
    except KeyError as error:
        raise UsageError(f"{records.folder}: run.json lacks {error}: run again") from error
