"""Every refused file, alone and among good ones, through the gate's service with its real decode workers.

The reason is the one that the decode function's own tests ask for; the good ones' answers are as without them.
"""

import gc
import io

import numpy as np
import psutil
import pytest
from support.bad_dicoms import REFUSED as BAD_DICOMS
from support.bad_rasters import REFUSED as BAD_RASTERS
from support.fake_gate import Stages, with_quota
from support.fakes import picture
from support.gate_calls import run, stream

from cxrgate.images.codec.encode import encode_png
from cxrgate.images.sandbox.decoder import SandboxedDecoder

BAD = {**BAD_RASTERS, **BAD_DICOMS}
GOOD = [encode_png(picture(number)) for number in range(8)]
PLENTY = {"roles": with_quota(100_000, 100_000)}
ROOM = 300 * 2**20
"""Of this process and its workers, for what libraries keep; the bombs would take 200 MiB and more each."""


class Decoding(Stages):
    """The stand-ins of all stages but the first."""

    def __init__(self, decoder):
        super().__init__()
        self.decoder = decoder

    async def decode(self, records):
        self.kinds.update({record.image_id: record.content for record in records})
        return await self.decoder.decode(records)


@pytest.fixture(scope="module")
def decoder():
    with SandboxedDecoder(1) as made:
        yield made


def ask(folder, decoder, contents):
    """For each its decision and pixels, or the reason why there is none."""
    folder.mkdir()
    found, _ = run(folder, stream(contents), stages=Decoding(decoder), **PLENTY)
    return [
        (item.verdict.decision, item.verdict.pixel_digest) if item.HasField("verdict") else item.error.reason
        for item in found
    ]


def resident():
    gc.collect()
    process = psutil.Process()
    return sum(each.memory_info().rss for each in [process, *process.children(recursive=True)])


def test_each_is_refused_with_its_reason_and_its_neighbours_are_answered_as_without_it(tmp_path, decoder):
    alone = ask(tmp_path / "good", decoder, GOOD)
    order = np.random.default_rng(0).permutation(len(BAD))
    names = [list(BAD)[number] for number in order]
    mixed = [content for place, name in enumerate(names) for content in (GOOD[place % len(GOOD)], BAD[name][0])]
    before = resident()

    answers = ask(tmp_path / "mixed", decoder, mixed)

    assert dict(zip(names, answers[1::2], strict=True)) == {name: BAD[name][1] for name in names}
    assert answers[::2] == [alone[place % len(GOOD)] for place in range(len(names))]
    assert resident() - before < ROOM
    assert ask(tmp_path / "after", decoder, GOOD) == alone


@pytest.mark.parametrize("name", ["B13 zTXt", "D13 deflated", "D14 nested", "B07 huge header", "B01 empty"])
def test_alone_it_leaves_the_service_as_it_was(tmp_path, decoder, name):
    content, reason = BAD[name]

    assert ask(tmp_path / "bad", decoder, [content]) == [reason]
    assert ask(tmp_path / "good", decoder, GOOD[:1])[0][0] == 1


def test_a_picture_that_cannot_be_read_is_no_reason_to_forget_the_next(tmp_path, decoder):
    buffer = io.BytesIO()
    np.save(buffer, np.full((96, 96), np.nan))
    answers = ask(tmp_path / "mixed", decoder, [buffer.getvalue(), GOOD[0], buffer.getvalue(), GOOD[1]])

    assert answers[::2] == ["VALUE_RANGE"] * 2
    assert answers[1::2] == ask(tmp_path / "good", decoder, GOOD[:2])
