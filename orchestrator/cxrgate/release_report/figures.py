"""Counts, histograms and nearest patients of a run, as plain values."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pandas as pd

from cxrgate.plots.charts import charts
from cxrgate.run.recorded import Results
from cxrgate.run_page.summary import summarise

WORST = 5
"""Patients that are told of, the one with most images first."""


def counts(images: pd.DataFrame) -> dict[str, Any]:
    """Images per decision, in all and per class folder, and how often each reason was given."""
    found = summarise(images)
    return {
        "total": asdict(found.total),
        "classes": [asdict(part) for part in found.classes],
        "removed_for": dict(found.removed_for),
        "unanswered_for": dict(found.unanswered_for),
        "withheld": found.withheld,
        "borderline": found.borderline,
    }


def histograms(results: Results) -> list[dict[str, Any]]:
    """Every score as counts per bin; a bin lies on one side of each threshold."""
    return [
        {
            "name": chart.name,
            "bins": [{name: getattr(bar, name) for name in ("low", "high", "count")} for bar in chart.histogram.bars],
            "without_a_value": chart.histogram.missing,
        }
        for chart in charts(results.images, results.policy)
    ]


def nearest_patients(results: Results) -> dict[str, Any]:
    """Released images by the enrolled patient whom each is most like, without saying who that is.

    `most`: of the patients with most released images, how many of them, how many borderline, and the highest score.
    """
    released = results.images[results.images["released_as"] != ""]
    if released.empty:
        return {"patients": 0, "most": []}
    evidence = results.evidence([str(name) for name in released["image_id"]])
    best = evidence.sort_values(["score", "similarity"], ascending=False, kind="stable").drop_duplicates("image_id")
    joined = best[["image_id", "patient_key", "score"]].merge(released[["image_id", "borderline"]], on="image_id")
    grouped = joined.groupby("patient_key").agg(
        images=("image_id", "size"), borderline=("borderline", "sum"), highest_score=("score", "max")
    )
    ordered = grouped.sort_values(["images", "highest_score"], ascending=False, kind="stable").head(WORST)
    most = [dict(zip(ordered.columns, row, strict=True)) for row in ordered.astype(object).to_numpy().tolist()]
    return {"patients": len(grouped), "most": most}
