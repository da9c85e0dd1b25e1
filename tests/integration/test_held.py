"""A run uses a snapshot only where it is of the very images that are listed."""

import csv
import io
import json
import os
import shutil
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from support.fakes import picture
from support.image_sets import tree, write_config, write_sets
from typer.testing import CliRunner

from cxrgate.cli.main import app
from cxrgate.core import SnapshotError, UsageError
from cxrgate.core.digest import pixel_digest
from cxrgate.gate.config import read_config
from cxrgate.images.codec.encode import encode_png
from cxrgate.index import PartName, Snapshot
from cxrgate.index.manifest import read_manifest, write_manifest
from cxrgate.models.local import LocalEmbedder
from cxrgate.run import update
from cxrgate.run.held import SnapshotDiffers, verify_images
from cxrgate.run.run import run


@pytest.fixture(scope="module")
def enrolled(tmp_path_factory):
    folder = tmp_path_factory.mktemp("held")
    run(read_config(write_sets(folder)))
    return folder


@pytest.fixture
def folder(tmp_path, enrolled):
    made = tmp_path / "set"
    shutil.copytree(enrolled, made)
    shutil.rmtree(made / "out")
    for path in (made / "real").iterdir():  # copytree keeps times; be sure
        os.utime(path, ns=((enrolled / "real" / path.name).stat().st_mtime_ns,) * 2)
    return made


def config(folder, output="out"):
    return write_config(folder, folder / output, 4)


def listed(folder):
    with (folder / "real.csv").open(newline="") as file:
        return list(csv.reader(file))


