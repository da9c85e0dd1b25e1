import csv
import errno
import functools
import hashlib
import json
import stat
import threading

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from support.fakes import picture, save_small_models
from support.image_sets import tree, write_config, write_sets
from typer.testing import CliRunner

from cxrgate.cli.main import app
from cxrgate.core import ImageRecord, MismatchError, SnapshotCorrupt, StorageCorrupt, UsageError
from cxrgate.core.digest import bytes_digest, canonical_json
from cxrgate.gate.config import read_config
from cxrgate.gate.pipeline import Gate
from cxrgate.images.codec.decode import decode
from cxrgate.images.codec.encode import ENCODER
from cxrgate.run.names import release_names
from cxrgate.run.release import publish
from cxrgate.run.run import run
from cxrgate.verify_run.released import png_pixel_digest
from cxrgate.verify_run.verify import verify_run


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    run(read_config(write_sets(folder)))
    return folder


@pytest.fixture(scope="module")
def results(folder):
    return pd.read_parquet(folder / "out/results/results.parquet").set_index("image_id")


def test_every_image_gets_one_outcome(results):
    assert len(results) == 34
    assert results["decision"].value_counts().to_dict() == {"ANONYMOUS": 20, "NOT_ANONYMOUS": 12, "INDETERMINATE": 2}


def test_names_are_made_before_the_allocator_keeps_what_is_freed(folder, monkeypatch):
    """What naming takes for a while would stay with the process until its end, 25 MiB of 200,000 images."""
    steps = []

    def names(*given):
        steps.append("names")
        return release_names(*given)

    def models():
        steps.append("models")
        raise UsageError("far enough")

    monkeypatch.setattr("cxrgate.run.run.release_names", names)
    monkeypatch.setattr("cxrgate.gate.local.keep_freed_memory", models)
    with pytest.raises(UsageError, match="far enough"):
        run(read_config(write_config(folder, folder / "named first", 7)))

    assert steps == ["names", "models"]


def test_no_thread_is_started_once_images_are_checked(folder, monkeypatch):
    """One that is started while memory runs out may be waited for without end."""
    check, started = Gate.check_batch, []

    async def checked(*given):
        monkeypatch.setattr(threading.Thread, "start", started.append)
        return await check(*given)

    monkeypatch.setattr(Gate, "check_batch", checked)
    monkeypatch.setattr(pd, "read_parquet", functools.partial(_by_this_thread_alone, pd.read_parquet))
    summary = run(read_config(write_config(folder, folder / "no thread", 7)))

    assert (len(summary.results), started) == (34, [])


def _by_this_thread_alone(read, *given, use_threads=True, pre_buffer=True, **more):
    """Arrow never ends where its own threads find no memory."""
    assert not use_threads
    assert not pre_buffer
    return read(*given, use_threads=use_threads, pre_buffer=pre_buffer, **more)


@pytest.mark.parametrize("kind", ["copy", "jpeg", "scaled"])
def test_copies_are_flagged_with_untrained_weights_too(results, kind):
    rows = results[results.index.str.startswith(f"a/{kind}")]

    assert len(rows) == 4
    assert set(rows["reasons"]) == {"COPY"}


def test_files_that_are_no_image_are_indeterminate_and_do_not_stop_the_run(results):
    assert results.loc["b/cut.png", "reasons"] == "TRUNCATED"
    assert results.loc["b/text.png", "reasons"] == "IMAGE_UNDECODABLE"


def test_released_set_is_what_passed_in_its_class_folders(folder, results):
    released = {name for name in tree(folder / "out/released") if name != "manifest.json"}

    assert released == set(results[results["decision"] == "ANONYMOUS"].index)
    assert not [path for path in (folder / "out/released").rglob("*") if path.is_symlink()]


def test_released_pixels_are_the_checked_pixels(folder):
    image = Image.open(folder / "out/released/a/new00.png")

    assert image.mode == "L"
    assert not image.info
    assert np.array_equal(np.asarray(image), picture(1000))


def test_manifest_names_every_file_and_that_nothing_is_certified(folder):
    files = tree(folder / "out/released")
    manifest = json.loads(files.pop("manifest.json"))

    assert manifest["certification"] == "uncertified"
    assert manifest["encoder"] == ENCODER
    assert manifest["files"] == {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}


