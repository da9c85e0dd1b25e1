"""How the supervised TorchServe starts and ends."""

import dataclasses

import psutil
import pytest
from support.torchserve_process import ModelServer

from cxrgate.serving.known_answer import read_known_answer, write_known_answer

pytestmark = pytest.mark.model_server


@pytest.mark.slow
def test_a_model_that_gives_another_answer_than_its_known_answers_is_never_ready(folder, tmp_path):
    server = ModelServer(folder / "models", tmp_path, kinds=["retrieval"])
    known_answer = read_known_answer(server.packed / "retrieval")
    write_known_answer(
        server.packed / "retrieval", dataclasses.replace(known_answer, features=known_answer.features[::-1])
    )
    server.start()
    try:
        assert server.supervisor.wait(180) == 2
    finally:
        server.kill()
    assert "TorchServe does not answer" in server.log.read_text()
    assert "models.server_ready" not in server.log.read_text()


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


def test_nothing_is_written_where_it_was_started(server):
    assert list(server.cwd.iterdir()) == []