def write_list(folder, rows):
    with (folder / "real.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)


def add_image(folder, number=99, patient="patient 99"):
    (folder / f"real/{number:03}.png").write_bytes(encode_png(picture(number)))
    write_list(folder, [*listed(folder), [f"real/{number:03}.png", patient]])


def command(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


def test_a_run_says_what_it_was_held_against(folder):
    answer = command("run", config(folder))

    assert "Held against 24 images of 12 patients." in answer.output
    told = json.loads((folder / "out/results/run.json").read_text())["held"]
    assert (told["images"], told["patients"], told["decoded"], told["not_compared"]) == (24, 12, 0, "")


def test_a_list_that_has_grown_is_refused_and_a_copy_of_the_new_image_is_not_released(folder):
    add_image(folder)
    (folder / "synthetic/leak.png").write_bytes(encode_png(picture(99)))

    answer = command("run", config(folder))

    assert answer.exit_code == 2
    assert "1 listed and not enrolled" in answer.output
    assert "real/099.png" in answer.output
    assert "cxrgate index update" in answer.output
    assert not (folder / "out").exists()

    answer = command("index", "update", config(folder))

    assert answer.exit_code == 0, answer.output
    assert "1 image enrolled, 0 enrolled again, 0 dropped: 25 references of 13 patients" in answer.output
    assert "No false-flag rate is promised: fewer than 40 patients to measure" in answer.output
    summary = run(read_config(config(folder)))
    assert summary.results.set_index("image_id").loc["leak.png", "decision"] == "NOT_ANONYMOUS"
    assert summary.held.images == 25


def grown_since(folder, move):
    """A configuration whose snapshot lacks an image that is listed, copied and, with another snapshot, enrolled."""
    add_image(folder)
    (folder / "synthetic/leak.png").write_bytes(encode_png(picture(99)))
    (folder / "snapshot").rename(folder / "old")
    path = config(folder)
    if not move:
        run(read_config(path))
        shutil.rmtree(folder / "out")
    return read_config(path)


@pytest.mark.parametrize("enrolled_before", [True, False])
def test_a_snapshot_that_is_put_there_while_a_run_starts_releases_nothing(folder, enrolled_before):
    made = grown_since(folder, move=not enrolled_before)

    def exchange(sentence):
        if sentence.startswith("held against" if enrolled_before else "25 images of 13 patients"):
            if enrolled_before:
                (folder / "snapshot").rename(folder / "grown")
            (folder / "old").rename(folder / "snapshot")

    with pytest.raises(SnapshotDiffers, match="exchanged while the run" if enrolled_before else "1 listed and not enr"):
        run(made, tell=exchange)
    assert not (folder / "out/released").exists()
    assert not (folder / "old").exists()


def test_a_snapshot_that_another_process_enrolled_meanwhile_is_held_and_used(folder):
    (folder / "snapshot").rename(folder / "old")

    def enrol(sentence):
        if sentence.startswith("24 images of 12 patients"):
            (folder / "old").rename(folder / "snapshot")

    held = run(read_config(config(folder)), tell=enrol).held
    assert (held.sentence, held.snapshot) == (
        "held against 24 images of 12 patients",
        read_manifest(folder / "snapshot").digest,
    )


def test_an_update_embeds_only_what_is_new_and_keeps_the_old_snapshot(folder):
    before = Snapshot.open(folder / "snapshot")
    old = before.manifest.digest
    add_image(folder)
    kept = np.array(before.identity)

    assert command("index", "update", config(folder)).exit_code == 0

    after = Snapshot.open(folder / "snapshot")
    assert np.array_equal(after.identity[:24], kept)
    assert after.parts[PartName.IMAGES].about["listed"] == 25
    assert read_manifest(folder / f"snapshot.{old[:12]}").digest == old
    with (folder / "private/references.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == 25
    assert "nothing was written" in command("index", "update", config(folder)).output


def test_what_is_no_longer_listed_is_named_and_dropped_only_by_a_word(folder):
    write_list(folder, listed(folder)[:-1])

    with pytest.raises(SnapshotDiffers, match=r"1 enrolled and no longer listed: real/023\.png"):
        run(read_config(config(folder)))
    assert "--drop-unlisted" in command("index", "update", config(folder)).output

    assert command("index", "update", config(folder), "--drop-unlisted").exit_code == 0
    assert run(read_config(config(folder))).held.images == 23


def test_an_image_of_another_patient_now_is_refused_until_it_is_enrolled_anew(folder):
    rows = listed(folder)
    rows[3][1] = "patient 7"
    write_list(folder, rows)

    with pytest.raises(SnapshotDiffers, match=r"1 enrolled as another patient's: real/002\.png"):
        run(read_config(config(folder)))

    assert command("index", "update", config(folder)).exit_code == 0
    assert run(read_config(config(folder))).held.images == 24


def test_a_file_that_was_touched_is_decoded_again_and_is_no_difference(folder):
    os.utime(folder / "real/004.png")
    Image.fromarray(picture(5)).save(folder / "real/005.png", compress_level=1)

    assert run(read_config(config(folder))).held.decoded == 2


def test_a_file_that_is_exchanged_during_an_update_is_found_by_the_next_run(folder, monkeypatch):
    config(folder)
    os.utime(folder / "real/004.png")
    compared = update.changed_pixels

    def exchange(*arguments):
        found = compared(*arguments)
        (folder / "real/004.png").write_bytes(encode_png(picture(77)))
        return found

    monkeypatch.setattr(update, "changed_pixels", exchange)
    answer = command("index", "update", config(folder), "--output", folder / "updated")
    assert answer.exit_code == 0, answer.output

    with pytest.raises(SnapshotDiffers, match=r"1 with other pixels.*real/004\.png"):
        run(read_config(config(folder)).model_copy(update={"snapshot": folder / "updated"}))


@pytest.mark.parametrize("content", [encode_png(picture(77)), b"no image"], ids=["another", "broken"])
def test_other_pixels_under_the_same_name_are_refused(folder, content):
    (folder / "real/004.png").write_bytes(content)

    with pytest.raises(SnapshotDiffers, match=r"1 with other pixels than at enrolment.*: real/004\.png"):
        run(read_config(config(folder)))
    assert not (folder / "out").exists()


def test_after_an_update_the_exchanged_image_is_what_is_enrolled(folder):
    (folder / "real/004.png").write_bytes(encode_png(picture(77)))
    (folder / "synthetic/leak.png").write_bytes(encode_png(picture(77)))

    assert "0 images enrolled, 1 enrolled again" in command("index", "update", config(folder)).output

    results = run(read_config(config(folder))).results.set_index("image_id")
    assert results.loc["leak.png", "decision"] == "NOT_ANONYMOUS"


def test_verify_images_finds_what_size_and_time_hide(folder):
    path = folder / "real/004.png"
    path.write_bytes(_uncompressed(picture(4)))
    assert verify_images(read_config(config(folder)), lambda *_: None).decoded == 24
    assert command("index", "update", config(folder)).exit_code == 0
    changed, stamp = picture(4).copy(), path.stat()
    changed[0, 0] ^= 255
    path.write_bytes(_uncompressed(changed))
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert path.stat().st_size == stamp.st_size

    assert run(read_config(config(folder))).held.decoded == 0
    answer = command("index", "verify", config(folder), "--images")

    assert answer.exit_code == 2
    assert "real/004.png" in answer.output


def _uncompressed(pixels):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "png", compress_level=0)
    return file.getvalue()


def test_a_host_without_the_images_says_what_it_could_not_compare(folder):
    shutil.rmtree(folder / "real")

    answer = command("run", config(folder))

    assert "24 of them are not on this host" in answer.output
    assert "24 of them are not on this host" in command("index", "verify", config(folder), "--images").output


def test_a_finished_run_that_is_started_again_keeps_what_its_images_were_held_against(folder):
    command("run", config(folder))
    path = folder / "out/results/run.json"
    before = path.read_bytes()
    (folder / "real/004.png").unlink()

    answer = command("run", config(folder))

    assert "1 of them is not on this host" in answer.output
    assert path.read_bytes() == before


def test_a_host_without_the_list_is_told_what_to_do(folder):
    (folder / "real.csv").unlink()

    answer = command("run", config(folder))

    assert answer.exit_code == 2
    assert "cannot be held against it" in answer.output


def test_another_key_is_told_in_place_of_every_name(folder):
    (folder / "private/key").unlink()
    (folder / "private/key").write_text("ab" * 32 + "\n")

    with pytest.raises(SnapshotDiffers, match="made with another key than"):
        run(read_config(config(folder)))


def test_an_update_that_was_stopped_goes_on(folder, monkeypatch):
    for number in range(60, 100):
        add_image(folder, number, f"patient {number}")
    embedded, embed = [], LocalEmbedder.embed

    async def stopped(self, images):
        embedded.extend(image.image_id for image in images)
        if len(embedded) > 16:
            raise KeyboardInterrupt
        return await embed(self, images)

    with monkeypatch.context() as patch:
        patch.setattr(LocalEmbedder, "embed", stopped)
        assert command("index", "update", config(folder)).exit_code != 0
    before = list(embedded[:16])

    async def counted(self, images):
        embedded.extend(image.image_id for image in images)
        return await embed(self, images)

    embedded.clear()
    monkeypatch.setattr(LocalEmbedder, "embed", counted)
    assert command("index", "update", config(folder)).exit_code == 0
    assert len(embedded) == 24
    assert not set(before) & set(embedded)
    assert not list(folder.glob("snapshot.*updating"))


def test_without_the_key_nothing_is_compared_in_silence(folder):
    (folder / "private/key").unlink()

    with pytest.raises(UsageError, match="key of the opaque ids"):
        run(read_config(config(folder)))


def test_a_snapshot_of_format_1_is_held_by_names_and_gets_its_records_by_an_update(folder):
    pixels = np.load(folder / "snapshot/images.pixels.npy")
    make_format_1(folder / "snapshot")

    summary = run(read_config(config(folder)))
    assert "names and patients alone" in summary.held.sentence
    with pytest.raises(SnapshotError, match="cxrgate index update"):
        verify_images(read_config(config(folder)), lambda *_: None)

    assert command("index", "update", config(folder)).exit_code == 0

    made = Snapshot.open(folder / "snapshot")
    assert {PartName.IMAGES, PartName.MEASUREMENT} <= set(made.parts)
    assert np.array_equal(made.parts[PartName.IMAGES].arrays["pixels"], pixels)
    assert run(read_config(config(folder, "again"))).held.not_compared == ""


def make_format_1(snapshot):
    for path in snapshot.glob("images.*"):
        path.unlink()
    write_manifest(snapshot, replace(read_manifest(snapshot), parts={}))


def test_format_1_of_other_images_gets_no_records(folder):
    make_format_1(folder / "snapshot")
    (folder / "real/004.png").write_bytes(encode_png(picture(77)))

    answer = command("index", "update", config(folder))

    assert answer.exit_code == 2
    assert "build a new snapshot" in answer.output
    assert not list(folder.glob("snapshot.*"))


def test_neither_names_nor_sizes_nor_pixel_digests_lie_in_the_snapshot(folder, enrolled):
    content = b"".join(tree(folder / "snapshot").values())
    digests = [bytes.fromhex(pixel_digest(picture(number)))[:16] for number in range(24)]

    for word in (b"real/", b"patient 1", b".png", *digests):
        assert word not in content
    sizes = {(enrolled / f"real/{i:03}.png").stat().st_size for i in range(24)}
    for name in ("stamps", "pixels"):
        rows = np.load(folder / f"snapshot/images.{name}.npy")
        assert rows.shape == (24, 16)
        assert len({row.tobytes() for row in rows}) == 24
        assert not [size for size in sizes if size.to_bytes(8, "little") in rows.tobytes()]
