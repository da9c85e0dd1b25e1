"""The connection to a Ray cluster, and how many workers of which size it takes."""

from __future__ import annotations

import ipaddress
import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc

from cxrgate.core import UsageError
from cxrgate.rpc.channel import NO_PROXY

GROUP = 8
"""Cores of one worker, where a node has as many: more workers hold the models and the snapshot once more each."""

LOOPBACK = "127.0.0.2"
"""Where Ray listens when it is this host's alone: it takes 127.0.0.1 for the host's address in its network."""

PROBE_SECONDS = 10.0
_PROBE = "/ray.rpc.NodeInfoGcsService/CheckAlive"


@dataclass(frozen=True, slots=True)
class WorkerSize:
    """How many workers a cluster takes, and what each gets."""

    count: int
    cores: int
    gpus: int


def size_workers(nodes: Sequence[Mapping[str, float]], device: str) -> WorkerSize:
    """One worker per GPU or, on processors, per group of cores.

    Args:
        nodes: the resources of each node that is alive, as Ray counts them.
        device: `cpu`, or PyTorch's name of a GPU.

    Raises:
        UsageError: no node has what a worker needs.
    """
    if device != "cpu":
        gpus = [(int(node.get("GPU", 0)), int(node.get("CPU", 0))) for node in nodes if node.get("GPU", 0) >= 1]
        if not gpus:
            raise UsageError(
                f"device is {device}, and no node of the cluster has a GPU: start Ray there with --num-gpus"
            )
        cores = min(cpu // gpu for gpu, cpu in gpus)
        return WorkerSize(sum(gpu for gpu, _ in gpus), max(1, min(GROUP, cores)), 1)
    cpus = [int(node["CPU"]) for node in nodes if node.get("CPU", 0) >= 1]
    if not cpus:
        raise UsageError("no node of the cluster offers a core: start Ray there with --num-cpus")
    cores = min(GROUP, *cpus)
    return WorkerSize(sum(cpu // cores for cpu in cpus), cores, 0)


@contextmanager
def connected(address: str | None) -> Iterator[None]:
    """Connect to the cluster whose head is at HOST:PORT, or start one on this host alone for as long as this lasts.

    Raises:
        UsageError: the address is none, nothing answers there, or anybody may use that cluster.
    """
    # Before Ray is imported, which reads it then: it would tell its makers of this cluster.
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    if address is not None:
        expect_tokens(address)
    import ray  # noqa: PLC0415 - an extra

    where: dict[str, Any] = {"address": address}
    if address is None:
        where = {"address": "local", "include_dashboard": False}
    if address is None or _is_loopback(address.rpartition(":")[0]):
        where["_node_ip_address"] = LOOPBACK
    try:
        ray.init(**where, log_to_driver=False, logging_level=logging.ERROR, configure_logging=False)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise UsageError(f"no Ray cluster of this version of Ray answers at {address}: {error}") from error
    try:
        yield
    finally:
        ray.shutdown()


def expect_tokens(address: str) -> None:
    """Raise UsageError unless nobody else can reach HOST:PORT, or it answers nobody without a token.

    Whoever may use a Ray cluster may run any program on it, with the rights of its workers.
    """
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or "://" in address:
        raise UsageError(
            f"{address} is not of the form HOST:PORT: name the head's address and its port, 6379 by default"
        )
    if _is_loopback(host):
        return
    if os.environ.get("RAY_AUTH_MODE") != "token":
        raise UsageError(
            f"{address} can be reached from other hosts: set RAY_AUTH_MODE=token for every node and here, and give the "
            "token by RAY_AUTH_TOKEN_PATH. A cluster without it runs any program that anybody sends it. A cluster of "
            f"this host alone is started with `ray start --head --node-ip-address={LOOPBACK}`"
        )
    code = _probe(address)
    if code is grpc.StatusCode.OK:
        raise UsageError(f"{address} answers without a token: start every node of it with RAY_AUTH_MODE=token")
    if code is not grpc.StatusCode.UNAUTHENTICATED:
        raise UsageError(f"no Ray cluster answers at {address} ({code.name}): start it, or check --address")


def _is_loopback(host: str) -> bool:
    """Also for Ray, which takes the usual loopback addresses for those of the network."""
    try:
        return ipaddress.ip_address(host).is_loopback and host not in {"127.0.0.1", "::1"}
    except ValueError:
        return False


def _probe(address: str) -> grpc.StatusCode:
    """What the cluster says to a caller without a token."""
    options = [NO_PROXY]
    if os.environ.get("RAY_USE_TLS") == "1":
        names = ("RAY_TLS_CA_CERT", "RAY_TLS_SERVER_KEY", "RAY_TLS_SERVER_CERT")
        try:
            credentials = grpc.ssl_channel_credentials(*[Path(os.environ[name]).read_bytes() for name in names])
        except (KeyError, OSError) as error:
            raise UsageError(f"RAY_USE_TLS=1 needs files named by {', '.join(names)}: {error}") from error
        channel = grpc.secure_channel(address, credentials, options)
    else:
        channel = grpc.insecure_channel(address, options)
    with channel:
        try:
            ask: Any = channel.unary_unary(_PROBE)
            ask(b"", timeout=PROBE_SECONDS, wait_for_ready=True)
        except grpc.RpcError as error:
            return error.code()
    return grpc.StatusCode.OK
