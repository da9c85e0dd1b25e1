"""The real TorchServe on the CPU with small models: the answers of the models in this process, kill -9 included."""

import asyncio
import dataclasses
import shutil
import time

import numpy as np
import pandas as pd
import psutil
import pytest
from fakes import images, save_small_models
from grpc_set import ROLES_FILE
from model_server import ModelServer
from service_process import GATE, INDEX, Process
from sets import tree, write_config, write_sets
from typer.testing import CliRunner

from cxrgate.api.inference.v1 import inference_pb2 as pb
from cxrgate.cli.main import app
from cxrgate.client import Gate, Identity, Image
from cxrgate.core import CxrgateError, Failure, GreyImage, MismatchError, Stage
from cxrgate.gate import ModelFolders, read_config, run
from cxrgate.gate.local import local_models
from cxrgate.gate.remote_models import open_models
from cxrgate.index import EngineName, LocalSearcher, Snapshot
from cxrgate.models import Kind, read_manifest
from cxrgate.models.inference_codec import pack_images
from cxrgate.models.pack_canary import read_canary, write_canary
from cxrgate.serving.predictions import IN_FLIGHT, Predictions, open_models_channel

pytestmark = pytest.mark.model_server

WORKER_SECONDS, FRONT_SECONDS = 15, 40
"""Within which what was killed is back; LEAST_SECONDS says that it was away."""
LEAST_SECONDS = 0.5


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A local run with its models and snapshot."""
    folder = tmp_path_factory.mktemp("set")
    run(read_config(write_sets(folder)))
    return folder


@pytest.fixture(scope="module")
def folders(folder):
    return ModelFolders.of(folder / "models")


@pytest.fixture(scope="module")
def server(folder):
    server = ModelServer(folder / "models", folder / "server")
    server.start()
    server.wait()
    yield server
    server.stop()


def remotely(server, folders, call):
    async def go():
        async with open_models(folders, "cpu", server.address) as models:
            return await call(models)

    return asyncio.run(go())


def candidates_of(folder, descriptors):
    searcher = LocalSearcher(Snapshot.open(folder / "snapshot"), 3, EngineName.MATRIX)
    return asyncio.run(searcher.search(descriptors))


@pytest.fixture(scope="module")
def local(folder, folders):
    """Images, their descriptors, candidates and evidence, from the models in this process."""
    some = images(20, start=500)
    with local_models(folders, "cpu") as models:
        described = asyncio.run(models.embedder.embed(some))
        found = candidates_of(folder, described)
        return some, described, found, asyncio.run(models.verifier.verify(some, found))


def test_descriptors_and_scores_are_those_of_the_models_in_this_process(server, folders, local):
    some, described, found, evidence = local

    async def call(models):
        return await models.embedder.embed(some), await models.verifier.verify(some, found)

    remote, scored = remotely(server, folders, call)
    for a, b in zip(described, remote, strict=True):
        assert np.allclose(a.identity, b.identity, rtol=0, atol=1e-5 * np.abs(a.identity).max())
        assert np.array_equal(a.copy, b.copy)
        assert np.array_equal(a.layout, b.layout)
    assert all(np.abs(a.scores - b.scores).max() < 1e-5 for a, b in zip(evidence, scored, strict=True))


def test_one_poisoned_item_fails_alone(server, folders, local):
    some, _, found, evidence = local
    poisoned = dataclasses.replace(found[1], features=np.full_like(found[1].features, np.nan))
    blank = GreyImage("blank", np.zeros((90, 90), np.uint8))

    async def call(models):
        scored = await models.verifier.verify(some, [found[0], poisoned, *found[2:]])
        return scored, await models.embedder.embed([some[0], blank, some[1]])

    scored, described = remotely(server, folders, call)
    assert scored[1] == Failure(some[1].image_id, Stage.VERIFY, "INTERNAL", "CANDIDATES", scored[1].message)
    rest = [(a, b) for number, (a, b) in enumerate(zip(scored, evidence, strict=True)) if number != 1]
    assert all(np.abs(a.scores - b.scores).max() < 1e-5 for a, b in rest)
    assert [isinstance(item, Failure) for item in described] == [False, True, False]


@pytest.fixture(scope="module")
def certificates(folder):
    made = CliRunner().invoke(app, ["certs", str(folder / "certificates"), "--roles", str(ROLES_FILE)])
    assert made.exit_code == 0, made.output
    return folder / "certificates"


def test_run_with_served_models_and_index_releases_the_same_bytes(server, folder, certificates):
    (folder / "store").mkdir()
    shutil.copytree(folder / "snapshot", folder / "store" / "first")
    index = Process("index", INDEX, folder, ["cxrgate.index", folder / "store"])
    index.start()
    try:
        index.wait()
        config = write_config(folder, folder / "outremote", 4)
        remote = ["--models", server.address, "--index", index.address, "--certificates", str(certificates / "gate")]
        answer = CliRunner().invoke(app, ["run", str(config), *remote])
    finally:
        index.kill()

    assert answer.exit_code == 3, answer.output
    assert (folder / "outremote/report.html").is_file()
    assert tree(folder / "outremote/released") == tree(folder / "out/released")
    local, remote = (pd.read_parquet(folder / name / "results/results.parquet") for name in ("out", "outremote"))
    assert (local[["image_id", "decision", "reasons"]] == remote[["image_id", "decision", "reasons"]]).all(axis=None)
    assert np.nanmax(np.abs(local["score"] - remote["score"])) < 1e-5


@pytest.fixture(scope="module")
def gate(server, folder, certificates):
    command = ["cxrgate.cli", "serve", "gate", folder / "out.yaml", "--log", folder / "gate.log"]
    gate = Process("gate", GATE, folder, [*command, "--models", server.address])
    gate.start()
    try:
        gate.wait()
        yield gate
    finally:
        gate.kill()


@pytest.mark.slow
def test_gate_on_served_models_gives_the_verdicts_of_the_local_run(gate, folder, certificates):
    paths = sorted(path for path in (folder / "synthetic").rglob("*") if path.is_file())
    names = ["-".join(path.relative_to(folder / "synthetic").parts) for path in paths]
    with Gate(gate.address, Identity.read(certificates / "generator")) as client:
        asked = [Image(path.read_bytes(), name) for path, name in zip(paths, names, strict=True)]
        found = {item.image_id: str(item.decision) for item in client.check_many(asked)}

    results = pd.read_parquet(folder / "out/results/results.parquet")
    assert found == {row.image_id.replace("/", "-"): row.decision for row in results.itertuples()}


@pytest.mark.slow
def test_gate_is_not_ready_but_lives_while_its_model_server_is_away(gate, server, certificates):
    def health(service):
        asked = ["health", gate.address, "--certificates", str(certificates / "monitor"), "--service", service]
        return CliRunner().invoke(app, asked).output.strip()

    assert health(GATE) == "SERVING"
    assert server.stop() == 0
    try:
        until(lambda: health(GATE) == "NOT_SERVING", 40)
        assert health("") == "SERVING"
    finally:
        server.start()
    server.wait()
    gate.wait()


def test_other_models_than_the_folders_are_refused(server, folder, folders, tmp_path):
    save_small_models(tmp_path, seed=1)

    with pytest.raises(MismatchError, match="is served"):
        remotely(server, folders.model_copy(update={"retrieval": tmp_path / "retrieval"}), lambda _: None)


def test_nothing_is_written_where_it_was_started(server):
    assert list(server.cwd.iterdir()) == []


@pytest.mark.slow
def test_a_model_that_gives_another_answer_than_its_canarys_is_never_ready(folder, tmp_path):
    server = ModelServer(folder / "models", tmp_path, kinds=["retrieval"])
    canary = read_canary(server.packed / "retrieval")
    write_canary(server.packed / "retrieval", dataclasses.replace(canary, features=canary.features[::-1]))
    server.start()
    try:
        assert server.supervisor.wait(180) == 2
    finally:
        server.kill()
    assert "expected TorchServe to answer" in server.log.read_text()
    assert "models.server_ready" not in server.log.read_text()


def test_bytes_that_are_no_request_get_no_answer_and_harm_nothing(server, folders, local):
    async def go():
        async with open_models_channel(server.address) as channel:
            return await Predictions(channel).ask("retrieval", b"\xff", 30)

    assert asyncio.run(go()) == b""
    some = local[0]
    assert not any(isinstance(item, Failure) for item in remotely(server, folders, lambda m: m.embedder.embed(some)))


def until(condition, seconds):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.2)


def under_load(server, folders, local, kill, seconds):
    """Embed and verify in four loops while something is killed; the longest that this took, and every answer."""
    some, _, found, _ = local

    async def call(models):
        answers, longest, end = [], 0.0, time.monotonic() + seconds
        killed = False

        async def loop():
            nonlocal longest
            while time.monotonic() < end:
                started = time.monotonic()
                both = models.embedder.embed(some), models.verifier.verify(some, found)
                answers.append(await asyncio.gather(*both))
                longest = max(longest, time.monotonic() - started)

        async def strike():
            nonlocal killed
            await asyncio.sleep(1)
            await asyncio.to_thread(kill)
            killed = True

        await asyncio.gather(strike(), *[loop() for _ in range(4)])
        assert killed
        return longest, answers

    return remotely(server, folders, call)


def check_answers(local, answers):
    """No item is lost, none has another's or a wrong score."""
    some, described, _, evidence = local
    assert len(answers) > 4
    for descriptors, scored in answers:
        assert (
            [item.image_id for item in descriptors] == [item.image_id for item in scored] == [i.image_id for i in some]
        )
        assert not any(isinstance(item, Failure) for item in (*descriptors, *scored))
        assert all(np.allclose(a.identity, b.identity, atol=1e-4) for a, b in zip(described, descriptors, strict=True))
        assert all(np.abs(a.scores - b.scores).max() < 1e-5 for a, b in zip(evidence, scored, strict=True))


