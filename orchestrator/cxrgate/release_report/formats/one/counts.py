"""Images per decision and reason, and the patients whom released images are most like; frozen, see formats."""

from __future__ import annotations

from typing import Any

import pandas as pd

from cxrgate.release_report.records import Records

WORST = 5
"""Patients that are told of, the one with most images first."""
_DECISIONS = ("ANONYMOUS", "NOT_ANONYMOUS", "INDETERMINATE")


def counts(images: pd.DataFrame) -> dict[str, Any]:
    """Images per decision, in all and per class folder, and how often each reason was given."""
    total = _counts("", images)
    return {
        "total": total,
        "classes": [_counts(str(label), rows) for label, rows in images.groupby("label", sort=True)],
        "removed_for": _reasons(images[images["decision"] == "NOT_ANONYMOUS"]),
        "unanswered_for": _reasons(images[images["decision"] == "INDETERMINATE"]),
        "withheld": total["anonymous"] - total["released"],
        "borderline": int((images["borderline"] & (images["released_as"] != "")).sum()),
    }


def nearest_patients(records: Records) -> dict[str, Any]:
    """Released images by the enrolled patient whom each is most like, without saying who that is.

    `most`: of the patients with most released images, how many of them, how many borderline, and the highest score.
    """
    released = records.images[records.images["released_as"] != ""]
    if released.empty:
        return {"patients": 0, "most": []}
    evidence = records.evidence([str(name) for name in released["image_id"]])
    best = evidence.sort_values(["score", "similarity"], ascending=False, kind="stable").drop_duplicates("image_id")
    joined = best[["image_id", "patient_key", "score"]].merge(released[["image_id", "borderline"]], on="image_id")
    grouped = joined.groupby("patient_key").agg(
        images=("image_id", "size"), borderline=("borderline", "sum"), highest_score=("score", "max")
    )
    ordered = grouped.sort_values(["images", "highest_score"], ascending=False, kind="stable").head(WORST)
    most = [dict(zip(ordered.columns, row, strict=True)) for row in ordered.astype(object).to_numpy().tolist()]
    return {"patients": len(grouped), "most": most}


def _counts(label: str, rows: pd.DataFrame) -> dict[str, Any]:
    by_decision = rows["decision"].value_counts()
    decided = {name.lower(): int(by_decision.get(name, 0)) for name in _DECISIONS}
    return {"label": label, "images": len(rows), **decided, "released": int((rows["released_as"] != "").sum())}


def _reasons(rows: pd.DataFrame) -> dict[str, int]:
    """Each reason and its number of images; an image counts once for each of its reasons."""
    found = rows["reasons"].str.split(";").explode().value_counts()
    return {str(reason): int(count) for reason, count in found.items()}
