"""What the handler answers, called as TorchServe calls it."""

from types import SimpleNamespace

import numpy as np
import pytest
from support.fakes import picture, save_small_models

from cxrgate.api.inference.v1 import inference_pb2 as pb
from cxrgate.core import ModelError
from cxrgate.models.manifest import MANIFEST, read_manifest
from cxrgate.models.runtimes.forward import open_forward
from cxrgate.serving.codec import REQUEST, pack_floats, pack_images, unpack_floats
from cxrgate.serving.known_answer import KNOWN_ANSWER_ID, read_known_answer
from cxrgate.serving.pack import pack_model
from cxrgate.serving.torchserve import handler as torchserve_handler
from cxrgate.serving.torchserve.handler import BEATS, TorchServeHandler

SIDE = 64


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("packed")
    save_small_models(folder / "models")
    for kind in ("retrieval", "verification"):
        pack_model(folder / "models" / kind, folder / "packed")
    return folder / "packed"


def load(folder, gpu=None):
    handler = TorchServeHandler()
    handler.initialize(SimpleNamespace(system_properties={"model_dir": str(folder), "gpu_id": gpu}))
    return handler


@pytest.fixture(scope="module")
def handlers(packed):
    return {kind: load(packed / kind) for kind in ("retrieval", "verification")}


@pytest.fixture(scope="module")
def forwards(packed):
    return {kind: open_forward(packed / kind) for kind in ("retrieval", "verification")}


def pixels(count=3):
    return [picture(number, (SIDE, SIDE)) for number in range(count)]


def images(count=3):
    return pack_images([f"image{number}" for number in range(count)], pixels(count))


def ask(handler, request, kind=pb.EmbedImagesResponse):
    (reply,) = handler.handle([{REQUEST: bytearray(request.SerializeToString())}], None)
    return kind.FromString(reply)


def verify(handlers, forwards, candidates, **changes):
    settings = {"model_digest": forwards["verification"].manifest.digest, "images": images(), **changes}
    packed = [pack_floats(item) for item in candidates]
    return ask(handlers["verification"], pb.VerifyImagesRequest(candidates=packed, **settings), pb.VerifyImagesResponse)


@pytest.mark.parametrize(("gpu", "device"), [(None, "cpu"), (0, "cuda:0"), (3, "cuda:3")])
def test_runs_on_the_gpu_that_torchserve_gives(packed, forwards, monkeypatch, gpu, device):
    given = []
    monkeypatch.setattr(torchserve_handler, "open_forward", lambda _, name: given.append(name) or forwards["retrieval"])
    load(packed / "retrieval", gpu)

    assert given == [device]


def test_embeds_as_the_model_does_in_this_process(handlers, forwards):
    forward = forwards["retrieval"]
    reply = ask(handlers["retrieval"], pb.EmbedImagesRequest(model_digest=forward.manifest.digest, images=images(20)))

    rows = [unpack_floats(result.descriptor, forward.dimensions) for result in reply.results]
    assert reply.model_digest == forward.manifest.digest
    assert [result.image_id for result in reply.results] == [f"image{number}" for number in range(20)]
    assert np.array_equal(rows, forward(pixels(20)))


def test_scores_are_the_heads(handlers, forwards):
    forward = forwards["verification"]
    features = forward(pixels(5))
    reply = verify(handlers, forwards, [features, features[:1], features[3:]])

    candidates = [features, features[:1], features[3:]]
    expected = [forward.head.score(*pair) for pair in zip(features, candidates, strict=False)]
    found = [list(result.scores.values) for result in reply.results]
    assert [len(item) for item in found] == [5, 1, 2]
    assert all(np.allclose(*pair, rtol=0, atol=1e-6) for pair in zip(found, expected, strict=True))


@pytest.mark.parametrize(
    "poison",
    [np.full((2, 16), np.nan, np.float32), np.ones((2, 15), np.float32), np.ones(16, np.float32)],
    ids=["not finite", "another width", "another rank"],
)
def test_one_poisoned_item_fails_alone(handlers, forwards, poison):
    good = np.ones((2, 16), np.float32)
    reply = verify(handlers, forwards, [good, poison, good])

    assert [result.WhichOneof("outcome") for result in reply.results] == ["scores", "error", "scores"]
    assert (reply.results[1].error.code, reply.results[1].error.reason) == ("INVALID_ARGUMENT", "CANDIDATES")