@pytest.mark.slow
def test_killed_worker_loses_no_item_and_is_back(server, folders, local, record_testsuite_property):
    front, workers = server.front.pid, server.workers
    longest, answers = under_load(server, folders, local, workers[0].kill, 5)
    record_testsuite_property("worker_back_seconds", longest)

    check_answers(local, answers)
    assert LEAST_SECONDS < longest < WORKER_SECONDS
    assert server.front.pid == front
    assert len(server.workers) == len(workers) == 2
    assert workers[0] not in server.workers


@pytest.mark.slow
def test_killed_front_end_loses_no_item_and_is_back(server, folders, local, record_testsuite_property):
    front = server.front
    longest, answers = under_load(server, folders, local, front.kill, 5)
    record_testsuite_property("front_back_seconds", longest)

    check_answers(local, answers)
    assert LEAST_SECONDS < longest < FRONT_SECONDS
    server.wait()
    assert server.front.pid != front.pid


@pytest.mark.slow
def test_worker_that_hangs_is_started_anew_and_loses_no_item(server, folders, local):
    front = server.front
    _, answers = under_load(server, folders, local, lambda: [worker.suspend() for worker in server.workers], 5)

    check_answers(local, answers)
    server.wait()
    assert server.front.pid != front.pid
    assert server.log.read_text().count('"models.canary_failed"') >= 3


