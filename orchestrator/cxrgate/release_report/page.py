"""The page of a release report: the statement for people, without scripts, network or pixels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jinja2 import TemplateError

from cxrgate.certification import UNCERTIFIED
from cxrgate.core import UsageError
from cxrgate.planted.figures import ANY
from cxrgate.plots.charts import charts
from cxrgate.plots.histogram import SIZE
from cxrgate.release_report.claims import BY_NAME, NOT_COVERED, percent_up
from cxrgate.run.recorded import Results
from cxrgate.run_page.environment import make_environment
from cxrgate.run_page.summary import REASONS, summarise

FILES = 100
"""Files whose sha256 the page shows. All of them are in the report itself."""


def render_page(statement: Mapping[str, Any], results: Results) -> str:
    """The page of a statement: equal statements of equal results give equal pages.

    Raises:
        UsageError: the statement lacks a part.
    """
    environment = make_environment("cxrgate.release_report", "cxrgate.run_page")
    environment.filters |= {"at_most": percent_up, "unbroken": _unbroken}
    try:
        images = results.published(statement["released"].keys()).images
        return environment.get_template("release.html.j2").render(
            statement=statement,
            run=statement["run"],
            policy=results.policy,
            summary=summarise(images),
            charts=charts(results.images, results.policy),
            words=REASONS,
            size=SIZE,
            band=results.policy.band,
            uncertified=UNCERTIFIED,
            not_covered=NOT_COVERED,
            by_name=BY_NAME,
            any_strength=ANY,
            files=list(statement["released"].items())[:FILES],
        )
    except (TemplateError, TypeError, KeyError) as error:
        raise UsageError("expected a complete statement and run.json to make a page of") from error


def _unbroken(text: str) -> str:
    """The text with its numbers and their per cent signs on one line."""
    return text.replace(" %", "\N{NO-BREAK SPACE}%")
