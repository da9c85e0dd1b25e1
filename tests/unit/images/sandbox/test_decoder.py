"""What a decode worker may not do, and what its end costs: one image and no other."""

import asyncio
import contextlib
import os
import random
import resource
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from support.bad_images import dataset, dicom, grey, jpeg, png, ramp, saved, turned
from support.misbehaving_decoders import LATE, misbehave
from support.page_faults import PAGES_OF_AN_IMAGE, page_faults

from cxrgate.core import Failure, GreyImage, ImageError, ImageRecord, Stage
from cxrgate.core.digest import pixel_digest
from cxrgate.images.codec.decode import decode
from cxrgate.images.codec.encode import encode_png
from cxrgate.images.sandbox import decoder as sandbox
from cxrgate.images.sandbox import worker
from cxrgate.images.sandbox.decoder import SandboxedDecoder
from cxrgate.images.sandbox.interpreter import FreshContext
from cxrgate.images.sandbox.worker import Worker

NOISE = np.random.default_rng(0).integers(0, 256, (20, 64, 64)).astype(np.uint8)
GOOD = [ImageRecord(f"image{i}", png(pixels)) for i, pixels in enumerate(NOISE)]


@pytest.fixture(scope="module")
def decoder():
    with SandboxedDecoder(2, misbehave) as made:
        yield made


def answers(decoder, records):
    return asyncio.run(decoder.decode(records))


def bad(action):
    return ImageRecord(f"{action} please", b"x")


def between_good_ones(decoder, action):
    """The answer to one bad image; those before and after it must be as they are without it."""
    found = answers(decoder, [*GOOD[:3], bad(action), *GOOD[3:6]])
    good = found[:3] + found[4:]

    assert [image.image_id for image in good] == [record.image_id for record in GOOD[:6]]
    assert all(np.array_equal(image.pixels, pixels) for image, pixels in zip(good, NOISE, strict=False))
    assert found[3].image_id == f"{action} please"
    assert found[3].stage is Stage.DECODE
    return found[3]


def resident():
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * resource.getpagesize()


def test_order_is_kept(decoder):
    found = answers(decoder, GOOD)

    assert [image.image_id for image in found] == [record.image_id for record in GOOD]
    assert all(np.array_equal(image.pixels, pixels) for image, pixels in zip(found, NOISE, strict=True))


def test_nothing_to_decode(decoder):
    assert answers(decoder, []) == []


@pytest.mark.parametrize("workers", [1, 3])
def test_number_of_workers_changes_nothing(decoder, workers):
    with SandboxedDecoder(workers) as other:
        assert [image.digest for image in answers(other, GOOD)] == [image.digest for image in answers(decoder, GOOD)]


@pytest.mark.parametrize("action", ["exit", "segfault"])
def test_a_worker_that_dies_costs_one_image(decoder, action):
    failure = between_good_ones(decoder, action)

    assert (failure.code, failure.reason) == ("INVALID_ARGUMENT", "DECODER_DIED")


def test_several_dying_workers_cost_their_images(decoder):
    records = [record for good in GOOD[:6] for record in (good, ImageRecord(f"exit {good.image_id}", b"x"))]
    found = answers(decoder, records)

    assert [type(answer) for answer in found] == [GreyImage, Failure] * 6


def test_a_worker_that_sleeps_is_stopped(decoder, monkeypatch):
    monkeypatch.setattr(worker, "SECONDS", 1.5)
    failure = between_good_ones(decoder, "sleep")

    assert (failure.code, failure.reason) == ("INVALID_ARGUMENT", "DECODER_TIMEOUT")


def test_a_worker_that_loops_is_stopped_by_its_processor_time(decoder, monkeypatch):
    monkeypatch.setattr(worker, "SECONDS", 300)
    failure = between_good_ones(decoder, "loop")

    assert (failure.code, failure.reason) == ("INVALID_ARGUMENT", "DECODER_TIMEOUT")
    assert (
        failure.message
        == f"decoding took more than {sandbox.CPU_SECONDS:g} s of processor: save the image smaller, or as PNG"
    )


def test_what_a_worker_writes_later_changes_no_image_that_it_handed_over():
    records = [ImageRecord(f"late {record.image_id}", record.content) for record in GOOD[:3]]
    with SandboxedDecoder(1, misbehave) as decoder:
        found = answers(decoder, records)
        before = [(image.digest, encode_png(image.pixels)) for image in found]
        memory = decoder._workers[0]._segment._memory
        while memory[:4096].strip(bytes([LATE])):
            time.sleep(0.01)

    assert [(image.digest, encode_png(image.pixels)) for image in found] == before
    assert [image.digest for image in found] == [pixel_digest(pixels) for pixels in NOISE[:3]]


