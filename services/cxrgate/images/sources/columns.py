"""What the tables of public data sets have in common: views, splits, and labels in CheXpert's encoding."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from cxrgate.core import UsageError
from cxrgate.images.sources.counted import images
from cxrgate.images.sources.listing import SourceOptions

LATERAL_VIEWS = frozenset({"LATERAL", "LL", "RL", "L", "XTABLE LATERAL", "SWIMMERS"})
"""ViewPosition of side views, by MIMIC-CXR-JPG, BRAX, CheXpert and PadChest. Every other image counts as frontal, one
without an entry too: an image that is left out by mistake is a patient whose copies pass."""

_LABELS = {1.0: "Cardiomegaly", 0.0: "No_Cardiomegaly"}


def is_lateral(view: str) -> bool:
    """Whether a ViewPosition says that the image is a side view."""
    return view.strip().upper() in LATERAL_VIEWS


def cardiomegaly(value: str) -> str:
    """The class folder's name of a label: "" where it is uncertain (-1) or blank.

    Raises:
        UsageError: no number.
    """
    try:
        return _LABELS.get(float(value), "") if value.strip() else ""
    except ValueError as error:
        raise UsageError(f"the label {value!r} is none of 1, 0, -1 and nothing: correct the table") from error


def choose(
    rows: Iterable[dict[str, str]],
    options: SourceOptions,
    view: str | None,
    split: str | None = None,
    default: str = "",
) -> tuple[list[dict[str, str]], dict[str, int]]:
    """The rows that are listed, and per reason how many are not.

    Args:
        rows: of a data set's table.
        options: says which views and splits.
        view: the column of ViewPosition or the like; None where nothing is known of views.
        split: the column of the split, None where there is none.
        default: the split that is listed where the options name none; "" for all.
    """
    kept, left_out = [], Counter[str]()
    for row in rows:
        if split is not None and not options.takes(row[split], default or None):
            left_out[f"split {row[split] or '(none)'}; list it with `splits`"] += 1
        elif view is not None and not options.all_views and is_lateral(row[view]):
            left_out["lateral views; list them with `views: all`"] += 1
        else:
            kept.append(row)
    return kept, dict(left_out)


def view_notes(rows: Iterable[dict[str, str]], options: SourceOptions, view: str | None) -> list[str]:
    """What is to be said of the views that are listed."""
    if view is None:
        return ["the views are not known: lateral images may be among the listed ones, and no model ever saw any"]
    views = [row[view].strip() for row in rows]
    notes = []
    if options.all_views and (lateral := sum(map(is_lateral, views))):
        notes.append(f"{images(lateral)} with a lateral view: no model ever saw any, nothing is known of their copies")
    if unknown := sum(not view for view in views):
        notes.append(f"{images(unknown)} without a view in the table, taken as frontal")
    return notes


def find_table(root: Path, *names: str) -> Path | None:
    """The first of `names`, plain or gzipped, that lies below `root`."""
    paths = [root / f"{name}{ending}" for name in names for ending in ("", ".gz")]
    return next((path for path in paths if path.is_file()), None)
