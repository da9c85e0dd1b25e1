import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from support.fakes import POLICY, evidence, picture

from cxrgate.certification import UNCERTIFIED, Certificate
from cxrgate.core import Candidates, CertificateError, Descriptors, Evidence, Failure, GreyImage, ImageRecord, Stage
from cxrgate.gate.ordered import ordered_map
from cxrgate.gate.pipeline import Gate


class Fake:
    """All stages; `spoil` changes one stage's answers."""

    def __init__(self, stage=None, spoil=None):
        self.stage, self.spoil = stage, spoil

    def answer(self, stage, answers):
        return self.spoil(answers) if stage == self.stage else answers

    async def decode(self, records):
        return self.answer("decode", [GreyImage(record.image_id, picture(1)) for record in records])

    async def embed(self, images):
        ones = np.ones(4, np.float32)
        return self.answer(
            "embed", [Descriptors(image.image_id, dict.fromkeys(("identity", "copy"), ones), ones) for image in images]
        )

    async def search(self, queries):
        return self.answer("search", [evidence(image_id=query.image_id).candidates for query in queries])

    async def verify(self, images, candidates):
        return self.answer("verify", [Evidence(item, np.full(3, 0.1)) for item in candidates])


def check(fake, records=None):
    gate = Gate(fake, fake, fake, fake, POLICY)
    return asyncio.run(gate.check_batch(records or [ImageRecord(f"image{i}", b"x") for i in range(4)]))


def decisions(checked):
    return [str(item.outcome.decision) for item in checked]


def test_clean_images_pass():
    assert decisions(check(Fake())) == ["ANONYMOUS"] * 4


def fail_second(answers):
    return [answers[0], Failure(answers[1].image_id, Stage.READ, "INTERNAL", "X", "x"), *answers[2:]]


STAGES = ["decode", "embed", "search", "verify"]


@pytest.mark.parametrize("stage", STAGES)
def test_failed_image_does_not_fail_its_batch(stage):
    assert decisions(check(Fake(stage, fail_second))) == ["ANONYMOUS", "INDETERMINATE", "ANONYMOUS", "ANONYMOUS"]


def explode(answers):
    raise RuntimeError("back end gone")


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize(
    "spoil",
    [explode, lambda a: a[:-1], lambda a: a[::-1], lambda a: [], lambda a: [*a, a[0]], lambda a: [a[0]] * 4],
    ids=["raises", "short", "permuted", "empty", "long", "repeated"],
)
def test_answer_that_is_not_one_per_image_in_order_releases_nothing(stage, spoil):
    assert decisions(check(Fake(stage, spoil))) == ["INDETERMINATE"] * 4


def lose_one(answers):
    """The second list lost a candidate that only one of its spaces had: three are left, as many as the policy asks."""
    nearest = np.array([[True, True, True], [True, True, False]])
    return [answers[0], replace(answers[1], nearest=nearest), *answers[2:]]


def test_whoever_searches_a_list_that_lost_a_candidate_releases_nothing():
    assert decisions(check(Fake("search", lose_one))) == ["ANONYMOUS", "INDETERMINATE", "ANONYMOUS", "ANONYMOUS"]


def test_unreadable_file_stays_a_failure_in_its_place():
    records = [ImageRecord("a", b"x"), Failure("b", Stage.READ, "INVALID_ARGUMENT", "X", "x"), ImageRecord("c", b"x")]
    checked = check(Fake(), records)

    assert [item.outcome.image_id for item in checked] == ["a", "b", "c"]
    assert decisions(checked) == ["ANONYMOUS", "INDETERMINATE", "ANONYMOUS"]


def test_the_pixels_that_are_released_are_those_that_every_stage_saw():
    seen = []

    class Watched(Fake):
        async def decode(self, records):
            return [GreyImage(record.image_id, picture(1, (512, 256))) for record in records]

        async def embed(self, images):
            seen.extend(image.digest for image in images)
            return await super().embed(images)

        async def verify(self, images, candidates):
            seen.extend(image.digest for image in images)
            return await super().verify(images, candidates)

    stages = Watched()
    (checked,) = asyncio.run(
        Gate(stages, stages, stages, stages, replace(POLICY, side=256)).check_batch([ImageRecord("a", b"x")])
    )

    assert checked.image.pixels.shape == (256, 128)
    assert {*seen, checked.outcome.pixel_digest} == {checked.image.digest}


def test_an_image_goes_with_its_descriptors_where_it_was_described():
    checked = check(Fake("embed", fail_second))

    described = [item.descriptors and item.descriptors.image_id for item in checked]
    assert described == [checked[0].outcome.image_id, None, *(item.outcome.image_id for item in checked[2:])]


class Early(Fake):
    """Says what was asked of it in which order, and has its candidates only once verification has begun."""

    def __init__(self, *args):
        super().__init__(*args)
        self.order, self.has_begun = [], asyncio.Event()

    def begin(self, images, described):
        self.order.append(("begin", len(images)))
        self.has_begun.set()
        return self

    async def search(self, queries):
        await asyncio.wait_for(self.has_begun.wait(), 10)
        self.order.append(("search", len(queries)))
        return await super().search(queries)

    async def verify(self, images, candidates):
        self.order.append(("verify", len(images)))
        return await super().verify(images, candidates)


@pytest.mark.parametrize("stage", STAGES)
def test_verification_begins_before_the_search_and_ends_with_what_is_left(stage):
    fake = Early(stage, fail_second)
    left = {"decode": (3, 3, 3), "embed": (4, 3, 3), "search": (4, 4, 3), "verify": (4, 4, 4)}[stage]

    assert decisions(check(fake)) == ["ANONYMOUS", "INDETERMINATE", "ANONYMOUS", "ANONYMOUS"]
    assert fake.order == list(zip(("begin", "search", "verify"), left, strict=True))


@pytest.mark.parametrize("stage", STAGES)
def test_verification_that_began_releases_nothing_of_a_stage_that_fails(stage):
    assert decisions(check(Early(stage, explode))) == ["INDETERMINATE"] * 4


def test_every_output_names_the_certificate_or_says_that_there_is_none():
    gate = Gate(None, None, None, None, POLICY)
    over = Certificate("digest", {}, datetime(2020, 1, 1, tzinfo=UTC), {})

    assert gate.certification == UNCERTIFIED
    assert replace(gate, certificate=over).certification == "digest"
    gate.check_certificate()
    with pytest.raises(CertificateError):
        replace(gate, certificate=over).check_certificate()


def test_two_images_of_one_id_are_refused():
    with pytest.raises(ValueError, match="once"):
        check(Fake(), [ImageRecord("a", b"x"), ImageRecord("a", b"y")])


def test_candidates_without_a_reference_cannot_be_made():
    with pytest.raises(ValueError, match="one or more"):
        Candidates("a", (), (), np.empty(0), {"copy": np.empty(0)}, np.empty((0, 4), np.float32), 0.5)


def test_ordered_map_keeps_order_and_window():
    running, peak = 0, 0

    async def work(item):
        nonlocal running, peak
        running += 1
        peak = max(peak, running)
        await asyncio.sleep(0.001 * (item % 3))
        running -= 1
        return item

    async def items():
        for item in range(20):
            yield item

    async def collect():
        return [item async for item in ordered_map(work, items(), 4)]

    assert asyncio.run(collect()) == list(range(20))
    assert 2 <= peak <= 4
