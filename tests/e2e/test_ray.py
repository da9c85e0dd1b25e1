"""A run and an enrolment by two Ray nodes of one core each come to the bytes of this process; a node may be killed."""

import threading

import pandas as pd
import pytest
from support.fakes import picture
from support.image_sets import tree, write_config, write_sets
from support.ray_cluster import ray_cluster

from cxrgate.gate.config import read_config
from cxrgate.images.codec.encode import encode_png
from cxrgate.index import Snapshot
from cxrgate.run.engines.ray import engine as module
from cxrgate.run.engines.ray.engine import ray_engine
from cxrgate.run.run import run

pytestmark = [pytest.mark.ray, pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::FutureWarning")]

MORE = 400
"""Images beside the set's own, so that a node can be killed among them."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A run in this process."""
    folder = tmp_path_factory.mktemp("set")
    config = write_sets(folder)
    for number in range(MORE):
        (folder / f"synthetic/a/more{number:03}.png").write_bytes(encode_png(picture(5000 + number)))
    run(read_config(config))
    return folder


@pytest.fixture(autouse=True)
def small_tasks(monkeypatch):
    monkeypatch.setattr(module, "TASK_IMAGES", 8)


def expect_same(folder, name):
    assert tree(folder / name / "released") == tree(folder / "out/released")
    for table in ("results", "evidence"):
        here, there = (pd.read_parquet(folder / one / f"results/{table}.parquet") for one in ("out", name))
        pd.testing.assert_frame_equal(here, there, check_exact=True)
        assert (folder / f"out/results/{table}.csv").read_bytes() == (
            folder / name / f"results/{table}.csv"
        ).read_bytes()


def test_a_node_is_killed_in_mid_run_and_nothing_is_lost(folder):
    with ray_cluster(2) as cluster, ray_engine(cluster.address) as engine:
        nodes, done, killed = list(cluster.worker_nodes), [0], threading.Event()

        def progress(step, count, total):
            done[0] += count if step == "check" else 0
            if done[0] >= MORE // 4 and not killed.is_set():
                killed.set()
                threading.Thread(target=cluster.remove_node, args=(nodes[0],), kwargs={"allow_graceful": False}).start()

        config = read_config(write_config(folder, folder / "killed" / "out", 4))
        summary = run(config, progress, engine=engine)

    assert killed.is_set()
    assert summary.checked == len(summary.results) > MORE
    expect_same(folder, "killed/out")


def test_enrolment_by_two_nodes_makes_the_same_snapshot(folder):
    """The run enrols first, and then checks against what it made."""
    config = read_config(write_config(folder, folder / "enrolled" / "out", 4, snapshot="second"))
    for path in folder.glob("synthetic/a/more*.png"):
        path.unlink()
    with ray_cluster(2) as cluster, ray_engine(cluster.address) as engine:
        run(config, engine=engine)

    first, second = (Snapshot.open(folder / name) for name in ("snapshot", "second"))
    assert first.manifest.arrays == second.manifest.arrays
    assert first.manifest.digest == second.manifest.digest
