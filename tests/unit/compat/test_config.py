from pathlib import Path

import pytest
import yaml
from support.pipeline_sets import write_seed_config

from cxrgate.compat import is_pipeline_config, read_pipeline_config
from cxrgate.compat.run import run_config
from cxrgate.core import UsageError
from cxrgate.images import Layout


def test_seeds_keys_alone_are_enough(tmp_path):
    config = read_pipeline_config(write_seed_config(tmp_path))

    assert config.dataset_name is Layout.MIMIC
    assert config.anonymous_dataset_path == tmp_path / "synthetic"
    assert config.lookup_table_output == tmp_path / "outputs/lookup_table.pth"


def test_first_version_without_a_data_sets_name_is_mimic(tmp_path):
    assert read_pipeline_config(write_seed_config(tmp_path, dataset_name=None)).dataset_name is Layout.MIMIC


def test_relative_configuration_gives_absolute_paths(tmp_path, monkeypatch):
    write_seed_config(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert read_pipeline_config(Path("config.yaml")).real_dataset_path == tmp_path / "mimic"


def test_seeds_configuration_is_told_from_ours(tmp_path):
    (tmp_path / "ours.yaml").write_text("synthetic: a\noutput: b\n")
    (tmp_path / "broken.yaml").write_text("{")

    assert is_pipeline_config(write_seed_config(tmp_path))
    assert not is_pipeline_config(tmp_path / "ours.yaml")
    assert not is_pipeline_config(tmp_path / "broken.yaml")
    assert not is_pipeline_config(tmp_path / "absent.yaml")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"treshold": 0.5}, "Extra inputs"),
        ({"verification_model": None}, "Field required"),
        ({"dataset_name": "padchest"}, "dataset_name"),
        ({"dataset_name": "brax"}, "mimic only"),
    ],
    ids=["slip", "missing", "another data set", "splits of another data set"],
)
def test_wrong_configuration_is_a_usage_error(tmp_path, changes, message):
    with pytest.raises(UsageError, match=message):
        read_pipeline_config(write_seed_config(tmp_path, **changes))


@pytest.mark.parametrize("key", ["lookup_table_output", "nearest_images_output", "verification_output"])
@pytest.mark.parametrize("place", ["outputs/filtered_dataset/x", "outputs/../outputs/filtered_dataset/a/x", "link/x"])
def test_file_that_names_real_images_is_refused_in_the_released_set(tmp_path, key, place):
    (tmp_path / "link").symlink_to("outputs/filtered_dataset")

    with pytest.raises(UsageError, match="names real images"):
        read_pipeline_config(write_seed_config(tmp_path, **{key: place}))


@pytest.mark.parametrize(
    "changes",
    [
        {"filtered_dataset_output": "synthetic"},
        {"filtered_dataset_output": "synthetic/filtered"},
        {"filtered_dataset_output": "mimic/filtered"},
        {"filtered_dataset_output": "."},
        {"filtered_dataset_output": "outputs/cxrgate"},
        {"lookup_table_output": "synthetic/lookup_table.pth"},
    ],
    ids=["in place", "in the synthetic set", "in the real set", "above all", "where our own files lie", "table"],
)
def test_folders_that_would_mix_are_refused(tmp_path, changes):
    with pytest.raises(UsageError, match=r"must lie apart|must not lie in"):
        read_pipeline_config(write_seed_config(tmp_path, **changes))


def test_folder_of_something_else_is_never_replaced(tmp_path):
    (tmp_path / "outputs/filtered_dataset/theses").mkdir(parents=True)
    (tmp_path / "outputs/filtered_dataset/theses/mine.pdf").write_bytes(b"x")

    with pytest.raises(UsageError, match="would be replaced"):
        read_pipeline_config(write_seed_config(tmp_path))


def test_seeds_tree_of_links_may_be_replaced(tmp_path):
    (tmp_path / "outputs/filtered_dataset/Cardiomegaly").mkdir(parents=True)
    (tmp_path / "outputs/filtered_dataset/Cardiomegaly/1.png").symlink_to(tmp_path / "synthetic/1.png")

    assert read_pipeline_config(write_seed_config(tmp_path)).filtered_dataset_output.is_dir()


def test_run_keeps_everything_that_leads_to_patients_out_of_the_released_set(tmp_path):
    for name in ("retrieval", "verification"):
        (tmp_path / "models" / name).mkdir(parents=True)
    seed = read_pipeline_config(write_seed_config(tmp_path))
    config = run_config(seed)
    places = [config.output, config.snapshot, config.enrol.key, config.enrol.reference_map]

    assert config.enrol.images == seed.real_dataset_path
    assert config.enrol.layout is Layout.MIMIC
    assert config.models.retrieval == seed.retrieval_model
    assert not any(place.is_relative_to(seed.filtered_dataset_output) for place in places)


def test_missing_model_is_a_usage_error(tmp_path):
    with pytest.raises(UsageError, match="retrieval model"):
        run_config(read_pipeline_config(write_seed_config(tmp_path)))


def test_configuration_with_our_additional_key(tmp_path):
    path = write_seed_config(tmp_path, exclude="broken.txt")

    assert "exclude" in yaml.safe_load(path.read_text())
    assert read_pipeline_config(path).exclude == tmp_path / "broken.txt"
