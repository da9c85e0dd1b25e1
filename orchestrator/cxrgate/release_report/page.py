"""The page of a release report: the statement for people, without scripts, network or pixels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jinja2 import TemplateError

from cxrgate.certification import UNCERTIFIED
from cxrgate.core import UsageError
from cxrgate.core.spaces import COSINE_SPACES, MATCHES
from cxrgate.plots.charts import charts
from cxrgate.plots.histogram import SIZE
from cxrgate.release_report.checks.page import CLAIM
from cxrgate.release_report.formats.one.claims import NOT_COVERED, percent_up
from cxrgate.release_report.formats.one.leaks import ANY, LeakRow
from cxrgate.release_report.formats.two import claims, words
from cxrgate.run.recorded import Results
from cxrgate.run_page.environment import make_environment
from cxrgate.run_page.measured import measured_by
from cxrgate.run_page.summary import summarise

FILES = 100
"""Files whose sha256 the page shows. All of them are in the report itself."""


def render_page(statement: Mapping[str, Any], claim: str, results: Results) -> str:
    """The page of a statement in the latest format.

    Args:
        statement: of the report.
        claim: sha256 of the signed file, by which the page belongs to it.
        results: of the run, for the charts.

    Raises:
        UsageError: the statement lacks a part.
    """
    environment = make_environment("cxrgate.release_report", "cxrgate.run_page")
    environment.filters |= {"at_most": percent_up, "unbroken": _unbroken, "moment": _moment, "up": claims.up}
    environment.filters |= {"leak_class": words.leak_class, "strength": words.strength, "sure": claims.percent}
    try:
        images = results.published(statement["released"].keys()).images
        return environment.get_template("release.html.j2").render(
            statement=statement,
            claim=claim,
            claim_name=CLAIM,
            box=_box(statement),
            invented=list(claims.invented(results.run)),
            run=statement["run"],
            policy=results.policy,
            summary=summarise(images),
            charts=charts(results.images, results.policy),
            words=MATCHES,
            spaces=COSINE_SPACES,
            measured=measured_by(results),
            size=SIZE,
            band=results.policy.band,
            uncertified=UNCERTIFIED,
            not_covered=NOT_COVERED,
            any_strength=ANY,
            files=list(statement["released"].items())[:FILES],
        )
    except (TemplateError, TypeError, KeyError, ValueError) as error:
        raise UsageError(
            "the statement or run.json is not complete, so no page can be made of it: run again"
        ) from error


def _box(statement: Mapping[str, Any]) -> dict[str, list[str]]:
    """What stands first on the page of a certified release: what is promised, what is not, and what is laxer."""
    if statement["certified"] is None:
        return {"promised": [], "measured": [], "limits": [], "laxer": []}
    names = LeakRow.__dataclass_fields__
    rows = [LeakRow(**{name: row[name] for name in names}) for row in statement["certified"]]
    says = statement["certificate"]["statement"].get("says", ())
    return {
        "promised": list(claims.promised(rows)),
        "measured": list(claims.only_measured(rows, "certificate")),
        "limits": list(claims.limits(rows, says)),
        "laxer": list(claims.laxer(statement["laxer"])),
    }


def _unbroken(text: str) -> str:
    """The text with its numbers and their per cent signs on one line."""
    return text.replace(" %", "\N{NO-BREAK SPACE}%")


def _moment(text: str | None) -> str:
    """A time of ISO format to the minute, with its zone."""
    if text is None:
        return "not recorded"
    day, _, clock = text.partition("T")
    zone = "UTC" if clock.endswith("+00:00") else clock[8:]
    return f"{day} {clock[:5]} {zone}"
