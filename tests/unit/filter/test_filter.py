"""The filter as an object: over a small snapshot, with untrained models, so that copies alone are matches."""

import asyncio
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from support.fakes import picture
from support.image_sets import write_sets

from cxrgate.core import CxrgateError, ImageRecord, SnapshotError
from cxrgate.filter import Decision, Filter, UsageError
from cxrgate.gate.config import read_config
from cxrgate.images.codec.decode import decode
from cxrgate.images.codec.encode import encode_png
from cxrgate.index import Snapshot, create_key, read_key
from cxrgate.index.sealing import seal_snapshot
from cxrgate.run.run import run

POLICY = {"score_threshold": 1.0, "borderline": 0.9, "minimum_typicality": -1}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("filter")
    run(read_config(write_sets(folder)))
    return folder


@pytest.fixture(scope="module")
def opened(folder):
    references = folder / "private/references.csv"
    with Filter.open(
        folder / "snapshot", models=folder / "models", policy=POLICY, reference_map=references, batch_size=4
    ) as made:
        yield made


def loops():
    """How many filters have their loop running."""
    return [thread.name for thread in threading.enumerate()].count("cxrgate-filter")


def test_every_image_has_a_verdict_in_its_place(opened):
    copy, other = picture(1), picture(5000)
    found = opened.check(
        [encode_png(copy), Image.fromarray(other), b"no image", torch.from_numpy(copy), other / 255, None, "nowhere"]
    )

    assert [verdict.decision.value[:3] for verdict in found] == ["NOT", "ANO", "IND", "NOT", "ANO", "IND", "IND"]
    assert found[1].pixel_digest == found[4].pixel_digest
    assert found[2].reasons == ("IMAGE_UNDECODABLE",)
    assert found[6].image_id == "nowhere"


def test_a_folder_gets_the_verdicts_of_a_run(opened, folder):
    done = []
    found = opened.check(folder / "synthetic", progress=lambda *told: done.append(told))

    assert found.counts == {Decision.ANONYMOUS: 20, Decision.NOT_ANONYMOUS: 12, Decision.INDETERMINATE: 2}
    assert len(done) == 34
    recorded = pd.read_parquet(folder / "out/results/results.parquet")
    here = found.to_pandas()
    for column in ("image_id", "label", "decision", "reasons", "message", "pixel_digest"):
        assert here[column].tolist() == recorded[column].tolist(), column
    np.testing.assert_array_equal(here["score"], recorded["score"])


def test_released_images_come_back_as_the_judged_pixels_and_no_others_do(opened):
    found = opened.check([picture(5000), picture(1), b"x"], return_images=True)

    assert [verdict.png is not None for verdict in found] == [True, False, False]
    assert (decode(ImageRecord("", found[0].png)).pixels == picture(5000)).all()


def test_large_images_are_made_smaller_before_they_are_judged_where_that_is_asked_for(folder):
    large = np.kron(picture(5000), np.ones((6, 6), np.uint8))
    with Filter.open(folder / "snapshot", models=folder / "models", policy=POLICY, release={"side": 256}) as made:
        (verdict,) = made.check([large], return_images=True)

    assert max(large.shape) > 256
    assert max(decode(ImageRecord("", verdict.png)).pixels.shape) == 256
    assert made.policy.side == 256


def test_verdicts_come_while_images_are_still_made(opened):
    made = []
    stream = opened.stream(made.append(number) or picture(5000 + number) for number in range(200))
    first = next(stream)
    stream.close()

    assert first.image_id == "image000000"
    assert len(made) < 100


def test_what_the_images_source_raises_is_raised(opened):
    def images():
        yield picture(5000)
        raise RuntimeError("the sampler broke")

    with pytest.raises(RuntimeError, match="the sampler broke"):
        opened.check(images())
    assert len(opened.check([picture(5000)])) == 1


