"""`cxrgate run`: the whole filter."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from cxrgate.cli.as_json import AsJson
from cxrgate.cli.bars import bars, say
from cxrgate.cli.engines import AddressOption, EngineOption, RunEngine, open_engine
from cxrgate.cli.errors import Exit, errors_as_messages
from cxrgate.cli.plain import plain
from cxrgate.cli.run_end import as_mapping, nearest_lines, tell_places
from cxrgate.cli.scores import scores_line
from cxrgate.compat import is_pipeline_config, read_pipeline_config
from cxrgate.core import UsageError
from cxrgate.gate.config import RunConfig, read_config
from cxrgate.rpc.logs import warnings_to_stderr

if TYPE_CHECKING:
    import pandas as pd

    from cxrgate.gate.opening import Services
    from cxrgate.run.engines.engine import Engine
    from cxrgate.run.run import RunSummary

_SHOWN = 20


def run(
    config: Annotated[
        Path, typer.Argument(envvar="CONFIG_NAME", help="YAML configuration; relative paths count from its folder.")
    ] = Path("config.yaml"),
    models: Annotated[
        str | None,
        typer.Option(
            help="TorchServe at HOST:PORT, or another server at oip://HOST:PORT; without it this process computes."
        ),
    ] = None,
    index: Annotated[
        str | None, typer.Option(help="HOST:PORT of the index service; without it the snapshot is searched.")
    ] = None,
    certificates: Annotated[
        Path | None,
        typer.Option(help="Folder with the gate's tls.crt, tls.key and ca.crt, for the index and for oips://."),
    ] = None,
    engine: EngineOption = RunEngine.LOCAL,
    address: AddressOption = None,
    only_look: Annotated[
        bool, typer.Option("--dry-run", help="Look at everything, decode every image, say how long it takes, and stop.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Check a synthetic set against the real one and publish what may be released.

    A run that was stopped goes on where it was when it is started again. anonymization-pipeline's config.yaml is
    enough: the released set lies at its filtered_dataset_output then, everything else in the folder cxrgate beside
    its lookup_table_output.

    Exit codes: 0 every image released, 1 some rejected, 2 wrong usage, 3 some without an answer.
    """
    with errors_as_messages("gate"):
        settings, published = _read(config)
        from cxrgate.gate.opening import Services

        warnings_to_stderr()
        services = Services(models or settings.model_server, index, certificates)
        if only_look:
            from cxrgate.run.dry_run import dry_run

            with bars() as progress:
                expected = dry_run(settings, services, progress, say)
            if as_json:
                typer.echo(json.dumps(asdict(expected), indent=1))
            return
        with open_engine(engine, address) as chosen:
            summary = execute(settings, services, Console(quiet=as_json), chosen)
        make_report(settings)
        if published:
            from cxrgate.compat.run import publish_filtered

            publish_filtered(settings, published)
            say(f"The same set, where the configuration wants it: {published}")
        if as_json:
            typer.echo(json.dumps(as_mapping(settings, summary), indent=1))
        else:
            tell_places(settings, summary, config)
    raise typer.Exit(exit_code(summary))


def _read(config: Path) -> tuple[RunConfig, Path | None]:
    """The run and, where anonymization-pipeline's configuration asks for it, the folder of its released set."""
    if not is_pipeline_config(config):
        return read_config(config), None
    pipeline = read_pipeline_config(config)
    from cxrgate.compat.run import run_config

    return run_config(pipeline), pipeline.filtered_dataset_output


def execute(
    settings: RunConfig,
    services: Services | None = None,
    console: Console | None = None,
    engine: Engine | None = None,
) -> RunSummary:
    """Run with progress bars, in this process where no services and engine are given, and say what came of it."""
    from cxrgate.gate.opening import IN_THIS_PROCESS
    from cxrgate.run.run import run as run_filter

    console = console or Console()
    with bars() as progress:
        summary = run_filter(settings, progress, services or IN_THIS_PROCESS, say, engine)
    tell(console, settings, summary)
    if summary.checked:
        rate = summary.checked / summary.seconds
        console.print(f"{summary.checked:,} images checked in {summary.seconds:.1f} s, {rate:.1f} images/s")
    return summary


