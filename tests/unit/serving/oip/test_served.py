"""Models behind the Open Inference Protocol: the rows of this process, and nothing passed off as an answer."""

import asyncio
import time

import grpc
import numpy as np
import pytest
from support.fakes import images, save_small_models
from support.grpc_servers import IDENTITIES
from support.oip_server import OipServer, served

from cxrgate.core import Candidates, Evidence, Failure, GreyImage, MismatchError, ModelError, UsageError
from cxrgate.core.heads import SiameseHead
from cxrgate.core.spaces import IDENTITY
from cxrgate.models import Dtype, ModelKind, read_manifest
from cxrgate.models.cast import cast_model
from cxrgate.models.runtimes.forward import open_forward
from cxrgate.serving import asking, codec
from cxrgate.serving.oip import served as module
from cxrgate.serving.oip.served import open_oip_models
from cxrgate.serving.oip.target import OipTarget

CODE = grpc.StatusCode
RETRIEVAL, VERIFICATION = ModelKind.RETRIEVAL, ModelKind.VERIFICATION


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    folder = tmp_path_factory.mktemp("oip")
    save_small_models(folder)
    return {kind: folder / kind.value for kind in (RETRIEVAL, VERIFICATION)}


@pytest.fixture(scope="module")
def forwards(folders):
    return {kind: open_forward(folder) for kind, folder in folders.items()}


@pytest.fixture
def server(forwards):
    return OipServer(*forwards.values())


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch):
    monkeypatch.setattr(asking, "PAUSE", 0.01)


def through(server, folders, call, credentials=None, identity=None):
    """What `call(models)` gives of the served ones."""

    async def go():
        async with served(server, credentials) as address:
            manifests = {kind: read_manifest(folder) for kind, folder in folders.items()}
            target = OipTarget(address.replace("127.0.0.1", "localhost"), credentials is not None)
            async with open_oip_models(folders, manifests, target, identity) as models:
                return await call(models)

    return asyncio.run(go())


def retrieved(server, folders, some, spoil=None):
    """The retrieval rows of images, from a server that is spoiled once it was found ready."""

    async def call(models):
        if spoil is not None:
            spoil(server)
        server.batches.clear()
        return await models.served[RETRIEVAL].rows(some)

    return through(server, folders, call)


def reasons(rows):
    return [(row.code, row.reason) for row in rows if isinstance(row, Failure)]


def test_rows_and_scores_are_those_of_the_models_in_this_process(server, folders, forwards):
    some = images(5)
    stored = forwards[VERIFICATION]([image.pixels for image in images(3, start=50)])
    found = [
        Candidates(image.image_id, ("a", "b", "c"), ("a", "b", "c"), np.ones(3), {"copy": np.ones(3)}, stored, 0.5)
        for image in some
    ]

    async def call(models):
        return await models.embedder.embed(some), await models.verifier.verify(some, found), await models.are_healthy()

    described, evidence, healthy = through(server, folders, call)
    assert healthy
    here = forwards[RETRIEVAL]([image.pixels for image in some])
    features = forwards[VERIFICATION]([image.pixels for image in some])
    assert all(np.array_equal(a.spaces[IDENTITY], b) for a, b in zip(described, here, strict=True))
    head = forwards[VERIFICATION].head
    assert isinstance(head, SiameseHead)
    for item, row in zip(evidence, features, strict=True):
        assert isinstance(item, Evidence)
        assert np.array_equal(item.scores, head.score(row, stored))


def test_a_batch_is_one_request_up_to_the_limit(server, folders, monkeypatch):
    assert not reasons(retrieved(server, folders, images(7)))
    assert server.batches == [7]
    monkeypatch.setattr(codec, "REQUEST_BYTES", 3 * 64 * 64)

    assert not reasons(retrieved(server, folders, images(7)))
    assert sorted(server.batches) == [1, 3, 3]


