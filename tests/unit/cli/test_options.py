from pathlib import Path

import pytest
from typer.testing import CliRunner

from cxrgate.cli.main import app
from cxrgate.cli.options import MODEL_FOLDERS, columns_of, decode_workers, models_folder
from cxrgate.core import UsageError
from cxrgate.core.shipped import shipped_models
from cxrgate.gate.config import read_config
from cxrgate.gate.workers import count_workers
from cxrgate.models import ModelKind

DEPLOY = Path(__file__).parent.parent.parent.parent / "deploy"
MOUNTED = Path("/etc/cxrgate/certification.pub")
FOLDERS = ("--log", "log", "--certificates", "none", "--roles", str(DEPLOY / "roles.yaml"))


@pytest.mark.parametrize(
    "command",
    [
        ("serve", "gate", str(DEPLOY / "gate.yaml"), *FOLDERS),
        (
            "dicom",
            "receive",
            str(DEPLOY / "gate.yaml"),
            *FOLDERS,
            "--spool",
            "spool",
            "--released",
            "released",
            "--allow",
            "A",
        ),
    ],
    ids=lambda command: command[0],
)
def test_a_configuration_that_asks_for_no_certificate_is_not_served_where_a_key_is_given(
    command, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(f"cxrgate.cli.commands.{command[0]}.log_to_stderr", lambda: None)
    done = CliRunner().invoke(app, command, env={"CXRGATE_CERTIFICATION_KEY": str(MOUNTED)})

    assert (done.exit_code, list(tmp_path.iterdir())) == (2, [])
    assert "certification: required" in done.output


def test_the_one_that_is_shipped_for_it_asks_by_this_very_key(tmp_path):
    config = read_config(DEPLOY / "gate.certified.yaml")
    config.expect_certification(MOUNTED)
    config.expect_certification(None)

    with pytest.raises(UsageError, match="certification_key"):
        config.expect_certification(tmp_path / "other.pub")


def test_every_kind_of_model_is_named():
    assert MODEL_FOLDERS.split(", ") == list(ModelKind)


def test_the_shipped_models_are_had_by_a_word(tmp_path):
    assert models_folder(Path("shipped")) == shipped_models()
    assert models_folder(tmp_path) == tmp_path


def test_without_a_number_the_machine_says_how_many_decode(monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(6)))
    assert decode_workers(None, "cpu") == count_workers("auto", "cpu")
    assert decode_workers(None, "cuda") == count_workers("auto", "cuda")
    assert decode_workers(5, "cpu") == 5


def test_a_column_that_is_named_twice_is_refused_and_no_last_one_counts():
    assert columns_of(["image=A", "patient_id=B", "image=A"]) == {"image": "A", "patient_id": "B"}
    with pytest.raises(UsageError, match="image is A and that it is B"):
        columns_of(["image=A", "image=B"])


WITH_DEVICE = (
    ["check", "images", "--against", "real"],
    ["enrol", "real.csv"],
    ["index", "build", "real.csv"],
    ["duplicates", "real"],
    ["audit", "real"],
    ["evaluate", "real"],
    ["train", "retrieval", "real.csv"],
    ["compat", "embed"],
)


@pytest.mark.parametrize("command", WITH_DEVICE, ids=" ".join)
@pytest.mark.parametrize(
    ("device", "told"), [("gpu", "expected cpu, cuda for a GPU"), ("cuda", "finds no GPU"), ("cuda:7", "finds no GPU")]
)
def test_a_device_that_is_not_here_is_refused_before_anything_is_looked_at(
    command, device, told, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    done = CliRunner().invoke(app, [*command, "--device", device], env={"COLUMNS": "400"})

    assert (done.exit_code, list(tmp_path.iterdir())) == (2, [])
    assert told in done.output


@pytest.mark.parametrize("words", [[], ["--dry-run"]])
@pytest.mark.parametrize(("device", "told"), [("gpu", "device: expected cpu"), ("cuda", "finds no GPU")])
def test_a_run_looks_for_its_device_before_its_images(words, device, told, tmp_path, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    path = tmp_path / "config.yaml"
    path.write_text(f"synthetic: nowhere\noutput: out\nsnapshot: snapshot\ndevice: {device}\n")
    done = CliRunner().invoke(app, ["run", str(path), *words])

    assert done.exit_code == 2
    assert told in done.output
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("limits", [("1", "0"), ("1", "1"), ("nan", "1"), ("0", "inf")])
def test_a_range_of_floats_that_does_not_rise_is_refused(limits, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["check", "images", "--against", "real", "--float-range", *limits])

    assert done.exit_code == 2
    assert "--float-range takes black, then white above it" in done.output


@pytest.mark.parametrize("command", ["check", "enrol"])
def test_the_help_says_that_a_range_of_floats_is_two_words(command):
    done = CliRunner().invoke(app, [command, "--help"], env={"COLUMNS": "200"})

    assert "BLACK WHITE" in done.output
