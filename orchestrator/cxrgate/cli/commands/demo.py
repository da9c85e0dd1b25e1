"""`cxrgate demo`: the whole filter on a data set that is drawn on the spot."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
import yaml
from rich.console import Console
from rich.table import Table

from cxrgate.cli.commands.run import execute, make_report
from cxrgate.cli.errors import errors_as_messages
from cxrgate.cli.options import DemoModels, demo_models
from cxrgate.core import Decision
from cxrgate.gate.config import RunConfig, read_config

if TYPE_CHECKING:
    import pandas as pd

    from cxrgate.demo.planting import PlantedKind

_DATA = "demo-data"
_NOT_PLANTED = "none of these (other patients)"


def demo(
    output: Annotated[Path, typer.Option(help="Folder for the data set, the released set and the report.")] = Path(
        "out"
    ),
    models: DemoModels = None,
) -> None:
    """Draw radiographs of invented patients, plant leaks among synthetic ones, filter, and say what was found.

    The demo's own models were trained on other drawings by the recipe demo.yaml; to models that know real
    radiographs all drawings look like one patient.

    A data set that was drawn before is used again; remove the output folder to start anew, with other models for
    instance. Nothing is loaded from the network.

    Exit codes: 0 the demo ran, whatever the filter found; 2 wrong usage.
    """
    console, data = Console(), output / _DATA
    with errors_as_messages("gate"):
        from cxrgate.demo.dataset import SEED, read_planted, write_dataset

        if not data.exists():
            with console.status("drawing radiographs of invented patients"):
                write_dataset(data, SEED)
        config = write_config(output, demo_models(models))
        settings = read_config(config)
        results = execute(settings).results
        make_report(settings)
        tell_planted(console, results, read_planted(data))
    tell_places(console, settings, data, config)


def write_config(output: Path, models: Path) -> Path:
    """Write the configuration that `cxrgate run` would take for the same run, and give its path."""
    content = {
        "synthetic": f"{_DATA}/synthetic",
        "output": ".",
        "snapshot": f"{_DATA}/snapshot",
        "models": os.path.relpath(models, output),
        "enrol": {
            "images": f"{_DATA}/real.csv",
            "key": f"{_DATA}/private/key",
            "reference_map": f"{_DATA}/private/map.csv",
        },
        "include_references": True,
        "invented_patients": True,
    }
    path = output / "demo.yaml"
    comment = "# include_references is safe here alone: every picture is of an invented patient.\n"
    path.write_text(comment + yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return path


def tell_planted(console: Console, results: pd.DataFrame, planted: Mapping[str, PlantedKind]) -> None:
    """What became of each kind of planted file, and of the images that nobody planted."""
    from cxrgate.demo.planting import PlantedKind

    kinds = results["image_id"].map(lambda image_id: planted.get(image_id, _NOT_PLANTED))
    counts = Counter(zip(kinds, results["decision"] == Decision.ANONYMOUS, strict=True))
    table = Table("planted", "files", "removed", "released", title="What was planted, and what became of it")
    for kind in (*PlantedKind, _NOT_PLANTED):
        removed, released = counts[kind, False], counts[kind, True]
        table.add_row(kind, str(removed + released), str(removed), str(released))
    console.print(table)
    missed = sum(counts[kind, True] for kind in PlantedKind)
    console.print(f"{missed} of {len(planted)} planted files passed the filter and were released.", highlight=False)
    console.print(
        "These are drawings, and drawings are easy: of real radiographs fewer patients are recognised. What holds for "
        "your data your own index says, at the end of enrolment and by `cxrgate index info`.",
        highlight=False,
        soft_wrap=True,
    )


def tell_places(console: Console, settings: RunConfig, data: Path, config: Path) -> None:
    """Where everything lies."""
    from cxrgate.run.paths import Paths

    for name, place in (
        ("released set", Paths(settings.output).released),
        ("report", settings.output / "report.html"),
        ("data set", data),
        ("the same run", f"cxrgate run {config}"),
    ):
        console.print(f"{name + ':':14}{place}", soft_wrap=True, markup=False, highlight=False)
