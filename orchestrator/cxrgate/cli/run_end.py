"""The end of a run: what lies where, what to look at first, and what comes next."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from cxrgate.cli.bars import say
from cxrgate.cli.plain import plain
from cxrgate.cli.scores import scores_line
from cxrgate.core import Decision
from cxrgate.run.paths import Paths

if TYPE_CHECKING:
    from cxrgate.gate.config import RunConfig
    from cxrgate.run.run import RunSummary


def nearest_lines(summary: RunSummary) -> Iterator[str]:
    """The released images that are nearest to a threshold, one a line."""
    if summary.nearest.empty:
        return
    yield "Released, and nearest to a threshold; look at these first:"
    for row in summary.nearest.to_dict("records"):
        yield f"  {plain(str(row['image_id']))}{scores_line(row['score'], row)}"


def tell_places(settings: RunConfig, summary: RunSummary, config: Path) -> None:
    """Say where page and results lie, and what to do next."""
    paths = Paths(settings.output)
    typer.echo(f"Page:     {settings.output / 'report.html'}")
    typer.echo(f"Results:  {paths.results / 'results.csv'}, evidence and nearest.csv beside it")
    say(f"Next:     {_next(settings, summary, config)}")


def _next(settings: RunConfig, summary: RunSummary, config: Path) -> str:
    if (summary.results["decision"] == Decision.INDETERMINATE.value).any():
        return (
            "look at the page, and above why images have no answer: they are not released. What failed by this host's "
            "fault is tried again by the same command"
        )
    if settings.certification == "none":
        return (
            f"look at the page. `cxrgate decide {settings.output}` tries other thresholds; "
            f"`cxrgate calibrate {config}` measures how many leaks pass, and certifies it"
        )
    return f"look at the page, then `cxrgate release-report {config} --key KEY` signs what may be said of the set"


def as_mapping(settings: RunConfig, summary: RunSummary) -> dict[str, Any]:
    """What came of a run, for JSON."""
    paths, results = Paths(settings.output), summary.results
    counts = results["decision"].value_counts()
    released = results["released_as"].isin(list(summary.released))
    return {
        "counts": {decision.value: int(counts.get(decision.value, 0)) for decision in Decision},
        "released": len(summary.released),
        "borderline": int((results["borderline"] & released).sum()),
        "nearest_to_a_threshold": [] if summary.nearest.empty else summary.nearest["image_id"].tolist(),
        "held": summary.held.sentence,
        "promise": None if summary.promise is None else str(summary.promise),
        "recognised": summary.recognised,
        "released_set": str(paths.released),
        "page": str(settings.output / "report.html"),
        "results": str(paths.results),
        "images_checked_now": summary.checked,
    }