def test_nothing_real_is_named_outside_the_private_folder(folder):
    for name, content in {**tree(folder / "out"), **tree(folder / "snapshot")}.items():
        assert b"patient 1" not in content, name
        assert b"real/0" not in content, name


def test_the_group_may_read_snapshot_journal_results_and_evidence_and_others_nothing(folder):
    found = [folder / "out", folder / "snapshot", *(folder / "out").rglob("*"), *(folder / "snapshot").rglob("*")]
    modes = {path.relative_to(folder).as_posix(): path.stat().st_mode for path in found}

    assert {"out/results/evidence.parquet", "out/results/results.csv", "out/work/journal.jsonl"} <= set(modes)
    assert [name for name, mode in modes.items() if mode & 0o007] == []
    assert [name for name, mode in modes.items() if not mode & 0o040] == []


def test_reference_map_is_private_and_resolves_the_evidence(folder):
    path = folder / "private/references.csv"
    with path.open(newline="") as file:
        rows = {row["reference_id"]: row["image"] for row in csv.DictReader(file)}
    evidence = pd.read_parquet(folder / "out/results/evidence.parquet")
    nearest = evidence[evidence["image_id"] == "a/copy2.png"].sort_values("similarity").iloc[-1]

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert rows[nearest["reference_id"]] == "real/002.png"


@pytest.mark.parametrize(("size", "workers"), [(1, 1), (7, 3), (64, "auto")])
def test_batch_size_and_workers_change_no_byte_of_results_and_released_set(folder, size, workers):
    output = folder / f"out{size}"
    run(read_config(write_config(folder, output, size, workers=workers)))

    assert tree(output / "released") == tree(folder / "out/released")
    for name in ("results.csv", "results.parquet", "evidence.csv", "evidence.parquet", "nearest.csv"):
        assert (output / "results" / name).read_bytes() == (folder / "out/results" / name).read_bytes(), name


def test_engines_give_the_same_evidence(folder):
    output = folder / "outtree"
    run(read_config(write_config(folder, output, 4, engine="kdtree")))

    assert (output / "results/evidence.parquet").read_bytes() == (folder / "out/results/evidence.parquet").read_bytes()


def test_running_again_changes_nothing_and_checks_nothing(folder):
    before = tree(folder / "out")
    summary = run(read_config(folder / "out.yaml"))

    assert summary.checked == 0
    assert tree(folder / "out") == before


def test_a_file_that_was_changed_in_the_released_set_is_made_anew(folder):
    before = tree(folder / "out/released")
    (folder / "out/released/a/new02.png").write_bytes(b"something else")
    (folder / "out/released/a/stale.png").write_bytes(b"left from before")
    run(read_config(folder / "out.yaml"))

    assert tree(folder / "out/released") == before


@pytest.mark.parametrize("rotten", [b"", b'{"timing": ', b"\xff"])
def test_a_rotten_record_is_written_anew(folder, rotten):
    (folder / "out/results/run.json").write_bytes(rotten)
    run(read_config(folder / "out.yaml"))

    assert verify_run(folder / "out").violations == ()
    assert json.loads((folder / "out/results/run.json").read_text())["timing"].keys() == {"finished"}


def test_a_line_of_another_form_is_refused_in_a_sentence(folder):
    journal = folder / "out/work/journal.jsonl"
    before, payload = journal.read_bytes(), b'{"batch":0}'
    journal.write_bytes(before + hashlib.sha256(payload).hexdigest()[:16].encode() + b" " + payload + b"\n")
    with pytest.raises(StorageCorrupt, match="is none of a journal: choose another output, or remove it"):
        run(read_config(folder / "out.yaml"))
    journal.write_bytes(before)


def test_a_set_has_its_record_from_the_moment_at_which_it_is_there(folder, monkeypatch):
    def publish_and_fail(*arguments):
        publish(*arguments)
        raise OSError(errno.ENOSPC, "no space left")

    monkeypatch.setattr("cxrgate.run.run.publish", publish_and_fail)
    with pytest.raises(OSError, match="no space left"):
        run(read_config(write_config(folder, folder / "outrecord", 4)))

    assert (folder / "outrecord/released/manifest.json").exists()
    assert verify_run(folder / "outrecord").violations == ()


def test_output_of_another_run_is_refused(folder):
    with pytest.raises(UsageError, match="policy"):
        run(read_config(write_config(folder, folder / "out", 4, policy="{score_threshold: 0.9, borderline: 0.8}")))
    write_config(folder, folder / "out", 4)


