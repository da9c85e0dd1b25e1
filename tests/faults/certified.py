"""A certificate of the job's gate."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from faults.job import Job
from support.certified_gate import bound, certificate
from support.null_models import NullForward, ServedNullForward, null_models

from cxrgate.gate.config import read_config


def certify(job: Job, name: str, *, served: bool = False) -> None:
    """Lay it beside the job's snapshot, current until tomorrow; `name` is of an output, `served` as for the starter."""
    with null_models(ServedNullForward if served else NullForward):
        parts = bound(read_config(job.config(name)))
    content = certificate(job.folder, parts, datetime.now(UTC) + timedelta(days=1))
    (job.snapshot / "certificate.json").write_bytes(content)
