"""The check of keypoints in a whole gate over the index service: models, decoder, gRPC with certificates, index."""

import asyncio
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import numpy as np
import pytest
from support.grpc_servers import channel, reason
from support.index_calls import index
from support.loaded_models import small_models
from support.textures import cropped, texture, turned

from cxrgate.core import GreyImage, ImageRecord, MismatchError
from cxrgate.core.spaces import COPY
from cxrgate.gate.binding import PolicyBinder
from cxrgate.gate.config import PolicyConfig
from cxrgate.gate.model_set import with_keypoints
from cxrgate.gate.remote import describe_index, remote_gate
from cxrgate.images import ImageFile
from cxrgate.images.codec.encode import encode_png
from cxrgate.images.sandbox.decoder import SandboxedDecoder
from cxrgate.index.service.codec import to_query
from cxrgate.index.store import SnapshotStore
from cxrgate.run.enrol import enrol

MATCHES = 36
RULE = PolicyConfig(score_threshold=1.0, borderline=0.9, minimum_typicality=-1, match_threshold=MATCHES)
ASKED = {
    "new": texture(100),
    "turned": turned(texture(3)),
    "cropped": cropped(texture(4)),
    "mirrored": np.ascontiguousarray(texture(5)[:, ::-1]),
}


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    with small_models(tmp_path_factory.mktemp("models")) as loaded:
        yield loaded


@pytest.fixture(scope="module")
def stores(models, tmp_path_factory):
    """By whether the snapshot in it keeps keypoints the store of one, of 12 pictures of 6 patients."""
    folder: Path = tmp_path_factory.mktemp("stores")
    for number in range(12):
        (folder / f"{number}.png").write_bytes(encode_png(texture(number)))
    files = [ImageFile(folder / f"{number}.png", f"{number}.png", "", str(number // 2)) for number in range(12)]
    for name, keypoints in (("with", True), ("without", False)):
        (folder / name).mkdir()
        asyncio.run(enrol(files, folder / name / "snapshot", models, bytes(32), keypoints=keypoints))
    return {name == "with": SnapshotStore(folder / name) for name in ("with", "without")}


@asynccontextmanager
async def served_gate(store, models, rule=RULE):
    """A gate under the rule over the served store."""
    with SandboxedDecoder() as decoder:
        async with index(store) as (_, address), channel(address, "gate") as opened:
            yield remote_gate(opened, PolicyBinder(rule, models), await describe_index(opened), decoder)


def check(store, models, rule=RULE, together=4):
    """The verdicts by name, asked in batches of so many."""

    async def go():
        async def records():
            for name, pixels in ASKED.items():
                yield ImageRecord(name, encode_png(pixels))

        async with served_gate(store, models, rule) as gate:
            return {found.outcome.image_id: found.outcome async for found in gate.check(records(), together)}

    return asyncio.run(go())


def test_turned_cropped_and_mirrored_copies_are_stopped_by_matches_and_a_new_picture_is_not(stores, models):
    found = check(stores[True], models)

    for name in ("turned", "cropped", "mirrored"):
        assert found[name].reasons == (COPY.reason,)
        assert found[name].matches >= MATCHES
    assert (found["new"].reasons, found["new"].matches < MATCHES) == ((), True)


def test_without_the_key_the_same_copies_pass(stores, models):
    plain = check(stores[True], models, RULE.model_copy(update={"match_threshold": None}))

    assert [plain[name].reasons for name in ("turned", "cropped")] == [(), ()]
    assert all(verdict.matches is None for verdict in plain.values())


def test_the_batch_changes_no_number_of_matches(stores, models):
    together, alone = check(stores[True], models), check(stores[True], models, together=1)

    assert {name: found.matches for name, found in together.items()} == {
        name: found.matches for name, found in alone.items()
    }


def test_an_index_without_keypoints_is_refused_by_name(stores, models):
    async def go():
        async with served_gate(stores[False], models):
            raise AssertionError

    with pytest.raises(MismatchError, match=r"match_threshold is set and the snapshot keeps no keypoints"):
        asyncio.run(go())


@pytest.mark.parametrize("role", ["curator", "generator", "reviewer"])
def test_nobody_but_the_gate_is_told_matches(stores, models, role):
    async def go():
        described = await with_keypoints(models.embedder).embed([GreyImage("turned", ASKED["turned"])])
        async with index(stores[True], role) as (stub, _):
            return await stub.FindNeighbors(to_query(described, 3, ""), timeout=10)

    with pytest.raises(grpc.aio.AioRpcError) as error:
        asyncio.run(go())

    assert (error.value.code().name, reason(error.value)) == ("PERMISSION_DENIED", "ROLE")