def test_an_image_that_the_network_cannot_take_fails_alone(packed):
    handler = load(packed / "retrieval")
    forward = handler._forward

    class Choking:
        manifest, dimensions = forward.manifest, forward.dimensions

        def __call__(self, batch):
            if any(image.max() == 0 for image in batch):
                raise RuntimeError("out of memory")
            return forward(batch)

    handler._forward = Choking()
    batch = pack_images(["a", "b", "c"], [pixels(1)[0], np.zeros((SIDE, SIDE), np.uint8), pixels(1)[0]])
    reply = ask(handler, pb.EmbedImagesRequest(model_digest=forward.manifest.digest, images=batch))

    assert [result.WhichOneof("outcome") for result in reply.results] == ["descriptor", "error", "descriptor"]
    assert reply.results[1].error.reason == "FORWARD_FAILED"
    assert "memory" not in reply.results[1].error.message


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"model_digest": "another"}, "VERSION_MISMATCH"),
        ({"images": pb.ImageBatch(image_ids=["a", "b"], height=64, width=64, pixels=b"x" * 64 * 64)}, "DIMENSIONS"),
        ({"images": pb.ImageBatch(image_ids=["a", "b"], height=32, width=64, pixels=b"x" * 64 * 64)}, "DIMENSIONS"),
    ],
)
def test_a_request_that_does_not_fit_gets_an_error_per_image(handlers, forwards, changes, reason):
    digest = forwards["retrieval"].manifest.digest
    settings = {"model_digest": digest, "images": images(2), **changes}
    reply = ask(handlers["retrieval"], pb.EmbedImagesRequest(**settings))

    assert reply.model_digest == digest
    assert [result.error.reason for result in reply.results] == [reason] * 2


def test_candidates_of_another_number_of_images_are_refused(handlers, forwards):
    reply = verify(handlers, forwards, [np.ones((2, 16), np.float32)])

    assert [result.error.reason for result in reply.results] == ["CANDIDATES"] * 3


@pytest.mark.parametrize("item", [{REQUEST: bytearray(b"\xff\xff")}, {"body": b""}, {REQUEST: None}])
def test_bytes_that_are_no_request_harm_no_other_request_in_the_batch(handlers, forwards, item):
    digest = forwards["retrieval"].manifest.digest
    good = {REQUEST: bytearray(pb.EmbedImagesRequest(model_digest=digest, images=images()).SerializeToString())}
    replies = handlers["retrieval"].handle([good, item, good], None)

    assert replies[1] == b""
    assert replies[0] == replies[2] != b""


@pytest.mark.parametrize("kind", ["retrieval", "verification"])
def test_known_answer_knows_its_model(packed, handlers, forwards, kind):
    known_answer, digest = read_known_answer(packed / kind), forwards[kind].manifest.digest
    (reply,) = handlers[kind].handle([{REQUEST: bytearray(known_answer.request(digest))}], None)

    assert known_answer.fits(digest, reply)
    assert not known_answer.fits("another", reply)
    assert not known_answer.fits(digest, b"")
    assert not known_answer.fits(digest, reply[:-8])


def test_known_answer_notices_another_answer(packed, tmp_path):
    save_small_models(tmp_path, seed=1)
    pack_model(tmp_path / "retrieval", tmp_path / "packed")
    other = load(tmp_path / "packed" / "retrieval")
    digest = other._forward.manifest.digest
    (reply,) = other.handle([{REQUEST: bytearray(read_known_answer(packed / "retrieval").request(digest))}], None)

    assert not read_known_answer(packed / "retrieval").fits(digest, reply)


def test_good_answers_to_real_requests_are_told_and_others_are_not(packed, tmp_path, monkeypatch):
    monkeypatch.setenv(BEATS, str(tmp_path))
    handler = load(packed / "retrieval")
    digest = handler._forward.manifest.digest
    ask(handler, pb.EmbedImagesRequest(model_digest="another", images=images()))
    ask(handler, pb.EmbedImagesRequest(model_digest=digest, images=pack_images([KNOWN_ANSWER_ID], pixels(1))))
    assert not list(tmp_path.iterdir())

    ask(handler, pb.EmbedImagesRequest(model_digest=digest, images=images()))
    assert [path.name for path in tmp_path.iterdir()] == ["retrieval"]


def test_equal_models_pack_to_equal_bytes(packed, tmp_path):
    save_small_models(tmp_path / "models")
    pack_model(tmp_path / "models" / "retrieval", tmp_path / "packed")
    files = [path.relative_to(packed) for path in (packed / "retrieval").rglob("*") if path.is_file()]

    assert len(files) == 5
    assert all((packed / name).read_bytes() == (tmp_path / "packed" / name).read_bytes() for name in files)


def test_packing_over_the_models_themselves_is_refused(tmp_path):
    save_small_models(tmp_path)

    with pytest.raises(ModelError, match="the models' own folder"):
        pack_model(tmp_path / "retrieval", tmp_path)
    assert (tmp_path / "retrieval" / MANIFEST).is_file()
    read_manifest(tmp_path / "retrieval")
