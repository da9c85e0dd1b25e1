"""A run's records as a release report reads them: plain values, so that an older run is read as it was written.

A claim of an older format is made again from these alone. Neither the policy nor the models' manifests go through
today's classes here: their fields may change, a signed report must not.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd

from cxrgate.core import MismatchError, UsageError
from cxrgate.core.digest import mapping_digest
from cxrgate.core.json_text import MALFORMED, parse_json
from cxrgate.core.spaces import SIMILARITIES
from cxrgate.storage.regular_file import read_regular_file

RUN, IMAGES, EVIDENCE = "run.json", "results.parquet", "evidence.parquet"
NEEDED = (
    "image_id",
    "label",
    "decision",
    "reasons",
    "borderline",
    "score",
    *SIMILARITIES,
    "distance",
    "typicality",
    "frontality",
    "pixel_digest",
    "released_as",
    "stage",
)
"""Columns of the results that every format of the report is made from; a policy may ask for further ones."""


@dataclass(frozen=True, slots=True, eq=False)
class Records:
    """What one run recorded.

    Attributes:
        folder: of the results.
        run: the content of run.json.
        images: results.parquet, one row per image.
    """

    folder: Path
    run: Mapping[str, Any] = field(repr=False)
    images: pd.DataFrame = field(repr=False)

    @property
    def policy(self) -> Mapping[str, Any]:
        """The rule of the run by its recorded names."""
        policy: Mapping[str, Any] = self.run["policy"]
        return policy

    def published(self, names: Collection[str]) -> Records:
        """With the images as released whose files are these; others were withheld after the gate had passed them."""
        files = self.images["released_as"]
        return replace(self, images=self.images.assign(released_as=files.where(files.isin(list(names)), "")))

    def evidence(self, image_ids: Sequence[str]) -> pd.DataFrame:
        """The rows of evidence.parquet of these images in the order of their recording; UsageError without any."""
        try:
            return pd.read_parquet(self.folder / EVIDENCE, filters=[("image_id", "in", list(image_ids))])
        except (TypeError, ValueError) as error:  # a table without rows has columns without a type
            raise UsageError(
                f"{self.folder / EVIDENCE} is not the evidence of the {len(image_ids)} images of the results"
            ) from error


def read_records(folder: Path) -> Records:
    """Read a results folder of any version.

    Raises:
        UsageError: a file is missing or malformed, or an image that is not ANONYMOUS was released.
        MismatchError: the policy is not the one that its digest names.
    """
    try:
        run = parse_json(read_regular_file(folder / RUN))
        images = pd.read_parquet(folder / IMAGES)
        (folder / EVIDENCE).stat()
        digest = mapping_digest(run["policy"])
        named = run["policy_digest"], run["certification"], run["models"]
    except FileNotFoundError as error:
        raise UsageError(
            f"{folder} lacks {RUN}, {IMAGES} or {EVIDENCE}: name the results folder of a finished run"
        ) from error
    except (OSError, *MALFORMED) as error:
        raise UsageError(f"{folder} holds no results of a run that can be read: {error!r}") from error
    absent = [name for name in NEEDED if name not in images.columns]
    if absent:
        raise UsageError(
            f"{folder / IMAGES} lacks the columns {', '.join(absent)}: an older version wrote it, or it is not of a run"
        )
    stray = int(((images["decision"] != "ANONYMOUS") & (images["released_as"] != "")).sum())
    if stray:
        raise UsageError(f"{folder}: {stray} released images were not ANONYMOUS: nothing may go out of it")
    if digest != named[0]:
        raise MismatchError(f"{folder} was decided by the policy {named[0]}, not by {digest}")
    return Records(folder, run, images)
