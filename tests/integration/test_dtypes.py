"""A gate computes in the dtype that its snapshot was built in: `dtype` of the configuration."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from support.image_sets import write_config, write_sets

from cxrgate.core import MismatchError
from cxrgate.gate.config import read_config
from cxrgate.models import BANDS, Dtype, read_manifest
from cxrgate.models.manifest import write_manifest
from cxrgate.run.run import run

MEASURED = 0.16
"""The band in bfloat16, as if it had been measured on these models."""


def ran(folder, name, **more):
    """What a run says of itself, and its rows by image."""
    run(read_config(write_config(folder, folder / name, 8, **more)))
    results = folder / name / "results"
    return json.loads((results / "run.json").read_text()), pd.read_parquet(results / "results.parquet").set_index(
        "image_id"
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dtypes")
    write_sets(folder)
    for kind in ("retrieval", "verification"):
        manifest = read_manifest(folder / "models" / kind)
        write_manifest(folder / "models" / kind, replace(manifest, bands={Dtype.BFLOAT16: MEASURED}))
    return folder


@pytest.fixture(scope="module")
def cast(folder):
    return ran(folder, "cast", snapshot="snapshot-cast", dtype="bfloat16")


def test_enrolment_and_gate_compute_in_the_configured_dtype_and_the_policy_says_so(folder, cast):
    told, _ = cast

    assert {model["dtype"] for model in told["models"].values()} == {"bfloat16"}
    assert told["policy"]["band"] == MEASURED
    assert told["policy"]["retrieval"] != read_manifest(folder / "models/retrieval").digest


def test_auto_takes_the_dtype_that_the_snapshot_was_built_in(folder, cast):
    told, rows = ran(folder, "auto", snapshot="snapshot-cast", dtype="auto")

    assert told["policy_digest"] == cast[0]["policy_digest"]
    assert rows["decision"].equals(cast[1]["decision"])
    assert rows["score"].equals(cast[1]["score"])


def test_another_dtype_than_the_snapshots_is_refused(folder, cast):
    for number, dtype in enumerate(("float32", "float16", "null")):
        with pytest.raises(MismatchError, match="enrol again"):
            ran(folder, f"other{number}", snapshot="snapshot-cast", dtype=dtype)


def test_no_verdict_differs_between_dtypes_outside_the_bands(folder, cast):
    told, rows = ran(folder, "plain", snapshot="snapshot-plain")
    band = cast[0]["policy"]["band"]
    threshold = told["policy"]["score_threshold"]
    other = cast[1].loc[rows.index]
    clear = (rows["score"] - threshold).abs() > 2 * band

    assert told["policy"]["band"] == BANDS[Dtype.FLOAT32]
    assert 0 < np.nanmax((rows["score"] - other["score"]).abs()) < band
    assert clear.sum() > 10
    assert rows.loc[clear, "decision"].equals(other.loc[clear, "decision"])
