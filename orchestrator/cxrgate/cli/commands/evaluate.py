"""`cxrgate evaluate`: how good the models are on patients that they never saw."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from cxrgate.cli.bars import bars
from cxrgate.cli.console import wide_console
from cxrgate.cli.errors import errors_as_messages
from cxrgate.cli.options import Device, Models, models_folder
from cxrgate.core.spaces import COSINE_SPACES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cxrgate.core.progress import Progress
    from cxrgate.evaluate.baseline import Fitted
    from cxrgate.evaluate.evaluation import Evaluation
    from cxrgate.planted.listing import Entry, HeldOut
    from cxrgate.train import ListedImage

_NARROWEST = 110
"""Columns, where the output is a file: a row of the widest table."""


def evaluate(
    data: Annotated[
        Path,
        typer.Argument(
            help="Folder with manifest.csv: image, patient_id, source and, if there, split, view, follow_up, licence."
        ),
    ],
    models: Models = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--json",
            help="File for every figure with its interval; plots (identity.html) and tables (identity.md) lie beside.",
        ),
    ] = None,
    baseline: Annotated[
        bool,
        typer.Option(
            "--baseline",
            help="Judge a frozen EfficientNet-Lite0 with LDA too, fitted on the parts train and tune of the listing "
            "without sources under NC licences; needs the column split.",
        ),
    ] = False,
    device: Device = "cpu",
) -> None:
    """Judge the models on patients that they never saw: identity, the gate, copies.

    Where the listing has a column split, only its part `test` is judged, else everything. Patients that any of the
    models saw are left out and counted. The last line printed is one JSON object with the main figures by group: all
    sources, adults (all but kermany), and each source; `identification` has the share of other radiographs of enrolled
    patients that are recognised at 5 % of false flags, `false_flags` the unenrolled patients that the default rule
    flags, both by the number of references. Galleries larger than what is held out are filled with the other patients.

    Of the gate's three axes this has sensitivity and specificity. `cxrgate audit` asks for consistency, membership
    inference, exhaustive verification and planted leaks, `cxrgate excess` for a control index and class folders.

    Exit codes: 0 the models were judged, whatever came of it; 2 wrong usage.
    """
    console = wide_console(_NARROWEST)
    with errors_as_messages("gate"):
        from cxrgate.evaluate.evaluation import evaluate as judge
        from cxrgate.evaluate.evaluation import read_manifests
        from cxrgate.planted.listing import hold_out, read_entries

        store, entries = models_folder(models), read_entries(data)
        held_out = hold_out(entries, read_manifests(store).values())
        console.print(told(held_out), highlight=False)
        with tempfile.TemporaryDirectory(prefix="cxrgate-") as work, bars() as report:
            result = judge(store, held_out, Path(work), device, report, fillers(entries, held_out))
            fitted = _fit_baseline(entries, Path(work) / "baseline", report) if baseline else None
            other = judge(fitted.store, held_out, Path(work), device, report) if fitted and fitted.store else None
        show(console, str(store), result)
        if fitted:
            console.print(f"Baseline: {fitted.description}", highlight=False)
        if other:
            show(console, "Baseline", other)
        if output:
            write(output, held_out, result, other)
        typer.echo(json.dumps(result.summary()))


def _fit_baseline(entries: Sequence[Entry], folder: Path, report: Progress) -> Fitted:
    with errors_as_messages("train"):
        from cxrgate.evaluate.baseline import fit_baseline

        return fit_baseline(entries, folder, report)


def fillers(entries: Sequence[Entry], held_out: HeldOut) -> list[ListedImage]:
    """Images of patients that a model saw: they fill galleries that are larger than what is held out."""
    unseen = {listed_image.patient_id for listed_image in held_out.listed_images}
    return [entry.listed_image for entry in entries if entry.listed_image.patient_id not in unseen]


def told(held_out: HeldOut) -> str:
    """How much is judged, and how much is not."""
    patients = len({listed_image.patient_id for listed_image in held_out.listed_images})
    return (
        f"{len(held_out.entries)} images of {patients} patients. Left out because a model saw their patients: "
        f"{held_out.images_left_out} images of {held_out.patients_left_out} patients."
    )


def show(console: Console, name: str, evaluation: Evaluation) -> None:
    """Print the tables."""
    from cxrgate.evaluate.tables import tables

    for table in tables(name, evaluation):
        console.print(table)
    for space in COSINE_SPACES:
        threshold = evaluation.thresholds[space.threshold]
        told = f"{space.match.capitalize()} threshold that flags 5 % of all unenrolled patients: {threshold:.4f}"
        console.print(told, highlight=False)


def write(path: Path, held_out: HeldOut, result: Evaluation, baseline: Evaluation | None) -> None:
    """Write every figure, with intervals and counts."""
    content: dict[str, Any] = {
        "images": len(held_out.entries),
        "left_out": {"images": held_out.images_left_out, "patients": held_out.patients_left_out},
        "models": result.to_json(),
        "baseline": baseline.to_json() if baseline else None,
    }
    from cxrgate.growth.page import write_growth
    from cxrgate.storage import make_folder

    make_folder(path.parent)
    write_growth(result.growth, result.models, path.parent)
    path.write_text(json.dumps(content, indent=2, allow_nan=False) + "\n", encoding="utf-8")
