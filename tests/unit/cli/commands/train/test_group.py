"""`cxrgate train refit`, `distil` and `verifier`: each writes a model, and says which."""

import pytest
from support.finished_models import write_finished_models
from typer.testing import CliRunner

from cxrgate.cli.main import app
from cxrgate.models.manifest import read_manifest


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("commands")
    write_finished_models(folder)
    return folder


def train(*words):
    return CliRunner().invoke(app, ["train", *map(str, words)])


def arguments(folder, name, result):
    return [folder / name, folder / "listing.csv", "--output", folder / result, "--work", folder / "work"]


@pytest.mark.parametrize(
    ("command", "name", "made", "noted"),
    [
        ("refit", "verification", "verification", "refit"),
        ("distil", "retrieval", "retrieval", "distilled"),
        ("verifier", "retrieval", "verification", "verifier"),
    ],
)
def test_a_model_is_written_and_named(folder, command, name, made, noted):
    teachers = ["--teacher", folder / "retrieval", "--teacher", folder / "verification"] if command == "distil" else []
    result = train(command, *arguments(folder, name, f"by-{command}"), *teachers)
    manifest = read_manifest(folder / f"by-{command}")

    assert result.exit_code == 0, result.output
    assert f"{made} model {manifest.digest}" in result.output
    assert manifest.kind == made
    assert manifest.provenance[noted]["from"] == read_manifest(folder / name).digest


def test_a_distillation_without_a_teacher_is_wrong_usage(folder):
    result = train("distil", *arguments(folder, "retrieval", "none"))

    assert result.exit_code == 2
    assert not (folder / "none").exists()


@pytest.mark.parametrize("command", ["refit", "verifier"])
def test_a_model_that_cannot_be_fitted_is_told_in_a_sentence(folder, command):
    result = train(command, *arguments(folder, "copy", "none"))

    assert result.exit_code != 0
    assert "no embedder for retrieval or verification" in " ".join(result.output.split())
    assert "Traceback" not in result.output
