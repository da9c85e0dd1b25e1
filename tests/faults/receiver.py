"""The DICOM receiver while its index is away, again and again: what it acknowledged is answered once, and rightly."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from faults.job import LEAKS, REFERENCES, picture
from faults.kills import SEED
from faults.peers import index_of
from faults.tries import Bench, Try
from pydicom import Dataset
from support.dicom_receiver import radiograph
from support.receiver_process import ReceiverProcess
from support.service_process import Process

from cxrgate.core.digest import file_digest

PER_OUTAGE = 10
"""Images that are sent while the index is away, one of them a planted leak."""
ANSWER_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Outage:
    """How long nobody starts the index again, and whether the receiver is killed meanwhile."""

    seconds: float
    told: str
    kills_receiver: bool


@dataclass(slots=True)
class Sent:
    """The images, and what a receiver without outages made of them, by UID."""

    images: Sequence[Dataset]
    answers: dict[str, tuple[str, str, str]] = field(default_factory=dict)


def outages(bench: Bench) -> Iterator[Try]:
    """18 outages of 5 to 60 s and two of 10 minutes in the long form; elsewhere shorter ones, and so called."""
    planned = _plan(bench)
    sent = Sent([_image(number) for number in range(PER_OUTAGE * len(planned))])
    with _index_of(bench).started() as index:
        sent.answers = _answers_without_outages(bench, index, sent)
        with _receiver(bench, "receiver", index).started() as receiver:
            for number, outage in enumerate(planned):
                images = sent.images[PER_OUTAGE * number : PER_OUTAGE * (number + 1)]
                yield _outage(receiver, index, outage, images, sent.answers)
            told = _set_differs(receiver, sent)
    yield Try("receiver: the released set after all outages", told)


def _plan(bench: Bench) -> list[Outage]:
    rng = random.Random(SEED)
    count, shortest, longest = bench.pick((1, 0.2, 0.5), (18, 0.5, 3.0), (18, 5.0, 60.0))
    several, long = bench.pick((0, 0), (2, 20.0), (2, 600.0))
    told = f"receiver: index killed, away for {shortest:g} to {longest:g} s and its start"
    planned = [Outage(rng.uniform(shortest, longest), told, kills_receiver=False) for _ in range(count)]
    # In every third the receiver is killed as well.
    killed = f"{told}; receiver killed -9 meanwhile"
    planned = [
        Outage(item.seconds, killed, kills_receiver=True) if number % 3 == 0 else item
        for number, item in enumerate(planned)
    ]
    return planned + [Outage(long, f"receiver: index killed, away for {long:g} s", kills_receiver=False)] * several


def _outage(
    receiver: ReceiverProcess, index: Process, outage: Outage, images: Sequence[Dataset], answers: Mapping[str, Any]
) -> Try:
    index.kill()
    acknowledged = []
    for number, image in enumerate(images):
        if outage.kills_receiver and number == len(images) // 2:
            receiver.kill()
            receiver.start()
        if receiver.send(image):
            acknowledged.append(image)
        time.sleep(outage.seconds / len(images))
    told = [f"{len(images) - len(acknowledged)} images were not acknowledged"] if acknowledged != list(images) else []
    early = [lines for lines in receiver.outcomes(image.SOPInstanceUID for image in acknowledged).values() if lines]
    # A few may have been in work when the index went; none has a wrong answer, see below.
    told += [f"{len(early)} images were answered without an index"] if len(early) > 1 else []
    index.start()
    index.wait()
    started = time.monotonic()
    if not receiver.until(lambda: receiver.waiting() == 0, ANSWER_SECONDS):
        told.append(f"{receiver.waiting()} acknowledged images wait {ANSWER_SECONDS:g} s after the index is back")
    seconds = time.monotonic() - started
    return Try(outage.told, (*told, *_wrong(receiver, acknowledged, answers)), seconds)


def _wrong(receiver: ReceiverProcess, images: Sequence[Dataset], answers: Mapping[str, Any]) -> Iterator[str]:
    """What is not answered exactly once, or otherwise than without outages."""
    for uid, lines in receiver.outcomes(image.SOPInstanceUID for image in images).items():
        if len(lines) != 1:
            yield f"an acknowledged image has {len(lines)} outcomes"
        elif _answer(lines[0]) != answers[uid]:
            yield f"{_answer(lines[0])} instead of {answers[uid]}"


def _set_differs(receiver: ReceiverProcess, sent: Sent) -> tuple[str, ...]:
    there = {path.name: file_digest(path) for path in (receiver.place / "sent").iterdir()}
    expected = {name: sha256 for _, name, sha256 in sent.answers.values() if name}
    return () if there == expected else (f"{len(there)} files instead of {len(expected)}, or others",)


def _answers_without_outages(bench: Bench, index: Process, sent: Sent) -> dict[str, tuple[str, str, str]]:
    with _receiver(bench, "receiver whole", index).started() as receiver:
        for image in sent.images:
            if not receiver.send(image):
                raise RuntimeError("expected every image to be acknowledged by a receiver without outages")
        receiver.until(lambda: receiver.waiting() == 0, ANSWER_SECONDS)
        found = receiver.outcomes(image.SOPInstanceUID for image in sent.images)
    answers = {uid: _answer(lines[0]) for uid, lines in found.items() if len(lines) == 1}
    leaks = {answers[image.SOPInstanceUID][0] for image in sent.images[::PER_OUTAGE]}
    decisions = {decision for decision, *_ in answers.values()}
    if len(answers) != len(sent.images) or leaks != {"NOT_ANONYMOUS"} or "ANONYMOUS" not in decisions:
        raise RuntimeError(f"expected one answer to each image and no leak to pass, got {len(answers)}, {leaks}")
    return answers


def _answer(line: Mapping[str, Any]) -> tuple[str, str, str]:
    return line["decision"], line["released_as"], line["released_sha256"]


def _image(number: int) -> Dataset:
    """One in ten shows an enrolled picture, which nobody may release."""
    seed = number // PER_OUTAGE % min(LEAKS, REFERENCES) if number % PER_OUTAGE == 0 else 30_000 + number
    pixels = picture(seed)
    return radiograph(
        0, Rows=len(pixels), Columns=len(pixels), PixelData=pixels.tobytes(), WindowCenter=128, WindowWidth=256
    )[0]


def _index_of(bench: Bench) -> Process:
    return index_of(bench, "receiver store")


def _receiver(bench: Bench, name: str, index: Process) -> ReceiverProcess:
    folder = bench.job.folder
    return ReceiverProcess(bench.job.config(name), folder / name, index.address, folder / "certificates/gate")
