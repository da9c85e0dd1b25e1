"""The page of an audit: its plots and, per class and strength, the share that is not released."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cxrgate.audit.audit import Audit
from cxrgate.audit.plots import plots
from cxrgate.core.spaces import COSINE_SPACES
from cxrgate.growth.plots import growth_plots
from cxrgate.planted.figures import ANY, Row, leak_rows, out_of_distribution, specificity
from cxrgate.run_page.environment import make_environment


@dataclass(frozen=True, slots=True)
class Ladder:
    """A class as a row, and its strengths as rows; a class of one strength is its own only rung."""

    whole: Row
    rungs: Sequence[Row]


def write_page(result: Audit, path: Path) -> None:
    """Write the page: one file, without scripts and without network."""
    rows = list(leak_rows(result.cases))
    page = make_environment("cxrgate.audit", "cxrgate.run_page").get_template("audit.html.j2")
    html = page.render(
        growth=growth_plots(result.growth.rows, result.growth.extrapolated),
        plots=plots(result.cases, result.policy, result.points, rows),
        ladders=list(_ladders(rows)),
        specificity=specificity(result.cases),
        outliers=out_of_distribution(result.cases),
        policy=result.policy,
        spaces=COSINE_SPACES,
    )
    path.write_text(html, encoding="utf-8")


def _ladders(rows: Sequence[Row]) -> Iterator[Ladder]:
    for whole in rows:
        if whole.strength == ANY:
            rungs = [row for row in rows if row.leak_class == whole.leak_class and row.strength != ANY]
            yield Ladder(whole, rungs or [whole])
