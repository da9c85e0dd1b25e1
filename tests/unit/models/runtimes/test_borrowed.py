"""A verification model with the retrieval model's embedding takes its rows from that one."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from support.fakes import images
from support.one_embedding import save_one_embedding

from cxrgate.core import ModelError
from cxrgate.models import Dtype
from cxrgate.models.manifest import WEIGHTS, read_manifest
from cxrgate.models.runtimes.borrowed import BorrowedForward, lends_embedding
from cxrgate.models.runtimes.forward import open_forward


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("borrowed")
    save_one_embedding(folder)
    return folder


def lends(folder, weights=None, **changes):
    lender, borrower = read_manifest(folder / "retrieval"), read_manifest(folder / "verification")
    return lends_embedding(
        lender, folder / "retrieval", replace(borrower, **changes), weights or folder / "verification"
    )


def test_rows_and_scores_are_those_that_the_model_would_compute_itself(folder):
    pixels = [image.pixels for image in images(5)]
    own = open_forward(folder / "verification")
    borrowed = BorrowedForward(
        read_manifest(folder / "verification"), folder / "verification", open_forward(folder / "retrieval")
    )
    rows = borrowed(pixels)

    assert lends(folder)
    assert borrowed.dimensions == own.dimensions == rows.shape[1]
    assert np.array_equal(rows, own(pixels))
    assert np.array_equal(borrowed.head.score(rows[0], rows), own.head.score(rows[0], rows))


@pytest.mark.parametrize("name", ["project.bias", "whiten.weight", "centre", "trunk.blocks.3.expand.conv.weight"])
def test_one_other_number_lends_nothing(folder, tmp_path, name):
    values = load_file(folder / "verification" / WEIGHTS)[name]
    values.flat[0] += 1e-3

    assert not lends(folder, changed(folder, tmp_path, **{name: values}))


def test_another_dtype_input_or_network_lends_nothing(folder):
    manifest = read_manifest(folder / "verification")

    assert not lends(folder, dtype=Dtype.BFLOAT16)
    assert not lends(folder, preprocessing=replace(manifest.preprocessing, height=64, width=64))
    assert not lends(folder, architecture=replace(manifest.architecture, pool=1))


def changed(folder, tmp_path, **tensors):
    """The verification model with other tensors."""
    shutil.copytree(folder / "verification", tmp_path / "other")
    save_file({**load_file(tmp_path / "other" / WEIGHTS), **tensors}, tmp_path / "other" / WEIGHTS)
    return tmp_path / "other"


@pytest.mark.parametrize(
    "tensors",
    [{"calibration": np.ones(3, np.float32)}, {"cohort": np.ones((12, 3), np.float32)}],
    ids=["calibration", "cohort"],
)
def test_what_is_its_own_is_checked_as_elsewhere(folder, tmp_path, tensors):
    other = changed(folder, tmp_path, **tensors)
    assert lends(folder, other)

    with pytest.raises(ModelError, match=next(iter(tensors))):
        BorrowedForward(read_manifest(folder / "verification"), other, open_forward(folder / "retrieval"))


def test_weights_that_cannot_be_read_are_told(folder, tmp_path):
    shutil.copytree(folder / "verification", tmp_path / "other")
    (tmp_path / "other" / WEIGHTS).write_bytes(b"no tensors")

    with pytest.raises(ModelError):
        lends(folder, tmp_path / "other")