def test_images_that_find_no_room_beside_others_come_all_the_same():
    largest = [ImageRecord(f"image{i}", png(ramp(4000) + np.uint8(i))) for i in range(4)]
    with SandboxedDecoder() as decoder:
        found = answers(decoder, largest)

    assert all(np.array_equal(image.pixels, ramp(4000) + np.uint8(i)) for i, image in enumerate(found))


def test_memory_is_limited_and_given_back(decoder):
    before = resident()
    failure = between_good_ones(decoder, "memory")

    assert (failure.code, failure.reason) == ("INVALID_ARGUMENT", "DECODER_MEMORY")
    assert resident() - before < 50 * 2**20


def test_the_memory_of_one_image_serves_the_next():
    radiograph = [ImageRecord(f"image{i}", png(ramp(1024) + np.uint8(i))) for i in range(8)]
    with SandboxedDecoder() as decoder:
        for record in radiograph:
            answers(decoder, [record])
        before = page_faults(decoder._workers[0].pid)
        for record in radiograph:
            answers(decoder, [record])
        after = page_faults(decoder._workers[0].pid)

    assert (after - before) / len(radiograph) < PAGES_OF_AN_IMAGE


@pytest.mark.parametrize("action", ["read", "write", "socket", "pipe"])
def test_nothing_can_be_opened(decoder, action):
    failure = between_good_ones(decoder, action)

    assert (failure.code, failure.reason) == ("INTERNAL", "DECODER_ERROR")
    assert failure.message == "the decoder gave no answer, OSError: ask again"
    assert not Path("/tmp/cxrgate-sandbox").exists()


@pytest.mark.parametrize(("action", "name"), [("key", "KeyError"), ("odd", "OddError"), ("quit", "SystemExit")])
def test_an_unknown_error_is_ours_and_says_nothing_of_the_image(decoder, action, name):
    failure = between_good_ones(decoder, action)

    assert (failure.code, failure.reason) == ("INTERNAL", "DECODER_ERROR")
    assert failure.message == f"the decoder gave no answer, {name}: ask again"


def test_limits_of_a_worker(decoder):
    pid = worker_of(decoder)
    limits = Path(f"/proc/{pid}/limits").read_text(encoding="ascii")
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    found = {line[:26].strip(): line[26:46].strip() for line in limits.splitlines()}

    assert (found["Max core file size"], found["Max file size"]) == ("0", "0")
    assert int(found["Max open files"]) < 20
    assert int(found["Max address space"]) < 4 * 2**30
    assert "NoNewPrivs:\t1" in status


def worker_of(decoder):
    (failure,) = answers(decoder, [bad("pid")])
    return int(failure.message)


def test_workers_that_are_killed_while_idle_are_replaced():
    with SandboxedDecoder(1, misbehave) as decoder:
        for _ in range(3):
            os.kill(worker_of(decoder), signal.SIGKILL)
            time.sleep(0.3)
            assert between_good_ones(decoder, "key").reason == "DECODER_ERROR"


def test_a_pool_that_breaks_under_load_is_replaced():
    large = [ImageRecord(f"image{i}", png(ramp(512)) + bytes(2**20)) for i in range(30)]
    with SandboxedDecoder(2, misbehave) as decoder:
        pids = {worker_of(decoder) for _ in range(20)}

        async def killed_meanwhile():
            decoding = asyncio.create_task(decoder.decode(large))
            for pid in pids:
                os.kill(pid, signal.SIGKILL)
                await asyncio.sleep(0.001)
            return await decoding

        found = asyncio.run(killed_meanwhile())

    assert [answer.image_id for answer in found] == [record.image_id for record in large]
    assert sum(isinstance(answer, Failure) for answer in found) <= len(pids)


def test_a_call_of_one_image_goes_before_the_rest_of_a_long_one(decoder):
    async def both():
        ended, long = [], GOOD * 10

        async def call(records, name):
            await decoder.decode(records)
            ended.append(name)

        calls = [asyncio.create_task(call(long, "long")), asyncio.create_task(call(long, "long, later"))]
        await asyncio.sleep(0.01)
        await asyncio.gather(*calls, call(GOOD[:1], "short"))
        return ended

    assert asyncio.run(both()) == ["short", "long", "long, later"]


