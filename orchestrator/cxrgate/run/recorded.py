"""A run's recorded results, as they lie in its folder."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd

from cxrgate.core import Decision, MismatchError, Policy, UsageError
from cxrgate.core.json_text import MALFORMED, parse_json
from cxrgate.run.rows import RESULT_COLUMNS, SINCE_0_2, SOURCE
from cxrgate.storage.regular_file import read_regular_file

RUN = "run.json"
IMAGES = "results.parquet"
EVIDENCE = "evidence.parquet"


@dataclass(frozen=True, slots=True, eq=False)
class Results:
    """What one run recorded.

    `run` is `run.json`, `policy` the policy in it; `images` has one row per synthetic image in the order of the
    source, its `released_as` as the gate decided or, see `published`, as it lies in the released set. The evidence
    stays on disk: it has several rows per image, and only a few images' are looked at.
    """

    folder: Path
    run: Mapping[str, Any] = field(repr=False)
    policy: Policy
    images: pd.DataFrame = field(repr=False)

    def published(self, names: Collection[str]) -> Results:
        """With the images as released whose files are these; others were withheld after the gate had passed them."""
        files = self.images["released_as"]
        return replace(self, images=self.images.assign(released_as=files.where(files.isin(list(names)), "")))

    def evidence(self, image_ids: Sequence[str]) -> pd.DataFrame:
        """The rows of `evidence.parquet` of these images, in the order they were recorded.

        Raises:
            UsageError: the file is malformed, or has no rows at all.
        """
        try:
            return pd.read_parquet(self.folder / EVIDENCE, filters=[("image_id", "in", list(image_ids))])
        except (TypeError, ValueError) as error:  # a table without rows has columns without a type
            raise UsageError(
                f"{self.folder / EVIDENCE} lacks the evidence of some of {len(image_ids)} images"
            ) from error


def read_results(folder: Path) -> Results:
    """Read a results folder.

    Raises:
        UsageError: a file is missing, malformed or of an earlier version, or an image that is not ANONYMOUS was
            released.
        MismatchError: the policy is not the one that its digest names.
    """
    try:
        run = parse_json(read_regular_file(folder / RUN))
        policy = Policy.from_json(run["policy"])
        images = _with_new_columns(pd.read_parquet(folder / IMAGES))
        (folder / EVIDENCE).stat()
        _check_columns(folder, images)
        stray = int(((images["decision"] != Decision.ANONYMOUS.value) & (images["released_as"] != "")).sum())
    except FileNotFoundError as error:
        raise UsageError(f"{folder} holds no results of a run: {RUN}, {IMAGES} or {EVIDENCE} is missing") from error
    except (OSError, *MALFORMED) as error:
        raise UsageError(f"{folder}: the results of the run cannot be read: {error!r}") from error
    if stray:
        raise UsageError(f"{folder}: {stray} released images are not ANONYMOUS: these results were changed. Run again")
    if policy.digest != run.get("policy_digest"):
        raise MismatchError(
            f"{folder}: run.json holds the policy {policy.digest} and states {run.get('policy_digest')}: it was changed"
        )
    return Results(folder, run, policy, images)


def _with_new_columns(images: pd.DataFrame) -> pd.DataFrame:
    """Older results with the columns that came later, without a value."""
    empty: dict[str, float | str] = {**dict.fromkeys(SINCE_0_2, math.nan), **dict.fromkeys(SOURCE, "")}
    return images.assign(**{name: value for name, value in empty.items() if name not in images.columns})


def _check_columns(folder: Path, images: pd.DataFrame) -> None:
    absent = [name for name in RESULT_COLUMNS if name not in images.columns]
    if absent:
        told = f"it lacks {', '.join(absent)}; run again into another output folder"
        raise UsageError(f"{folder} holds results of another version, {told}")