def raw(number, values):
    def change(response, _):
        response.raw_output_contents[number] = values(response.raw_output_contents[number])
        return response

    return change


def swapped(content):
    rows = np.frombuffer(content, "<i8").copy()
    rows[[0, 1]] = rows[[1, 0]]
    return rows.tobytes()


def pb_copy(message):
    return type(message).FromString(message.SerializeToString())


def shape(number, value):
    def change(response, _):
        response.outputs[number].shape[:] = value
        return response

    return change


def datatype(response, _):
    response.outputs[1].datatype = "FP16"
    return response


def without_tickets(response, _):
    del response.outputs[0], response.raw_output_contents[0]
    return response


def of_another(response, _):
    response.outputs[1].name = "rows_" + "0" * 64
    return response


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (raw(0, swapped), "ANSWER"),
        (raw(1, lambda content: content[: len(content) // 2]), "ANSWER"),
        (raw(1, lambda content: content * 2), "ANSWER"),
        (shape(1, [3, 15]), "ANSWER"),
        (shape(1, [2, 16]), "ANSWER"),
        (datatype, "ANSWER"),
        (without_tickets, "ANSWER"),
        (of_another, "VERSION_MISMATCH"),
        (lambda *_: OipServerResponse(), "VERSION_MISMATCH"),
    ],
    ids=["permuted", "half", "double", "narrow", "short", "dtype", "no tickets", "another model's", "empty"],
)
def test_an_answer_that_does_not_fit_fails_every_image_of_it(server, folders, change, reason):
    def spoil(server):
        server.change = change

    rows = retrieved(server, folders, images(3), spoil)

    assert [found for _, found in reasons(rows)] == [reason] * 3
    assert [row.image_id for row in rows] == [image.image_id for image in images(3)]


def OipServerResponse():
    from cxrgate.api.oip.inference_pb2 import ModelInferResponse  # noqa: PLC0415

    return ModelInferResponse()


def test_an_answer_of_before_is_not_taken_for_one(server, folders):
    some = images(4)

    async def call(models):
        kept = []

        def late(response, _):
            kept.append(pb_copy(response))
            return kept[-2] if len(kept) > 1 else response

        server.change = late
        first = await models.served[RETRIEVAL].rows(some[:2])
        return first, await models.served[RETRIEVAL].rows(some[2:])

    first, second = through(server, folders, call)
    assert not reasons(first)
    assert reasons(second) == [("INTERNAL", "ANSWER")] * 2


def test_numbers_that_are_not_finite_fail_their_image_alone(server, folders, forwards):
    def spoil(server):
        def change(response, _):
            rows = np.frombuffer(response.raw_output_contents[1], "<f4").reshape(3, -1).copy()
            rows[1, 0] = np.nan
            response.raw_output_contents[1] = rows.tobytes()
            return response

        server.change = change

    first, bad, last = retrieved(server, folders, images(3), spoil)
    assert (bad.image_id, bad.reason) == ("image1", "NONFINITE")
    assert np.isfinite(first).all()
    assert np.isfinite(last).all()


def test_numbers_one_by_one_are_read_as_packed_ones_are(server, folders):
    expected = retrieved(server, folders, images(2))

    def listed(response, _):
        tickets, rows = response.raw_output_contents
        response.outputs[0].contents.int64_contents.extend(np.frombuffer(tickets, "<i8").tolist())
        response.outputs[1].contents.fp32_contents.extend(np.frombuffer(rows, "<f4").tolist())
        del response.raw_output_contents[:]
        return response

    server.change = listed
    assert np.array_equal(retrieved(server, folders, images(2)), expected)


def test_an_image_that_fails_in_the_model_harms_no_other(server, folders):
    some = [*images(3), GreyImage("grey", np.full((64, 64), 201, np.uint8))]

    def fail(pixels):
        return (CODE.INTERNAL, "out of memory") if (pixels == 201).all(axis=(1, 2, 3)).any() else None

    def spoil(server):
        server.fail = fail

    rows = retrieved(server, folders, some, spoil)
    assert reasons(rows) == [("INTERNAL", "FORWARD_FAILED")]
    assert rows[3].image_id == "grey"
    assert sorted(server.batches) == [1, 1, 1, 1, 4]


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        ((CODE.NOT_FOUND, "Request for unknown model: 'retrieval' is not found"), "MODEL_MISSING"),
        ((CODE.INVALID_ARGUMENT, "unexpected inference output 'rows_0' for model"), "VERSION_MISMATCH"),
        ((CODE.RESOURCE_EXHAUSTED, "CLIENT: Received message larger than max"), "MESSAGE_SIZE"),
    ],
    ids=["gone", "replaced", "size"],
)
def test_a_status_fails_the_whole_batch_without_being_asked_again(server, folders, status, outcome):
    def spoil(server):
        server.fail = lambda _: status

    assert [reason for _, reason in reasons(retrieved(server, folders, images(3), spoil))] == [outcome] * 3
    assert server.batches == [3]


