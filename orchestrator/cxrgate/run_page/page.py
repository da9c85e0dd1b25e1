"""The report's page: results in, one HTML file without scripts and without network out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from jinja2 import TemplateError

from cxrgate.core import UsageError
from cxrgate.core.spaces import COSINE_SPACES, MATCHES
from cxrgate.plots.charts import charts
from cxrgate.plots.histogram import SIZE
from cxrgate.run.recorded import Results, read_results
from cxrgate.run.release import read_manifest
from cxrgate.run_page.cases import ShownImage, ShownImages, find_cases
from cxrgate.run_page.environment import make_environment
from cxrgate.run_page.measured import measured_by
from cxrgate.run_page.pictures import SIDE, Pictures, data_uri, judged_uri
from cxrgate.run_page.summary import summarise
from cxrgate.storage import write_durably

CANDIDATES = 4
"""Candidates per case in the side-by-side view."""


@dataclass(frozen=True, slots=True)
class Pictured:
    """A case with its pictures as data URIs: the synthetic image, and of each candidate that is shown."""

    case: ShownImage
    synthetic: str
    references: tuple[str, ...]


def write_report(
    results: Path, released: Path, output: Path, pictures: Pictures | None = None, *, invented: bool = False
) -> None:
    """Write the page of a run; an existing one is replaced in one step.

    Args:
        results: folder with `run.json`, `results.parquet` and `evidence.parquet`.
        released: folder of the released set; its manifest says what is in it.
        output: the HTML file.
        pictures: with it, flagged and borderline images are shown side by side with their candidates, and the
            page holds real patients' pixels; without it, the page holds no pixels at all.
        invented: the patients are drawings: the page says so, and nothing of real ones.

    Raises:
        UsageError: a folder does not hold the results of a run, or no released set.
        MismatchError: the policy is not the one that its digest names.
    """
    html = _render(read_results(results).published(read_manifest(released)["files"]), pictures, invented=invented)
    write_durably(output, html.encode())


def _render(results: Results, pictures: Pictures | None, *, invented: bool) -> str:
    cases = find_cases(results)
    try:
        return (
            make_environment("cxrgate.run_page")
            .get_template("page.html.j2")
            .render(
                run=results.run,
                policy=results.policy,
                summary=summarise(results.images),
                charts=charts(results.images, results.policy),
                cases=cases,
                invented=invented,
                pictured=None if pictures is None else _pictured(cases, pictures),
                words=MATCHES,
                spaces=COSINE_SPACES,
                size=SIZE,
                side=SIDE,
                band=results.policy.band,
                measured=measured_by(results),
            )
        )
    except (
        TemplateError,
        KeyError,
        TypeError,
        ValueError,
    ) as error:  # TypeError: a number that is not there is formatted
        raise UsageError(f"{results.folder}: run.json lacks {error}: run again") from error


def _pictured(cases: ShownImages, pictures: Pictures) -> list[Pictured]:
    """Flagged cases first, then borderline ones."""
    return [
        Pictured(
            case,
            judged_uri(pictures, case.image_id, case.pixel_digest),
            tuple(data_uri(pictures.reference(item.reference_id)) for item in case.candidates[:CANDIDATES]),
        )
        for case in (*cases.flagged, *cases.borderline)
    ]
