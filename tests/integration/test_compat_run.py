import json

import pandas as pd
import pytest
from support.image_sets import tree
from support.pipeline_sets import write_seed_config, write_seed_sets
from typer.testing import CliRunner

from cxrgate.cli.main import app


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """`cxrgate run` with the seed's configuration in CONFIG_NAME: folder and answer."""
    folder = tmp_path_factory.mktemp("seed")
    config = write_seed_sets(folder)
    return folder, CliRunner(env={"CONFIG_NAME": str(config)}).invoke(app, ["run"])


def test_seeds_configuration_alone_runs_the_whole_filter(run):
    folder, answer = run
    results = pd.read_parquet(folder / "outputs/cxrgate/run/results/results.parquet").set_index("image_id")

    assert answer.exit_code == 3, answer.output
    assert len(results) == 8
    assert results.loc["Cardiomegaly/copy.jpg", "reasons"] == "SAME_PATIENT;COPY"
    assert results.loc["No_Cardiomegaly/text.png", "decision"] == "INDETERMINATE"


def test_released_set_lies_where_the_configuration_says(run):
    folder = run[0]
    files = tree(folder / "outputs/filtered_dataset")
    results = pd.read_parquet(folder / "outputs/cxrgate/run/results/results.parquet")

    assert files == tree(folder / "outputs/cxrgate/run/released")
    assert files.keys() - {"manifest.json"} == set(results["released_as"]) - {""}
    assert json.loads(files["manifest.json"])["certification"] == "uncertified"


def test_what_leads_to_patients_is_private_and_outside_the_released_set(run):
    folder = run[0]
    private = folder / "outputs/cxrgate/private"

    assert {path.name for path in private.iterdir()} == {"key", "references.csv"}
    assert all(path.stat().st_mode & 0o077 == 0 for path in private.iterdir())
    for name, content in tree(folder / "outputs/filtered_dataset").items():
        assert b"mimic" not in content, name
        assert b"p1000003" not in content, name


def test_image_that_is_rejected_now_leaves_the_released_set(run):
    folder = run[0]
    released = folder / "outputs/filtered_dataset"
    (released / "Cardiomegaly/stale.png").write_bytes(b"left from before")
    CliRunner().invoke(app, ["run", str(write_seed_config(folder))])

    assert not (released / "Cardiomegaly/stale.png").exists()


def test_a_public_data_set_is_enrolled_as_it_is_downloaded(run):
    folder = run[0]
    models = [f"--models={folder / 'models'}"]
    private = [f"--key={folder / 'outputs/cxrgate/private/key'}", f"--reference-map={folder / 'map.csv'}"]
    build = ["index", "build", str(folder / "mimic"), "--layout=mimic", f"--output={folder / 'snapshot'}"]
    answer = CliRunner().invoke(app, [*build, *models, *private])

    assert answer.exit_code == 0, answer.output
    assert answer.stdout.startswith("12 references of 6 patients")
