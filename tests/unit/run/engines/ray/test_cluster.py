"""Which clusters are used, and how many workers of which size."""

from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest

from cxrgate.core import UsageError
from cxrgate.run.engines.ray import cluster
from cxrgate.run.engines.ray.cluster import WorkerSize, expect_tokens, size_workers


@pytest.mark.parametrize(
    ("nodes", "device", "size"),
    [
        ([{"CPU": 1.0}, {"CPU": 1.0}], "cpu", WorkerSize(2, 1, 0)),
        ([{"CPU": 64.0}], "cpu", WorkerSize(8, 8, 0)),
        ([{"CPU": 16.0}, {"CPU": 4.0}, {"memory": 1.0}], "cpu", WorkerSize(5, 4, 0)),
        ([{"CPU": 96.0, "GPU": 8.0}, {"CPU": 8.0, "GPU": 4.0}, {"CPU": 32.0}], "cuda", WorkerSize(12, 2, 1)),
    ],
)
def test_a_worker_has_a_gpu_or_a_group_of_cores(nodes, device, size):
    assert size_workers(nodes, device) == size


@pytest.mark.parametrize(("nodes", "device"), [([{"CPU": 8.0}], "cuda"), ([{"memory": 1.0}], "cpu"), ([], "cpu")])
def test_without_what_a_worker_needs_nothing_starts(nodes, device):
    with pytest.raises(UsageError, match="no node"):
        size_workers(nodes, device)


@pytest.fixture
def head(monkeypatch):
    """A head that answers anybody, or says UNAUTHENTICATED; named by an address that Ray takes for the network's."""
    server = grpc.server(ThreadPoolExecutor(1))
    asks = [False]

    def alive(_, context):
        if asks[0]:
            context.abort(grpc.StatusCode.UNAUTHENTICATED, "token")
        return b""

    method = grpc.unary_unary_rpc_method_handler(alive)
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("ray.rpc.NodeInfoGcsService", {"CheckAlive": method}),)
    )
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    monkeypatch.setattr(cluster, "PROBE_SECONDS", 5.0)
    yield f"127.0.0.1:{port}", asks
    server.stop(None)


def test_a_cluster_that_answers_without_a_token_is_refused(head, monkeypatch):
    address, _ = head
    monkeypatch.setenv("RAY_AUTH_MODE", "token")

    with pytest.raises(UsageError, match="without a token"):
        expect_tokens(address)


def test_a_cluster_that_asks_for_a_token_is_used(head, monkeypatch):
    address, asks = head
    asks[0] = True
    monkeypatch.setenv("RAY_AUTH_MODE", "token")

    expect_tokens(address)


def test_without_a_token_of_our_own_nothing_is_asked(head, monkeypatch):
    address, _ = head
    monkeypatch.delenv("RAY_AUTH_MODE", raising=False)

    with pytest.raises(UsageError, match="RAY_AUTH_MODE=token"):
        expect_tokens(address)


def test_where_nothing_answers_it_is_said(monkeypatch):
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    monkeypatch.setattr(cluster, "PROBE_SECONDS", 0.5)

    with pytest.raises(UsageError, match="no Ray cluster answers"):
        expect_tokens("127.0.0.1:1")


def test_a_loopback_that_nobody_else_reaches_needs_no_token(monkeypatch):
    monkeypatch.delenv("RAY_AUTH_MODE", raising=False)

    expect_tokens(f"{cluster.LOOPBACK}:6379")


@pytest.mark.parametrize("address", ["ray://head:10001", "head", "head:port", ":6379", "auto"])
def test_what_is_no_address_is_refused(address):
    with pytest.raises(UsageError, match="HOST:PORT"):
        expect_tokens(address)
