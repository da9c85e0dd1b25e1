"""The real Triton gives the answers of the models in this process, and its faults are told from answers."""

import asyncio

import numpy as np
import pytest
from support.fakes import images, save_small_models
from support.triton_process import NOT_TRIED, Triton, is_installed

from cxrgate.core import CallRefused, CxrgateError, Failure, GreyImage, MismatchError, ModelError
from cxrgate.core.spaces import IDENTITY
from cxrgate.gate.local import local_models
from cxrgate.gate.opening import Services, open_models
from cxrgate.models import ModelKind
from cxrgate.serving import remote_models
from cxrgate.serving.oip.served import OipCalls
from cxrgate.serving.oip.target import OipTarget
from cxrgate.serving.oip.tensors import Names, make_request

pytestmark = [pytest.mark.triton, pytest.mark.skipif(not is_installed(), reason=NOT_TRIED)]


def remotely(server, folders, call, scheme="oip", identity=None):
    host = server.address.replace("127.0.0.1", "localhost")

    async def go():
        async with open_models(folders, "cpu", Services(f"{scheme}://{host}", tls_identity=identity)) as models:
            return await call(models)

    return asyncio.run(go())


def test_descriptors_are_those_of_the_models_in_this_process(server, folders):
    some = images(70)
    with local_models(folders, "cpu") as models:
        here = asyncio.run(models.embedder.embed(some))

    there = remotely(server, folders, lambda models: models.embedder.embed(some))
    assert [item.image_id for item in there] == [item.image_id for item in here]
    for a, b in zip(here, there, strict=True):
        assert np.abs(a.spaces[IDENTITY] - b.spaces[IDENTITY]).max() < 1e-5 * np.abs(a.spaces[IDENTITY]).max()
        assert np.array_equal(a.spaces["copy"], b.spaces["copy"])


def test_an_image_that_fails_in_the_model_harms_no_other(server, folders):
    """The backend refuses batches that hold it, and takes it alone."""
    some = [*images(3), GreyImage("grey", np.full((64, 64), 201, np.uint8))]

    async def call(models):
        return await models.verifier._verification.rows(some)

    assert not any(isinstance(row, Failure) for row in remotely(server, folders, call))


def test_other_models_than_the_folders_are_refused(server, folders, tmp_path):
    save_small_models(tmp_path, seed=1)

    with pytest.raises(MismatchError, match="instead of"):
        remotely(server, folders.model_copy(update={"retrieval": tmp_path / "retrieval"}), None)


@pytest.mark.parametrize(
    ("model", "digest", "side", "reason"),
    [
        ("copy", None, 64, "MODEL_MISSING"),
        ("retrieval", "0" * 64, 64, "VERSION_MISMATCH"),
        ("retrieval", None, 32, "REQUEST_REFUSED"),
    ],
)
def test_what_triton_refuses_is_told_by_its_reason(server, folders, model, digest, side, reason):
    names = Names(digest or read_digest(folders))
    pixels = np.zeros((2, side, side), np.uint8)

    async def go():
        async with OipTarget(server.address, encrypted=False).open_channel(None) as channel:
            await OipCalls(channel).infer.ask(make_request(model, names, pixels, np.arange(2)), 10)

    with pytest.raises(CxrgateError) as error:
        asyncio.run(go())
    assert error.value.reason == reason


def read_digest(folders):
    with local_models(folders, "cpu") as models:
        return models.manifests[ModelKind.RETRIEVAL].digest


async def checked_soon(models, target):
    """As ServedModels.checked, without a minute's patience."""
    try:
        await models.served[ModelKind.RETRIEVAL].check(2)
    except CallRefused as error:
        raise ModelError(error.reason) from error


def test_tls_is_spoken_both_ways(repository, folders, certificates, tmp_path, monkeypatch):
    server = Triton(repository, tmp_path, tls=certificates / "index")
    try:
        server.start()
        some = images(2)
        there = remotely(server, folders, lambda models: models.embedder.embed(some), "oips", certificates / "gate")
        assert not any(isinstance(item, Failure) for item in there)
        monkeypatch.setattr(remote_models.ServedModels, "checked", checked_soon)
        with pytest.raises(ModelError, match="DEADLINE"):
            remotely(server, folders, None)
    finally:
        server.stop()
