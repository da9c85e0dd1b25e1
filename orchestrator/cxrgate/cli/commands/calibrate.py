"""`cxrgate calibrate`: thresholds with a guarantee, and the certificate that says so."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cxrgate.certification import read_signing_key, utc_now
from cxrgate.cli.bars import bars, say
from cxrgate.cli.console import wide_console
from cxrgate.cli.errors import Exit, errors_as_messages
from cxrgate.cli.options import Column, columns_of
from cxrgate.cli.scores import thresholds_line
from cxrgate.core import UsageError
from cxrgate.core.shipped import shipped_file
from cxrgate.gate.config import read_config
from cxrgate.train import read_listed_images

if TYPE_CHECKING:
    from cxrgate.calibration.folder import Written

_NARROWEST = 120
"""Columns, where the output is a file: a row of the table."""


def calibrate(
    config: Annotated[Path, typer.Argument(help="Configuration as for `cxrgate run`, with enrol.key and a snapshot.")],
    data: Annotated[
        Path, typer.Option(help="CSV of real images as they were named at enrolment, and of patients not enrolled.")
    ],
    output: Annotated[Path, typer.Option(help="Folder to make, for the recorded cases and the certificate.")],
    key: Annotated[Path, typer.Option(help="Private key that signs; made by `cxrgate certificate key`.")],
    policy: Annotated[
        Path | None, typer.Option(help="YAML: what is to be promised; without it the shipped leak_policy.yaml.")
    ] = None,
    column: Column = None,
) -> None:
    """Plant leaks of enrolled patients, choose the thresholds that keep the promised rates, and sign a certificate.

    Patients whom a model saw take no part, nor do rows with the split train or tune. The certificate holds for this
    snapshot, these models, k and thresholds until it expires: copy it into the snapshot's folder.

    Exit codes: 0 certified; 1 measured, but the promise cannot be kept, and why; 2 wrong usage, or too few patients.
    """
    with errors_as_messages("gate"):
        from cxrgate.calibration.leak_policy import read_leak_policy

        promised = policy or shipped_file("leak_policy.yaml")
        terms = read_leak_policy(promised)
        signing, settings = read_signing_key(key), read_config(config)
        listed_images = read_listed_images(data, columns_of(column), say)
        if output.exists():
            raise UsageError(f"{output} exists, and records are never replaced: name another --output")
        from cxrgate.calibration.folder import write_calibration
        from cxrgate.calibration.recording import record

        with bars() as progress:
            recording = record(settings, listed_images, terms, progress=progress, tell=say)
        written = write_calibration(output, recording, promised, utc_now(), signing)
    tell(written)


def tell(written: Written) -> None:
    """Print the findings and what came of them; exit code 1 where nothing is certified."""
    from cxrgate.calibration.table import finding_table

    console = wide_console(_NARROWEST)
    found = written.calibration
    console.print(finding_table("Certified" if written.certificate else "Not certified", found.certified))
    console.print(finding_table("Measured; nothing is promised of these", found.measured))
    unenrolled = found.unenrolled
    console.print(
        f"Not enrolled: {unenrolled.flagged} of {unenrolled.patients} patients flagged ({unenrolled.share:.1%}, at "
        f"most {unenrolled.upper:.1%}); {unenrolled.path_patients} others drew the path. "
        f"Thresholds: {thresholds_line(found.thresholds)}",
        highlight=False,
        soft_wrap=True,
    )
    for refusal in found.refusals:
        console.print(f"Not certified: {refusal}", highlight=False, soft_wrap=True)
    if written.certificate is None:
        raise typer.Exit(Exit.REJECTED)
    if written.laxer:
        told = f"Laxer than the default rule, as the leak policy allows: {written.laxer}"
        console.print(told, highlight=False, soft_wrap=True)
    console.print(f"Certificate: {written.certificate}", highlight=False, soft_wrap=True)
