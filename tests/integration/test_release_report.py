"""From a run to what may be claimed of it, and to the day on which more patients are enrolled."""

import csv
import json

import pytest
from support.fakes import picture
from support.image_sets import tree, write_config, write_sets
from typer.testing import CliRunner

from cxrgate.cli.main import app
from cxrgate.gate.config import read_config
from cxrgate.images.codec.encode import encode_png
from cxrgate.run.run import run

NEW_PATIENTS = {1000: "a/new00.png", 1003: "b/new03.png"}


def call(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("release")
    run(read_config(write_sets(folder)))
    with (folder / "training.csv").open("w", newline="") as file:
        names = [[f"real/{number:03}.png", f"patient {number // 2}"] for number in range(27)]
        csv.writer(file).writerows([["image", "patient_id"], *names])
    call("certificate", "key", folder / "signing")
    answer = call(
        "release-report",
        folder / "out.yaml",
        "--key",
        folder / "signing",
        "--training-manifest",
        folder / "training.csv",
    )
    assert answer.exit_code == 0, answer.output
    return folder


@pytest.fixture(scope="module")
def larger(folder):
    """Another snapshot, with two more patients whose pictures were released."""
    for number in NEW_PATIENTS:
        (folder / f"real/new{number}.png").write_bytes(encode_png(picture(number)))
    more = [f"real/new{number}.png,new patient {number}" for number in NEW_PATIENTS]
    (folder / "more.csv").write_text("\n".join([(folder / "real.csv").read_text().strip(), *more]) + "\n")
    enrol = "{images: more.csv, key: private/key, reference_map: private/more.csv}"
    config = write_config(folder, folder / "later", 4, snapshot="larger", enrol=enrol)
    run(read_config(config))
    return config


def verify(folder, *words):
    return call("verify-report", folder / "out/release-report.json", "--key", folder / "signing.pub", *words)


def test_a_report_holds_with_all_that_it_was_made_from(folder):
    answer = verify(folder, "--config", folder / "out.yaml", "--training-manifest", folder / "training.csv")

    assert answer.exit_code == 0, answer.output
    assert "not checked" not in answer.output
    assert "signed with the key signing (sha256 " in answer.output
    assert "; the run ended at 20" in answer.output


def test_the_folder_of_the_report_may_be_named(folder):
    answer = call("verify-report", folder / "out", "--key", folder / "signing.pub")

    assert answer.exit_code == 0, answer.output


def test_the_report_of_a_finished_run_still_holds_when_the_run_is_started_again_without_an_image(folder, tmp_path):
    image = folder / "real/004.png"
    away = image.rename(tmp_path / image.name)
    run(read_config(folder / "out.yaml"))
    away.rename(image)

    answer = verify(folder)
    assert answer.exit_code == 0, answer.output


def test_missing_training_images_are_counted_and_not_named(folder):
    statement = json.loads((folder / "out/release-report.json").read_text())["statement"]

    assert statement["coverage"]["listed"] == 27
    assert statement["coverage"]["enrolled"] == 24
    assert statement["coverage"]["patients_missing"] == 2
    for path in (folder / "out").glob("release-report.*"):
        assert "patient 1" not in path.read_text()
        assert "real/0" not in path.read_text()


def test_a_changed_file_is_named_and_the_exit_code_says_so(folder):
    path = folder / "out/released/a/new02.png"
    before = path.read_bytes()
    path.write_bytes(before[:-1] + b"x")
    try:
        answer, as_json = verify(folder), verify(folder, "--json")
    finally:
        path.write_bytes(before)

    assert answer.exit_code == 1
    assert "CHANGED released > a/new02.png: " in answer.output
    told = json.loads(as_json.stdout)
    assert (as_json.exit_code, told["holds"]) == (1, False)
    assert "released > a/new02.png" in {change["part"] for change in told["changes"]}


def test_coverage_needs_the_configuration(folder):
    answer = call("report", folder / "out", "--key", folder / "signing", "--training-manifest", folder / "training.csv")

    assert answer.exit_code == 2
    assert "--training-manifest needs the snapshot" in answer.output


def test_enrolling_more_patients_lists_their_pictures_and_changes_nothing(folder, larger):
    before = tree(folder / "out")
    answer = call("recheck", folder / "out/released", "--config", larger, "--output", folder / "withdraw.csv")
    with (folder / "withdraw.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))

    assert answer.exit_code == 1, answer.output
    assert [row["file"] for row in rows] == list(NEW_PATIENTS.values())
    assert {row["reasons"] for row in rows} == {"COPY"}
    assert all(f"withdraw {name}  COPY" in answer.output for name in NEW_PATIENTS.values())
    assert tree(folder / "out") == before


def test_the_snapshot_of_the_release_withdraws_nothing(folder):
    words = ("--config", folder / "out.yaml", "--output", folder / "none.csv", "--json")
    answer = call("recheck", folder / "out/released", *words)

    assert answer.exit_code == 0, answer.output
    assert json.loads(answer.stdout)["withdrawals"] == []
    assert (folder / "none.csv").read_text().strip() == "file,decision,reasons,score,similarity"


def test_files_that_the_manifest_does_not_vouch_for_are_withdrawn(folder, tmp_path):
    released = tmp_path / "released"
    for name, content in tree(folder / "out/released").items():
        (released / name).parent.mkdir(parents=True, exist_ok=True)
        (released / name).write_bytes(content)
    (released / "a/new00.png").unlink()
    (released / "a/new02.png").write_bytes((released / "a/new04.png").read_bytes())
    (released / "a/more.png").write_bytes((released / "a/new04.png").read_bytes())
    answer = call("recheck", released, "--config", folder / "out.yaml")

    assert answer.exit_code == 1
    assert (tmp_path / "recheck.csv").read_text().splitlines()[1:] == [
        "a/more.png,INDETERMINATE,FILE_NOT_LISTED,,",
        "a/new00.png,INDETERMINATE,FILE_MISSING,,",
        "a/new02.png,INDETERMINATE,FILE_CHANGED,,",
    ]


def test_the_list_is_not_written_into_the_release(folder):
    answer = call(
        "recheck", folder / "out/released", "--config", folder / "out.yaml", "--output", folder / "out/released/x.csv"
    )

    assert answer.exit_code == 2