def test_few_images_are_decoded_while_every_other_worker_has_a_long_call(monkeypatch):
    monkeypatch.setattr(worker, "SECONDS", 3.0)
    endless = [bad("sleep"), *GOOD[: sandbox.FEW]]

    async def both(decoder):
        long = asyncio.create_task(decoder.decode(endless))
        await asyncio.sleep(0.05)
        few = [await decoder.decode(GOOD[:1]), *await asyncio.gather(*[decoder.decode(GOOD[:2]) for _ in range(3)])]
        return long.done(), few, await long

    with SandboxedDecoder(1, misbehave, express=True) as decoder:
        was_done, few, long = asyncio.run(both(decoder))

    assert not was_done
    assert [image.image_id for call in few for image in call] == ["image0"] + 3 * ["image0", "image1"]
    assert [type(answer) for answer in long] == [Failure] + [GreyImage] * sandbox.FEW


def test_a_slow_image_in_the_express_worker_holds_up_no_other_one_beside_a_long_call(monkeypatch):
    monkeypatch.setattr(worker, "SECONDS", 5.0)

    async def all_of_them(decoder):
        ended = []

        async def call(records, name):
            await decoder.decode(records)
            ended.append(name)

        calls = [asyncio.create_task(call([bad("sleep")], "slow")), asyncio.create_task(call(GOOD * 10, "long"))]
        await asyncio.sleep(0.01)
        await asyncio.gather(*calls, call(GOOD[:1], "one"))
        return ended

    with SandboxedDecoder(1, misbehave, express=True) as decoder:
        assert asyncio.run(all_of_them(decoder)) == ["one", "long", "slow"]


def test_few_images_have_the_other_workers_too_where_nobody_waits_with_many():
    async def pids(decoder):
        found = await asyncio.gather(*[decoder.decode([bad("pid"), *GOOD[:3]]) for _ in range(8)])
        return {call[0].message for call in found}

    with SandboxedDecoder(1, misbehave, express=True) as decoder:
        asyncio.run(decoder.decode(GOOD))  # the workers have started
        asyncio.run(decoder.decode(GOOD[:1]))
        assert len(asyncio.run(pids(decoder))) == 2


def test_the_express_worker_goes_first_and_so_does_the_one_in_its_place():
    def niceness(decoder):
        asyncio.run(decoder.decode(GOOD))
        asyncio.run(decoder.decode(GOOD[:1]))
        own = os.getpriority(os.PRIO_PROCESS, 0)
        return sorted(os.getpriority(os.PRIO_PROCESS, pid) - own for pid in workers_of(decoder))

    expected = [0, min(sandbox.NICENESS, 19 - os.getpriority(os.PRIO_PROCESS, 0))]
    with SandboxedDecoder(1, misbehave, express=True) as decoder:
        assert niceness(decoder) == expected
        for kill in (slice(0, 1), slice(1, 2), slice(0, 2)):
            for pid in workers_of(decoder)[kill]:
                os.kill(pid, signal.SIGKILL)
            time.sleep(0.3)
            assert niceness(decoder) == expected
    with SandboxedDecoder(2, misbehave) as decoder:
        assert niceness(decoder) == [0, 0]


def test_a_worker_is_given_many_small_images_or_few_large_ones_at_a_time():
    small, large = ImageRecord("small", b"x"), ImageRecord("large", bytes(sandbox.TOGETHER_BYTES + 1))
    groups = sandbox._groups([small] * 40 + [large] * 2 + [small, large], sandbox.TOGETHER)

    assert [[record.image_id for record in group] for group in groups] == [
        ["small"] * 16,
        ["small"] * 16,
        ["small"] * 8 + ["large"],
        ["large"],
        ["small", "large"],
    ]


@pytest.fixture
def stuck(monkeypatch):
    """A worker that never says that it is ready, and is not waited for long."""
    monkeypatch.setattr(worker, "STALL_SECONDS", 1.0)
    made = Worker(decode)
    made._process = FreshContext().Process(target=time.sleep, args=(3600,), daemon=True)
    yield made
    made.stop()


def test_a_worker_that_never_answers_is_replaced(stuck, monkeypatch):
    made = [stuck]

    def first_stuck(*arguments):
        if made:
            return made.pop()
        monkeypatch.setattr(worker, "STALL_SECONDS", 180.0)
        return Worker(*arguments)

    monkeypatch.setattr(sandbox, "Worker", first_stuck)
    with SandboxedDecoder() as decoder:
        found = answers(decoder, GOOD[:4])

    assert [type(answer) for answer in found] == [GreyImage] * 4