@pytest.mark.parametrize("part", ["columns", "encoder"])
def test_output_of_an_earlier_version_with_other_columns_or_encoder_is_refused(folder, part):
    output = folder / "outold"
    config = read_config(write_config(folder, output, 34))
    run(config)
    journal = output / "work/journal.jsonl"
    first, rest = journal.read_bytes().split(b"\n", 1)
    before = json.loads(first.split(b" ", 1)[1])
    del before[part]
    content = canonical_json(before)
    journal.write_bytes(bytes_digest(content)[:16].encode() + b" " + content + b"\n" + rest)

    with pytest.raises(UsageError, match=rf"another run, which had (other|another) {part}"):
        run(config)
    journal.unlink()


def test_other_models_than_the_snapshots_are_refused(folder):
    save_small_models(folder / "others", seed=1)
    models = "{retrieval: others/retrieval, verification: models/verification}"

    with pytest.raises(MismatchError, match="enrol again"):
        run(read_config(write_config(folder, folder / "outother", 4, models=models)))
    assert not (folder / "outother/released").exists()


@pytest.mark.parametrize("name", ["identity", "features", "copy", "mean_layout", "patient_keys"])
def test_one_flipped_bit_in_the_snapshot_stops_the_run(folder, name):
    path = folder / "snapshot" / f"{name}.npy"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    try:
        with pytest.raises(SnapshotCorrupt):
            run(read_config(write_config(folder, folder / "outcorrupt", 4)))
        assert not (folder / "outcorrupt/released").exists()
    finally:
        content[-1] ^= 1
        path.write_bytes(content)


def test_command_says_what_was_removed_and_exits_with_incomplete(folder):
    answer = CliRunner().invoke(app, ["run", str(folder / "out.yaml")])

    assert answer.exit_code == 3
    assert "removed a/copy0.png  COPY" in answer.output


def test_report_holds_no_pixels_unless_asked_for(folder):
    CliRunner().invoke(app, ["run", str(folder / "out.yaml")])
    plain = (folder / "out/report.html").read_text()
    config = write_config(folder, folder / "outpictures", 4, include_references="true")
    CliRunner().invoke(app, ["run", str(config)])
    pictured = (folder / "outpictures/report.html").read_text()

    assert "data:image" not in plain
    assert pictured.count("data:image/png") >= 24  # twelve copies, each with a candidate


def test_wrong_configuration_is_a_usage_error(tmp_path):
    (tmp_path / "config.yaml").write_text("synthetic: a\nthreshold: 1\n")
    answer = CliRunner().invoke(app, ["run", str(tmp_path / "config.yaml")])

    assert answer.exit_code == 2
    assert "threshold: Extra inputs are not permitted" in answer.output


def test_time_of_each_stage_is_recorded(folder):
    run(read_config(write_config(folder, folder / "outtime", 8)))
    timing = json.loads((folder / "outtime/results/run.json").read_text())["timing"]

    assert list(timing["stages"]) == ["decode", "embed", "search", "verify", "write"]
    assert [stage["images"] for stage in timing["stages"].values()] == [34, 32, 32, 32, 34]
    for stage in timing["stages"].values():
        assert 0 < stage["seconds"] <= timing["seconds"]
    assert timing["stages"]["embed"]["seconds"] + timing["stages"]["verify"]["seconds"] <= timing["seconds"]


def test_a_set_is_released_at_the_side_that_is_asked_for(folder, tmp_path):
    synthetic = tmp_path / "synthetic"
    synthetic.mkdir()
    Image.fromarray(picture(2000, (600, 500))).save(synthetic / "large.png")
    Image.fromarray(picture(2001)).save(synthetic / "small.png")
    more = {"synthetic": str(synthetic), "release": "{side: 256}"}
    run(read_config(write_config(folder, tmp_path / "out", 4, **more)))

    rows = pd.read_parquet(tmp_path / "out/results/results.parquet").set_index("image_id")
    released = {path.name: path.read_bytes() for path in (tmp_path / "out/released").glob("*.png")}
    sizes = {name: decode(ImageRecord(name, content)).pixels.shape for name, content in released.items()}
    assert sizes == {"large.png": (256, 213), "small.png": (96, 80)}
    assert rows.loc["large.png", "pixel_digest"] == png_pixel_digest(tmp_path / "out/released/large.png")
    assert not verify_run(tmp_path / "out").violations
