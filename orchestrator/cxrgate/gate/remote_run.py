"""The gate of a run whose models or index answer over the network: the same pipeline, the same policy."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import grpc

from cxrgate.api.index.v1 import index_service_pb2 as pb
from cxrgate.core import SnapshotError, UsageError
from cxrgate.gate.certified import Terms
from cxrgate.gate.config import RunConfig
from cxrgate.gate.local import local_gate
from cxrgate.gate.model_set import ModelSet
from cxrgate.gate.pipeline import Gate
from cxrgate.gate.remote import describe_index, remote_gate
from cxrgate.images import SandboxedDecoder
from cxrgate.index import Snapshot
from cxrgate.rpc.channel import open_aio_channel
from cxrgate.rpc.process import read_identity


@dataclass(frozen=True, slots=True)
class Services:
    """Where they answer.

    Attributes:
        models: HOST:PORT of the model server; None computes in this process.
        index: HOST:PORT of the index service; None searches the configured snapshot in this process.
        certificates: folder with the gate's tls.crt, tls.key and ca.crt; the index asks for them.
    """

    models: str | None = None
    index: str | None = None
    certificates: Path | None = None

    def __post_init__(self) -> None:
        if self.index is not None and self.certificates is None:
            raise UsageError("expected the gate's certificates to call the index with")


@asynccontextmanager
async def open_gate(
    config: RunConfig, models: ModelSet, services: Services
) -> AsyncIterator[tuple[Gate, dict[str, Any]]]:
    """A gate, and what the snapshot behind it is.

    Raises:
        SnapshotError: there is no snapshot, or the index does not answer.
        MismatchError: the snapshot was built with other models.
        CertificateError: see Terms.bind.
    """
    if services.index is None or services.certificates is None:
        snapshot = await asyncio.to_thread(Snapshot.open, config.snapshot, config.read_storage_key())
        with local_gate(config, models, snapshot) as gate:
            yield gate, describe_snapshot(snapshot)
        return
    async with open_aio_channel(services.index, read_identity(services.certificates)) as channel:
        try:
            index = await describe_index(channel)
        except grpc.aio.AioRpcError as error:
            raise SnapshotError(f"expected the index at {services.index} to answer, got {error.code().name}") from error
        with SandboxedDecoder(config.workers) as decoder:
            yield remote_gate(channel, Terms.of(config, models), index, decoder), describe_remote(index)


def describe_snapshot(snapshot: Snapshot) -> dict[str, Any]:
    """The manifest without the arrays."""
    content = {**asdict(snapshot.manifest), "digest": snapshot.manifest.digest}
    return {key: value for key, value in content.items() if key != "arrays"}


def describe_remote(index: pb.Index) -> dict[str, Any]:
    """What the index service tells of its snapshot, under the same names."""
    return {
        "references": index.reference_count,
        "patients": index.patient_count,
        "retrieval": index.retrieval_model_digest,
        "verification": index.verification_model_digest,
        "copy_method": index.copy_method,
        "digest": index.digest,
    }