def test_it_works_in_a_running_event_loop_and_from_several_threads(opened):
    async def in_jupyter():
        return opened.check([picture(1)])

    assert asyncio.run(in_jupyter())[0].decision is Decision.NOT_ANONYMOUS
    found = {}
    threads = [
        threading.Thread(target=lambda n=n: found.update({n: opened.check([picture(5000 + n)] * 5)})) for n in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    digests = {number: {verdict.pixel_digest for verdict in verdicts} for number, verdicts in found.items()}
    assert [len(digests[number]) for number in range(3)] == [1, 1, 1]
    assert len(set.union(*digests.values())) == 3


def test_the_gallery_shows_the_reference_where_the_map_names_it(opened, folder):
    found = opened.check([picture(1), picture(5000), b"x"])
    gallery = opened.gallery(found, limit=2)

    assert found[0].nearest.path == (folder / "real/001.png").resolve()
    assert len(gallery.verdicts) == 2
    assert all(content.startswith(b"\x89PNG") for content in gallery.references)
    assert gallery._repr_html_().count("<img") == 4


def test_a_reference_that_is_gone_is_a_gap_in_the_gallery(opened):
    (verdict,) = opened.check([picture(1)])
    gone = replace(verdict, nearest=replace(verdict.nearest, path=Path("/nowhere.png")))

    assert opened.gallery([gone]).references == [b""]


def test_the_policy_in_force_can_be_read(opened):
    assert (opened.policy.score_threshold, opened.policy.references) == (1.0, 24)
    assert opened.certification == "uncertified"
    assert "24 references, open" in repr(opened)


def test_a_closed_filter_says_so_and_closing_twice_does_nothing(folder):
    made = Filter.open(folder / "snapshot", models=folder / "models", policy=POLICY)
    made.close()
    made.close()

    with pytest.raises(UsageError, match="closed"):
        made.check([picture(1)])
    assert "closed" in repr(made)


def test_real_images_are_enrolled_once_and_kept(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("CXRGATE_CACHE", str(tmp_path))
    steps = []
    for _ in range(2):
        with Filter.enrol(
            folder / "real.csv", models=folder / "models", policy=POLICY, progress=lambda *told: steps.append(told)
        ) as made:
            (verdict,) = made.check([picture(1)])

        assert (verdict.decision, verdict.nearest.path) == (Decision.NOT_ANONYMOUS, (folder / "real/001.png").resolve())
    assert sum(done for step, done, _ in steps if step == "enrol") == 24


def test_a_list_that_cannot_be_enrolled_leaves_nothing_open(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("CXRGATE_CACHE", str(tmp_path))
    before = loops()
    with pytest.raises(UsageError, match="no CSV file"):
        Filter.enrol(tmp_path / "none.csv", models=folder / "models")

    assert loops() == before


def test_wrong_arguments_are_named_before_anything_is_loaded(folder):
    with pytest.raises(UsageError, match="score_threshold"):
        Filter.open(folder / "snapshot", models=folder / "models", policy={"score_treshold": 0.4})
    with pytest.raises(SnapshotError):
        Filter.open(folder / "none", models=folder / "models")


SCRIPT = """
import sys
from cxrgate.filter import Filter
print("once")
gate = Filter.open(sys.argv[1] + "/snapshot", models=sys.argv[1] + "/models", policy={policy})
print(gate.check(sys.argv[1] + "/synthetic"))
"""


@pytest.mark.parametrize("way", ["file", "standard input"])
def test_a_plain_script_needs_neither_a_guard_nor_to_close(way, folder, tmp_path):
    text = SCRIPT.format(policy=POLICY)
    (tmp_path / "script.py").write_text(text)
    words = ["script.py"] if way == "file" else ["-"]
    done = subprocess.run(
        [sys.executable, *words, str(folder)],
        input="" if way == "file" else text,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
    told = "Verdicts(34 images: 20 ANONYMOUS, 12 NOT_ANONYMOUS, 2 INDETERMINATE)"
    assert done.stdout.splitlines() == ["once", told]


def test_images_in_memory_are_enrolled_with_their_patients_and_leave_no_pixels(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("CXRGATE_CACHE", str(tmp_path))
    pictures = [picture(seed) for seed in range(1, 25)]
    real = {f"{place:02}": array for place, array in enumerate(pictures)}
    real |= {"00": Image.fromarray(pictures[0]), "01": encode_png(pictures[1]), "02": torch.from_numpy(pictures[2])}
    patients = {name: int(name) // 2 for name in real}
    steps = []
    for _ in range(2):
        with Filter.enrol(
            real,
            patients=patients,
            models=folder / "models",
            policy=POLICY,
            progress=lambda *told: steps.append(told),
        ) as made:
            found = made.check([pictures[0], pictures[2], pictures[23], picture(5000)])
            shown = [verdict.nearest.path for verdict in found]
            assert all(path.is_file() for path in shown)

    assert [verdict.released for verdict in found] == [False, False, False, True]
    assert [path.name for path in shown[:3]] == ["00", "02", "23"]
    assert found[0].nearest.patient_key != found[1].nearest.patient_key
    assert sum(done for step, done, _ in steps if step == "enrol") == 24
    assert not any(path.exists() for path in shown)
    assert not any(path.read_bytes().startswith(b"\x89PNG") for path in tmp_path.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    ("images", "more", "said"),
    [
        ([picture(1)], {}, "1 image has no patient"),
        ([picture(1), picture(2)], {"patients": ["a"]}, "1 patients were given for 2 images"),
        ({"a": picture(1), "b": picture(2)}, {"patients": {"a": 1}}, "1 image has no patient"),
        ([b"no image"], {"patients": ["a"]}, "could not be enrolled|cannot be enrolled"),
        ([None], {"patients": ["a"]}, "image000000 cannot be enrolled"),
        ({"../a": picture(1)}, {"patients": ["a"]}, "no path relative"),
        ([], {"patients": []}, "no image to enrol"),
        (picture(1), {"patients": ["a"]}, "one ndarray"),
        ("real.csv", {"patients": ["a"]}, "column patient_id"),
    ],
)
def test_images_in_memory_that_cannot_be_enrolled_are_said(images, more, said, folder, tmp_path, monkeypatch):
    monkeypatch.setenv("CXRGATE_CACHE", str(tmp_path))
    with pytest.raises(CxrgateError, match=said):
        Filter.enrol(images, models=folder / "models", **more)


def test_a_sealed_snapshot_is_opened_with_its_key_alone(folder, tmp_path):
    key = tmp_path / "storage.key"
    create_key(key)
    seal_snapshot(Snapshot.open(folder / "snapshot"), tmp_path / "sealed", read_key(key))
    given = {"models": folder / "models", "policy": POLICY}

    with Filter.enrol(tmp_path / "sealed", storage_key=key, **given) as made:
        assert not made.check([picture(1)])[0].released
    with pytest.raises(SnapshotError, match="sealed"):
        Filter.enrol(tmp_path / "sealed", **given)
    with pytest.raises(UsageError, match="leave the key out"):
        Filter.enrol(folder / "real.csv", storage_key=key, **given)