def make_report(settings: RunConfig) -> None:
    """Write `report.html` beside the released set; with real pictures only where the configuration asks for them.

    Raises:
        UsageError: pictures are asked for without a reference map.
    """
    from cxrgate.cli.pictures import FilePictures
    from cxrgate.images.sandbox.decoder import SandboxedDecoder
    from cxrgate.run.enrol import list_synthetic
    from cxrgate.run.paths import Paths
    from cxrgate.run_page.page import write_report

    paths, page, invented = Paths(settings.output), settings.output / "report.html", settings.invented_patients
    if not settings.include_references:
        write_report(paths.results, paths.released, page, invented=invented)
        return
    if settings.enrol is None:
        raise UsageError("the configuration lacks enrol.reference_map, which include_references needs: add it")
    with SandboxedDecoder() as decoder:
        files, side = list_synthetic(settings).files, settings.release.side
        pictures = FilePictures(files, settings.enrol.reference_map, decoder, side=side)
        write_report(paths.results, paths.released, page, pictures, invented=invented)


def tell(console: Console, settings: RunConfig, summary: RunSummary) -> None:
    """What was removed and why."""
    from cxrgate.run.paths import Paths

    results = summary.results
    counts = results["decision"].value_counts()
    promised = settings.certification == "required"
    told = "under the certificate of the snapshot" if promised else "no certificate, no bound on missed leaks"
    # A line of its own: a table's title is broken to the width of its two columns.
    console.print(f"{plain(settings.synthetic.name)}: {told}", markup=False, highlight=False, soft_wrap=True)
    table = Table("decision", "images")
    for name in ("ANONYMOUS", "NOT_ANONYMOUS", "INDETERMINATE"):
        table.add_row(name, str(counts.get(name, 0)))
    console.print(table)
    _tell_refusals(console, results)
    removed = results[results["decision"] != "ANONYMOUS"]
    for row in removed.head(_SHOWN).to_dict("records"):
        scores = scores_line(row["score"], row) if not row["stage"] else ""
        line = f"  removed {plain(row['image_id'])}  {row['reasons']}{scores}"
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    if len(removed) > _SHOWN:
        console.print(f"  and {len(removed) - _SHOWN} more, all in the results")
    withheld = _withheld(summary)
    if withheld:
        console.print(f"{withheld} without a match were withheld by reviewers")
    borderline = int((results["borderline"] & results["released_as"].isin(list(summary.released))).sum())
    paths = Paths(settings.output)
    console.print(f"{summary.held.sentence[0].upper()}{summary.held.sentence[1:]}.", soft_wrap=True)
    promise = summary.promise or "nothing is promised of unenrolled patients: a threshold was set by hand"
    console.print(f"False flags: {promise}.", soft_wrap=True, highlight=False)
    if summary.recognised:
        console.print(summary.recognised, soft_wrap=True, highlight=False)
    console.print(f"{borderline} of the released are borderline. Released set: {paths.released}", soft_wrap=True)
    for line in nearest_lines(summary):
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _tell_refusals(console: Console, results: pd.DataFrame) -> None:
    """Why images have no answer, once per reason, and how many were colour."""
    unanswered = results[results["decision"] == "INDETERMINATE"]
    counts = Counter(zip(unanswered["reasons"], unanswered["message"], strict=True))
    for (reason, message), count in counts.most_common():
        why = f"{reason}, {message}" if message else reason
        console.print(f"  no answer for {count}: {why}", markup=False, highlight=False, soft_wrap=True)
    if colour := int(results["colour"].sum()):
        console.print(f"  {colour} of colour, their channels at most 8 levels apart, were turned grey", highlight=False)


def _withheld(summary: RunSummary) -> int:
    return int((summary.results["released_as"] != "").sum()) - len(summary.released)


def exit_code(summary: RunSummary) -> Exit:
    """The worst that happened."""
    decisions = set(summary.results["decision"])
    if "INDETERMINATE" in decisions:
        return Exit.INCOMPLETE
    return Exit.REJECTED if "NOT_ANONYMOUS" in decisions or _withheld(summary) else Exit.RELEASED