@pytest.mark.slow
def test_busy_callers_are_all_answered_and_their_answers_count_as_canaries(server):
    """Four callers as busy as they may be: canaries wait longer than they may, and nothing is started anew for it."""
    front, before = server.front.pid, server.log.read_text()
    shape = read_canary(server.packed / "retrieval")
    digest = read_manifest(server.packed / "retrieval").digest
    blanks = pack_images(
        [str(number) for number in range(200)], [np.zeros((shape.height, shape.width), np.uint8)] * 200
    )
    content = pb.EmbedImagesRequest(model_digest=digest, images=blanks).SerializeToString()

    async def caller():
        end = time.monotonic() + 45
        async with open_models_channel(server.address) as channel:
            predictions = Predictions(channel)

            async def loop():
                while time.monotonic() < end:
                    assert await predictions.ask("retrieval", content, 300)

            await asyncio.gather(*[loop() for _ in range(IN_FLIGHT + 2)])

    async def go():
        await asyncio.gather(*[caller() for _ in range(4)])

    asyncio.run(go())
    assert server.front.pid == front
    told = server.log.read_text().removeprefix(before)
    assert "models.canary_unanswered" in told
    assert "models.server_lost" not in told


@pytest.mark.slow
def test_orphans_end(folder, tmp_path):
    server = ModelServer(folder / "models", tmp_path)
    server.start()
    server.wait()
    processes = [server.front, *server.workers]
    server.kill()

    gone, alive = psutil.wait_procs(processes, 30)
    assert len(gone) == 3
    assert not alive


@pytest.mark.slow
def test_sigterm_ends_everything_in_order(folder, tmp_path):
    server = ModelServer(folder / "models", tmp_path)
    server.start()
    server.wait()
    processes = [server.front, *server.workers]

    assert server.stop() == 0
    assert not any(process.is_running() for process in processes)
    assert not (server.folder / "ready").exists()
    assert "models.server_stopped" in server.log.read_text()


def test_model_that_is_not_there_is_said_so(server):
    async def go():
        async with open_models_channel(server.address) as channel:
            await Predictions(channel).ask(Kind.COPY, b"", 30)

    with pytest.raises(CxrgateError) as error:
        asyncio.run(go())
    assert error.value.reason == "MODEL_MISSING"
