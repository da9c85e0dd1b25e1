import json
import shutil

import pandas as pd
import pytest
import torch
from support.fakes import SMALL
from support.image_sets import write_config, write_sets

from cxrgate.core import MismatchError, ModelError
from cxrgate.gate.config import ModelFolders, read_config
from cxrgate.images.descriptors import COPY_DIMENSIONS, JOINED_METHOD
from cxrgate.index import Snapshot
from cxrgate.models import EmbedderArchitecture, ModelKind, read_manifest
from cxrgate.models.networks.build import build_network
from cxrgate.models.store import save_model
from cxrgate.run.run import run

STORE = "models"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("copy")
    write_sets(folder)
    torch.manual_seed(0)
    shape = EmbedderArchitecture(pool=2, dimensions=32)
    save_model(
        folder / "models/copy", ModelKind.COPY, shape, SMALL, build_network(shape).state_dict(), {}, threshold=0.9999
    )
    write_config(folder, folder / "out", 4, models=STORE, policy="{score_threshold: 1, borderline: 1}")
    run(read_config(folder / "out.yaml"))
    return folder


def test_a_copy_model_in_the_store_is_the_copy_space(folder):
    manifest = Snapshot.open(folder / "snapshot").manifest

    assert manifest.copy_method == f"{read_manifest(folder / 'models/copy').digest} {JOINED_METHOD}"
    assert manifest.arrays["copy"].shape[1] == 32 + COPY_DIMENSIONS


def test_its_own_threshold_is_the_default(folder):
    described = json.loads((folder / "out/results/run.json").read_text())

    assert described["policy"]["copy_threshold"] == 0.9999
    assert described["models"].keys() == {"retrieval", "verification", "copy"}


def test_identical_copies_are_found_by_an_untrained_copy_model(folder):
    results = pd.read_parquet(folder / "out/results/results.parquet").set_index("image_id")
    copies = results[results.index.str.startswith("a/copy")]

    assert set(copies["reasons"]) == {"COPY"}


def test_a_snapshot_of_another_copy_space_is_refused(folder):
    models = "{retrieval: models/retrieval, verification: models/verification}"
    with pytest.raises(MismatchError, match="enrol again"):
        run(read_config(write_config(folder, folder / "outplain", 4, models=models)))


def test_a_model_of_another_kind_is_refused(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "set")
    models = "{retrieval: models/copy, verification: models/verification}"
    with pytest.raises(ModelError, match="where a retrieval model belongs"):
        run(read_config(write_config(tmp_path / "set", tmp_path / "set/outkind", 4, models=models)))


def test_a_store_without_a_copy_model_has_the_weight_free_descriptor(folder):
    assert ModelFolders.of(folder / "models").copying == folder / "models/copy"
    assert ModelFolders.of(folder / "elsewhere").copying is None
