"""Processes that encode and stage: the same files as here, and no end of one costs an image."""

import asyncio
import os
import signal
import subprocess
import sys
import time

import numpy as np
import psutil
import pytest
from support.image_sets import tree
from support.page_faults import PAGES_OF_AN_IMAGE, page_faults

from cxrgate.core.digest import bytes_digest
from cxrgate.images.codec.encode import encode_png
from cxrgate.run.engines import writers as module
from cxrgate.run.engines.writers import Writers

NOISE = np.random.default_rng(0).integers(0, 256, (40, 64, 96)).astype(np.uint8)
IMAGES = [(f"{i % 3}/{i}.png", pixels) for i, pixels in enumerate(NOISE)]
EXPECTED = {name: encode_png(pixels) for name, pixels in IMAGES}


@pytest.fixture(scope="module")
def writers():
    with Writers(2) as made:
        yield made


def staged(writers, folder, images):
    return asyncio.run(writers.stage(folder, images))


def processes(writers):
    return [psutil.Process(writer._process.pid) for writer in writers._writers]


def test_files_and_digests_are_those_of_encoding_here(writers, tmp_path):
    digests = staged(writers, tmp_path, IMAGES)

    assert digests == [bytes_digest(content) for content in EXPECTED.values()]
    assert tree(tmp_path) == EXPECTED


def test_batches_side_by_side_do_not_mix(writers, tmp_path):
    async def several():
        parts = [IMAGES[i : i + 4] for i in range(0, len(IMAGES), 4)]
        return await asyncio.gather(*[writers.stage(tmp_path, part) for part in parts])

    digests = [digest for part in asyncio.run(several()) for digest in part]

    assert digests == [bytes_digest(content) for content in EXPECTED.values()]
    assert tree(tmp_path) == EXPECTED


def test_nothing_to_stage(writers, tmp_path):
    assert staged(writers, tmp_path / "none", []) == []
    assert not (tmp_path / "none").exists()


def test_more_than_the_memory_holds_is_staged_in_parts(monkeypatch, tmp_path):
    monkeypatch.setattr(module, "ROOM", 2 * NOISE[0].size)
    with Writers(1) as small:
        staged(small, tmp_path, IMAGES)

    assert tree(tmp_path) == EXPECTED


def test_rows_that_do_not_lie_side_by_side_are_staged_as_they_are(writers, tmp_path):
    turned = NOISE[0].T[::2]
    staged(writers, tmp_path, [("turned.png", turned)])

    assert (tmp_path / "turned.png").read_bytes() == encode_png(np.ascontiguousarray(turned))


def test_a_file_that_cannot_be_written_is_an_error_and_the_next_one_is_written(writers, tmp_path):
    (tmp_path / "0").write_bytes(b"a file where a folder should be")
    with pytest.raises(OSError, match="0"):
        staged(writers, tmp_path, IMAGES)

    staged(writers, tmp_path / "other", IMAGES)
    assert tree(tmp_path / "other") == EXPECTED


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_writer_that_ends_costs_no_image_and_is_replaced(number, tmp_path):
    with Writers(1) as one:
        staged(one, tmp_path / "before", IMAGES)
        for _ in range(2):
            (writer,) = processes(one)
            writer.send_signal(number)
            staged(one, tmp_path / "after", IMAGES)

        assert tree(tmp_path / "after") == EXPECTED
        (last,) = processes(one)
        assert last.is_running()
    assert not last.is_running()


def until_some_are_written(folder):
    while len(list(folder.rglob("*.png"))) < len(IMAGES) // 4:
        time.sleep(0)


def test_a_writer_that_ends_in_the_middle_costs_no_image(tmp_path):
    async def interrupted(one):
        work = asyncio.create_task(one.stage(tmp_path, IMAGES))
        await asyncio.to_thread(until_some_are_written, tmp_path)
        processes(one)[0].kill()
        return await work

    with Writers(1) as one:
        digests = asyncio.run(interrupted(one))

    assert digests == [bytes_digest(content) for content in EXPECTED.values()]
    assert tree(tmp_path) == EXPECTED


def test_an_interrupted_terminal_ends_no_writer(tmp_path):
    with Writers(1) as one:
        staged(one, tmp_path / "before", IMAGES)
        (writer,) = processes(one)
        writer.send_signal(signal.SIGINT)
        staged(one, tmp_path / "after", IMAGES)

        assert processes(one) == [writer]


PROGRAM = """
import sys, time
from cxrgate.run.engines.writers import Writers
with Writers(2) as writers:
    print(*[writer._process.pid for writer in writers._writers], flush=True)
    time.sleep(60)
"""


def test_writers_end_when_their_parent_is_killed():
    with subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, text=True) as program:
        found = [psutil.Process(int(pid)) for pid in program.stdout.readline().split()]
        os.kill(program.pid, signal.SIGKILL)
    end = time.monotonic() + 30
    while any(process.is_running() for process in found) and time.monotonic() < end:
        time.sleep(0.05)

    assert not any(process.is_running() for process in found)


def test_a_writer_uses_its_memory_again(tmp_path):
    large = [(f"{i}.png", np.resize(NOISE, (1024, 1024))) for i in range(8)]
    with Writers(1) as one:
        (writer,) = processes(one)
        staged(one, tmp_path, large)
        before = page_faults(writer.pid)
        staged(one, tmp_path, large)

        assert page_faults(writer.pid) - before < PAGES_OF_AN_IMAGE