def test_workers_that_never_answer_give_failures(stuck, monkeypatch):
    monkeypatch.setattr(sandbox, "Worker", lambda *_: stuck)
    found = answers(SandboxedDecoder(), GOOD[:2])

    assert [(answer.code, answer.reason) for answer in found] == [("INTERNAL", "DECODER_BROKEN")] * 2


def workers_of(decoder):
    return [made.pid for made in decoder._workers]


def test_a_worker_killed_at_any_moment_is_noticed_within_two_seconds():
    """Large images, so that most of a worker's time goes by while it takes one or writes its answer."""
    rng = random.Random(0)
    pixels = [ramp(700 + number) for number in range(24)]
    records = [ImageRecord(f"image{number}", png(item) + bytes(2**20)) for number, item in enumerate(pixels)]

    async def killed_meanwhile(decoder):
        decoding = asyncio.create_task(decoder.decode(records))
        await asyncio.sleep(rng.uniform(0.02, 0.3))
        pid = rng.choice(workers_of(decoder))
        os.kill(pid, signal.SIGKILL)
        killed = time.monotonic()
        while pid in workers_of(decoder) and not decoding.done():  # noqa: ASYNC110 - what the decoder knows
            await asyncio.sleep(0.02)
        noticed = time.monotonic() - killed
        return await decoding, noticed

    with SandboxedDecoder(2) as decoder:
        for _ in range(5):
            answers(decoder, records[:4])  # the workers have started
            found, noticed = asyncio.run(killed_meanwhile(decoder))

            lost = [answer.reason for answer in found if isinstance(answer, Failure)]
            assert [answer.image_id for answer in found] == [record.image_id for record in records]
            assert lost in ([], ["DECODER_KILLED"])
            assert noticed < 2
            for answer, expected in zip(found, pixels, strict=True):
                assert isinstance(answer, Failure) or np.array_equal(answer.pixels, expected)


def test_a_worker_killed_while_it_decodes_costs_that_image_within_two_seconds():
    sleeping = ImageRecord("sleep for long", b"x")
    with SandboxedDecoder(2, misbehave) as decoder:
        answers(decoder, GOOD[:4])

        async def killed_meanwhile():
            decoding = asyncio.gather(decoder.decode([sleeping]), decoder.decode(GOOD[:8]))
            while len(decoder._idle) != 1:  # noqa: ASYNC110 - all but the sleeping one are done
                await asyncio.sleep(0.05)
            (lost,) = set(decoder._workers) - set(decoder._idle)
            os.kill(lost.pid, signal.SIGKILL)
            killed = time.monotonic()
            return *(await decoding), time.monotonic() - killed

        (failure,), found, seconds = asyncio.run(killed_meanwhile())

    assert (failure.code, failure.reason) == ("INTERNAL", "DECODER_KILLED")
    assert all(np.array_equal(answer.pixels, NOISE[i]) for i, answer in enumerate(found))
    assert seconds < 2


def test_memory_that_runs_out_between_question_and_answer_gives_nobody_anothers_answer(monkeypatch):
    with SandboxedDecoder(1, misbehave) as decoder:
        answers(decoder, GOOD[:1])
        receive, refused = Worker._receive, []

        async def starved(made):
            if not refused:
                refused.append(made)
                raise MemoryError
            return await receive(made)

        monkeypatch.setattr(Worker, "_receive", starved)
        (failure,) = answers(decoder, [bad("key")])
        found = answers(decoder, GOOD[:4])

    assert (failure.code, failure.reason) == ("INTERNAL", "DECODER_BROKEN")
    assert all(np.array_equal(image.pixels, pixels) for image, pixels in zip(found, NOISE[:4], strict=True))
    assert gone(refused[0].pid)


def test_who_stops_waiting_leaves_no_answer_for_the_next_one():
    async def both(decoder):
        late = asyncio.create_task(decoder.decode([bad("sleep")]))
        await asyncio.sleep(0.3)
        late.cancel()
        return await decoder.decode(GOOD[:4])

    with SandboxedDecoder(1, misbehave) as decoder:
        answers(decoder, GOOD[:1])
        found = asyncio.run(both(decoder))

    assert all(np.array_equal(image.pixels, pixels) for image, pixels in zip(found, NOISE[:4], strict=True))


def test_workers_need_no_threads_of_their_parent(monkeypatch):
    """One that is started while memory runs out may be waited for without end."""
    monkeypatch.setattr(threading.Thread, "start", None)
    with SandboxedDecoder(1, misbehave) as decoder:
        assert isinstance(answers(decoder, GOOD[:1])[0], GreyImage)


