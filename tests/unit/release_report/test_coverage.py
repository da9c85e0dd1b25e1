import asyncio
import os
from dataclasses import replace

import pytest
from support.fakes import picture
from support.random_snapshots import KEY, MODELS, RandomModels

from cxrgate.core import GreyImage
from cxrgate.images.codec.encode import encode_png
from cxrgate.index import Snapshot
from cxrgate.index.build import Enrolment, build_snapshot
from cxrgate.release_report.coverage import cover
from cxrgate.run.reading import file_stamp

COUNT = 6


@pytest.fixture
def folder(tmp_path):
    """A snapshot of six images that lie beside it, and their list."""
    (tmp_path / "real").mkdir()
    for i in range(COUNT):
        (tmp_path / f"real/{i}.png").write_bytes(encode_png(picture(i)))
    items = [
        Enrolment(
            f"real/{i}.png", f"p{i}", GreyImage(f"real/{i}.png", picture(i)), file_stamp(tmp_path / f"real/{i}.png")
        )
        for i in range(COUNT)
    ]

    async def batches():
        yield items

    made = RandomModels(0)
    asyncio.run(build_snapshot(tmp_path / "snapshot", batches(), COUNT, made, made, MODELS, KEY))
    write_list(tmp_path, [f"real/{i}.png" for i in range(COUNT)])
    return tmp_path


def write_list(folder, names):
    rows = [f"{name},p{name[5]}" for name in names]
    (folder / "training.csv").write_text("\n".join(["image,patient_id", *rows]) + "\n")


def covered(folder, snapshot=None):
    return cover(folder / "training.csv", snapshot or Snapshot.open(folder / "snapshot"), KEY)


def figures(found):
    return found.listed, found.enrolled, found.patients_missing, found.others, found.compared, found.exchanged


def test_what_is_as_it_was_enrolled_is_covered_by_content(folder):
    assert figures(covered(folder)) == (6, 6, 0, 0, 6, 0)


def test_an_image_exchanged_under_its_name_is_not_covered(folder):
    (folder / "real/2.png").write_bytes(encode_png(picture(88)))

    assert figures(covered(folder)) == (6, 5, 1, 1, 5, 1)


def test_the_same_pixels_under_another_name_and_time_are_covered(folder):
    (folder / "real/2.png").rename(folder / "real/9.png")
    os.utime(folder / "real/9.png")
    write_list(folder, ["real/0.png", "real/9.png"])

    assert figures(covered(folder)) == (2, 2, 0, 4, 2, 0)


def test_a_file_that_is_not_here_is_compared_by_name_and_counted(folder):
    (folder / "real/2.png").unlink()

    assert figures(covered(folder)) == (6, 6, 0, 0, 5, 0)


def test_a_snapshot_without_records_is_compared_by_name(folder):
    snapshot = Snapshot.open(folder / "snapshot")
    (folder / "real/2.png").write_bytes(encode_png(picture(88)))

    assert figures(covered(folder, replace(snapshot, parts={}))) == (6, 6, 0, 0, 0, 0)
