"""Which folder of a run may lie in which."""

import pytest

from cxrgate.core import UsageError
from cxrgate.gate.config import Enrol, RunConfig
from cxrgate.run.places import check_run_places


@pytest.fixture
def folder(tmp_path):
    for name in ("synthetic", "real", "private"):
        (tmp_path / name).mkdir()
    (tmp_path / "real.csv").touch()
    return tmp_path


def config(folder, **places):
    named = {
        "synthetic": "synthetic",
        "output": "out",
        "snapshot": "snapshot",
        "images": "real",
        "key": "private/key",
        "reference_map": "private/map.csv",
        **places,
    }
    paths = {name: folder / place for name, place in named.items()}
    enrol = Enrol(**{name: paths.pop(name) for name in ("images", "key", "reference_map")})
    return RunConfig(**paths, enrol=enrol)


@pytest.mark.parametrize(
    ("places", "told"),
    [
        ({"output": "synthetic"}, "synthetic"),
        ({"output": "synthetic/out"}, "synthetic"),
        ({"output": "real/out"}, "enrol.images"),
        ({"output": "snapshot"}, "snapshot"),
        ({"output": "snapshot/out"}, "snapshot"),
        ({"output": "private"}, "enrol.key"),
        ({"output": "private", "key": "other/key"}, "enrol.reference_map"),
        ({"output": "out", "key": "out/released/key"}, "enrol.key"),
        ({"output": "out", "reference_map": "out/results/map.csv"}, "enrol.reference_map"),
        ({"output": "out", "snapshot": "out/work/snapshot"}, "snapshot"),
        ({"output": "out", "images": "out/released"}, "enrol.images"),
        ({"output": "out", "synthetic": "out/released"}, "synthetic"),
        ({"synthetic": "."}, "synthetic"),
        ({"snapshot": "synthetic/snapshot"}, "snapshot"),
        ({"key": "synthetic/key"}, "enrol.key"),
    ],
)
def test_an_output_among_what_a_run_reads_or_keeps_apart_is_refused_with_both_places(folder, places, told):
    with pytest.raises(UsageError, match=f"`{told}`"):
        check_run_places(config(folder, **places))


def test_an_output_that_a_link_leads_into_the_real_images_is_refused(folder):
    (folder / "link").symlink_to(folder / "real")
    with pytest.raises(UsageError, match="lies in"):
        check_run_places(config(folder, output="link/out"))


@pytest.mark.parametrize(
    "places",
    [
        {},
        {"images": "real.csv"},
        {"key": "key", "reference_map": "map.csv"},
        {"output": "output/synthetic"},
        {"output": "private/out"},
        {"output": ".", "snapshot": "data/snapshot"},
        {"output": ".", "key": "key", "reference_map": "map.csv"},
        {"synthetic": "synthetic.csv", "images": "real.csv", "key": "key", "reference_map": "map.csv"},
    ],
)
def test_folders_beside_each_other_are_fine(folder, places):
    check_run_places(config(folder, **places))