def test_a_server_that_is_starting_is_asked_until_it_answers(server, folders):
    def spoil(server):
        statuses = iter([(CODE.UNAVAILABLE, "model is not ready")] * 3)
        server.fail = lambda _: next(statuses, None)

    assert not reasons(retrieved(server, folders, images(2), spoil))
    assert server.batches == [2] * 4


def test_a_deadline_is_kept(server, folders, monkeypatch):
    monkeypatch.setattr(module, "SECONDS", 0.5)

    def spoil(server):
        server.fail = lambda _: (CODE.UNAVAILABLE, "no")

    started = time.monotonic()
    assert len(reasons(retrieved(server, folders, images(2), spoil))) == 2
    assert time.monotonic() - started < 30


def test_another_model_is_refused_by_its_digest(server, folders):
    server.digests["retrieval"] = "0" * 64

    with pytest.raises(MismatchError, match="0000 instead of"):
        retrieved(server, folders, images(1))


def test_a_model_of_the_same_name_that_gives_other_rows_is_refused(server, folders):
    """As one that computes in bfloat16 or TF32 does."""

    def change(response, _):
        rows = np.frombuffer(response.raw_output_contents[1], "<f4") * np.float32(1.001)
        response.raw_output_contents[1] = rows.tobytes()
        return response

    server.change = change
    with pytest.raises(MismatchError, match="known answer"):
        retrieved(server, folders, images(1))


def test_a_server_without_the_model_is_named(forwards, folders):
    with pytest.raises(ModelError, match="MODEL_MISSING"):
        retrieved(OipServer(forwards[VERIFICATION]), folders, images(1))


def test_health_ends_when_the_known_answer_does(server, folders, monkeypatch):
    async def call(models):
        model = models.served[RETRIEVAL]
        before = await model.is_healthy()
        server.digests["retrieval"] = "0" * 64
        model._liveness._answered -= 60
        return before, await model.is_healthy()

    assert through(server, folders, call) == (True, False)


def test_models_that_compute_in_16_bits_are_not_left_to_a_server(server, folders, tmp_path):
    cast_model(folders[RETRIEVAL], tmp_path / "retrieval", Dtype.BFLOAT16)

    with pytest.raises(ModelError, match="bfloat16"):
        retrieved(server, {**folders, RETRIEVAL: tmp_path / "retrieval"}, images(1))


def test_over_tls_both_sides_show_who_they_are(server, folders):
    credentials = IDENTITIES["index"].server_credentials()

    async def call(models):
        return await models.served[RETRIEVAL].rows(images(2))

    assert not reasons(through(server, folders, call, credentials, IDENTITIES["gate"]))


def test_tls_needs_an_identity(server, folders):
    with pytest.raises(UsageError, match="--certificates"):
        through(server, folders, None, IDENTITIES["index"].server_credentials(), None)
