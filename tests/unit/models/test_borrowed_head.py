"""A verification model with the retrieval model's embedding scores the rows of that one."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from support.fakes import images
from support.one_embedding import save_one_embedding

from cxrgate.core import ModelError
from cxrgate.core.digest import file_digest
from cxrgate.models import Dtype, ModelKind
from cxrgate.models.borrowed_head import borrowed_head
from cxrgate.models.manifest import WEIGHTS, read_manifest
from cxrgate.models.runtimes.forward import open_forward

RETRIEVAL, VERIFICATION = ModelKind.RETRIEVAL, ModelKind.VERIFICATION


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("borrowed")
    save_one_embedding(folder)
    return folder


def head_of(folder, weights=None, **changes):
    """Of the pair in `folder`, the verification model with other weights, which it names, or another manifest."""
    folders = {RETRIEVAL: folder / "retrieval", VERIFICATION: weights or folder / "verification"}
    manifests = {kind: read_manifest(folder / kind) for kind in folders}
    sha256 = file_digest(folders[VERIFICATION] / WEIGHTS)
    manifests[VERIFICATION] = replace(manifests[VERIFICATION], weights_sha256=sha256, **changes)
    return borrowed_head(folders, manifests)


def test_rows_and_scores_are_those_that_the_model_would_compute_itself(folder):
    pixels = [image.pixels for image in images(5)]
    own, lender = open_forward(folder / "verification"), open_forward(folder / "retrieval")
    rows = lender(pixels)[:, : own.dimensions]

    assert rows.shape == (5, lender.manifest.architecture.embedding)
    assert np.array_equal(rows, own(pixels))
    assert np.array_equal(head_of(folder).score(rows[0], rows), own.head.score(rows[0], rows))


@pytest.mark.parametrize("name", ["project.bias", "whiten.weight", "centre", "trunk.blocks.3.expand.conv.weight"])
def test_with_one_other_number_there_is_none(folder, tmp_path, name):
    values = load_file(folder / "verification" / WEIGHTS)[name]
    values.flat[0] += 1e-3

    assert head_of(folder, changed(folder, tmp_path, **{name: values})) is None


@pytest.mark.parametrize("name", ["frontality.out.bias", "cohort2", "calibration.more"])
def test_with_a_tensor_too_many_there_is_none_so_that_the_model_is_opened_and_refused(folder, tmp_path, name):
    assert head_of(folder, changed(folder, tmp_path, **{name: np.ones(1, np.float32)})) is None


def test_with_another_dtype_input_or_network_there_is_none(folder):
    manifest = read_manifest(folder / "verification")

    assert head_of(folder, dtype=Dtype.BFLOAT16) is None
    assert head_of(folder, preprocessing=replace(manifest.preprocessing, height=64, width=64)) is None
    assert head_of(folder, architecture=replace(manifest.architecture, pool=1)) is None


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
    with pytest.raises(ModelError, match=next(iter(tensors))):
        head_of(folder, changed(folder, tmp_path, **tensors))


def test_other_weights_than_the_manifest_names_are_refused(folder, tmp_path):
    manifests = {kind: read_manifest(folder / kind) for kind in (RETRIEVAL, VERIFICATION)}
    other = changed(folder, tmp_path, calibration=np.ones(2, np.float32))

    with pytest.raises(ModelError, match="Get the model again"):
        borrowed_head({RETRIEVAL: folder / "retrieval", VERIFICATION: other}, manifests)


def test_weights_that_cannot_be_read_are_told(folder, tmp_path):
    shutil.copytree(folder / "verification", tmp_path / "other")
    (tmp_path / "other" / WEIGHTS).write_bytes(b"no tensors")

    with pytest.raises(ModelError):
        head_of(folder, tmp_path / "other")
