"""What the tables of MIMIC-CXR, CheXpert and BRAX have in common: views, and labels in CheXpert's encoding."""

from __future__ import annotations

from pathlib import Path

from cxrgate.core import UsageError

LATERAL_VIEWS = frozenset({"LATERAL", "LL", "RL", "L", "XTABLE LATERAL", "SWIMMERS"})
"""ViewPosition of side views, by MIMIC-CXR-JPG and BRAX. Every other image counts as frontal, one without an entry
too: an image that is left out by mistake is a patient whose copies pass."""

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
        raise UsageError(f"expected 1, 0, -1 or nothing as label, got {value!r}") from error


def find_table(root: Path, *names: str) -> Path | None:
    """The first of `names`, plain or gzipped, that lies below `root`."""
    paths = [root / f"{name}{ending}" for name in names for ending in ("", ".gz")]
    return next((path for path in paths if path.is_file()), None)