def test_a_closed_decoder_gives_failures():
    decoder = SandboxedDecoder()
    assert isinstance(answers(decoder, GOOD[:1])[0], GreyImage)
    decoder.close()

    assert [answer.code for answer in answers(decoder, GOOD[:2])] == ["INTERNAL", "INTERNAL"]


def test_no_worker_outlives_its_decoder():
    with SandboxedDecoder(1, misbehave) as decoder:
        pid = worker_of(decoder)

    assert gone(pid)


def gone(pid):
    for _ in range(100):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, 0)
            time.sleep(0.05)
            continue
        return True
    return False


CHARACTER_SETS = ["ISO_IR 100", "ISO_IR 192", "GB18030", "ISO_IR 13", "ISO_IR 166", ["", "ISO 2022 IR 87"], "none"]
FILES = {
    "RGB": saved(grey("RGB"), "PNG"),
    "progressive": jpeg(progressive=True),
    "Exif upright": jpeg(exif=turned(1)),
    "Exif turned": jpeg(exif=turned(8)),
    "several pictures": saved(grey(), "MPO", save_all=True, append_images=[grey()]),
    "cut": jpeg()[:-1],
    "damaged": jpeg().replace(b"\xff\xc4", b"\xff\xfe", 1),
    "text": b"nothing to be seen here",
    "window": dicom(dataset(WindowCenter=900, WindowWidth=100, VOILUTFunction="SIGMOID")),
    "bad window": dicom(dataset(WindowCenter=900, WindowWidth=0)),
    **{f"in {name}": dicom(dataset(SpecificCharacterSet=name, PatientName="A^B")) for name in CHARACTER_SETS},
}


@pytest.mark.parametrize("content", FILES.values(), ids=FILES)
def test_the_same_answer_inside_as_outside(decoder, content):
    """Nothing that decoding loads on demand is missing in a worker."""
    record = ImageRecord("image", content)

    assert described(answers(decoder, [record])[0]) == described(outside(record))


def outside(record):
    try:
        return decode(record)
    except ImageError as error:
        return error.failure(record.image_id, Stage.DECODE)


def described(answer):
    return answer.digest if isinstance(answer, GreyImage) else answer


SCRIPT = """
import asyncio, sys
from cxrgate.core import ImageRecord
from cxrgate.images.sandbox.decoder import SandboxedDecoder
from cxrgate.images.sandbox.interpreter import FreshContext
from support.misbehaving_decoders import LATE, misbehave

def main():
    with SandboxedDecoder(1, misbehave) as decoder:
        (found,) = asyncio.run(decoder.decode([ImageRecord("pid", b"x")]))
        print(found.message, [name for name in ("torch", "scipy", "pandas") if name in sys.modules], flush=True)
        if "wait" in sys.argv:
            sys.stdin.read()

if __name__ == "__main__":
    main()
"""
PATHS = {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[3]), "."]), "PATH": os.environ["PATH"]}


@pytest.mark.parametrize("arguments", [["script.py"], ["-m", "script"], ["-c", SCRIPT]], ids=lambda a: a[0])
@pytest.mark.parametrize("stdin", ["open", "closed"])
def test_works_in_every_way_of_starting_a_program(tmp_path, arguments, stdin):
    (tmp_path / "script.py").write_text(SCRIPT, encoding="utf-8")
    shell = 'exec "$@" <&-' if stdin == "closed" else 'exec "$@"'
    command = ["sh", "-c", shell, "sh", sys.executable, *arguments]
    done = subprocess.run(command, cwd=tmp_path, env=PATHS, capture_output=True, text=True, check=False, timeout=60)

    assert done.stderr == ""
    assert done.stdout.split(maxsplit=1)[1] == "[]\n"


def test_workers_end_when_their_parent_is_killed(tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT, encoding="utf-8")
    command = [sys.executable, "script.py", "wait"]
    with subprocess.Popen(command, cwd=tmp_path, env=PATHS, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        pid = int(parent.stdout.readline().split()[0])
        parent.kill()

    assert gone(pid)


def test_the_largest_image_fits():
    pixels = np.random.default_rng(0).integers(0, 256, (5000, 5000), np.uint8)
    record = ImageRecord("large", png(np.where(pixels > 250, pixels, ramp(5000))))
    with SandboxedDecoder() as decoder:
        (found,) = answers(decoder, [record])

    assert found.pixels.shape == (5000, 5000)
