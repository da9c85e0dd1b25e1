"""A gate, its models and its index in this process or over the network: decided here and nowhere else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cxrgate.core import SnapshotError, UsageError
from cxrgate.gate.binding import PolicyBinder
from cxrgate.gate.config import GateConfig, ModelFolders
from cxrgate.gate.dtypes import AS_STORED, DtypeRule
from cxrgate.gate.following import FollowingGate
from cxrgate.gate.gates import FixedGate, Gates
from cxrgate.gate.local import local_gate, local_models
from cxrgate.gate.model_set import ModelSet
from cxrgate.gate.pipeline import Gate
from cxrgate.images.sandbox.decoder import SandboxedDecoder
from cxrgate.index import Snapshot
from cxrgate.index.self_measurement import described
from cxrgate.models import ModelKind, ModelManifest
from cxrgate.models.borrowed_head import borrowed_head
from cxrgate.models.verifier import IdentityVerifier
from cxrgate.rpc.channel import open_aio_channel
from cxrgate.rpc.identity import read_identity
from cxrgate.serving.oip.served import open_oip_models
from cxrgate.serving.oip.target import read_target
from cxrgate.serving.remote_models import ServedModels
from cxrgate.serving.torchserve.served import open_torchserve_models


@dataclass(frozen=True, slots=True)
class Services:
    """Where models and index answer.

    Attributes:
        models: where the model server is, HOST:PORT of TorchServe, or `oip://HOST:PORT` of a server that speaks the
            Open Inference Protocol (`oips://` with TLS); None computes in this process.
        index: HOST:PORT of the index service; None searches the configured snapshot in this process.
        tls_identity: folder with the gate's tls.crt, tls.key and ca.crt; the index asks for them, and `oips://`.
    """

    models: str | None = None
    index: str | None = None
    tls_identity: Path | None = None

    def __post_init__(self) -> None:
        if self.index is not None and self.tls_identity is None:
            raise UsageError("--index needs --certificates: the folder with tls.crt, tls.key and ca.crt of the gate")
        target = None if self.models is None else read_target(self.models)
        if target is not None and target.encrypted and self.tls_identity is None:
            raise UsageError("oips:// needs --certificates: the folder with tls.crt, tls.key and ca.crt of the gate")


IN_THIS_PROCESS = Services()


@asynccontextmanager
async def open_models(
    folders: ModelFolders, device: str, services: Services, dtypes: DtypeRule = AS_STORED
) -> AsyncIterator[ModelSet]:
    """The models of these folders, here or on the model server.

    A verification model whose embedding is the retrieval model's is not asked there, see models.borrowed_head.

    Raises:
        ModelError: a folder is not what its manifest says, or the model server does not answer.
        MismatchError: others are served.
    """
    if services.models is None:
        with local_models(folders, device, dtypes) as models:
            yield models
        return
    manifests = await asyncio.to_thread(dtypes.manifests, folders, device)
    head = await asyncio.to_thread(borrowed_head, folders.paths, manifests)
    asked = {kind: own for kind, own in manifests.items() if head is None or kind is not ModelKind.VERIFICATION}
    async with _open_served(folders, asked, services.models, services.tls_identity) as served:
        embedder = served.embedder
        verifier = served.verifier if head is None else IdentityVerifier(head, embedder)
        yield ModelSet(manifests, embedder, verifier, are_healthy=served.are_healthy)


def _open_served(
    folders: ModelFolders, manifests: Mapping[ModelKind, ModelManifest], models: str, tls_identity: Path | None
) -> AbstractAsyncContextManager[ServedModels]:
    """By the protocol that the address names."""
    target = read_target(models)
    if target is None:
        return open_torchserve_models(manifests, models)
    identity = None if tls_identity is None else read_identity(tls_identity)
    return open_oip_models(folders.paths, manifests, target, identity)


@asynccontextmanager
async def open_gates(
    config: GateConfig, models: ModelSet, services: Services, *, express: bool = True
) -> AsyncIterator[Gates]:
    """The gate over the configured snapshot, or the one that follows the index service.

    With `express`, for a door of many callers, single images are decoded beside full batches, see SandboxedDecoder.

    Raises:
        CxrgateError: the snapshot, the decode workers or the TLS identity cannot be used.
    """
    if services.index is None or services.tls_identity is None:
        snapshot = await asyncio.to_thread(Snapshot.open, config.snapshot, config.read_storage_key())
        with local_gate(config, models, snapshot, express=express) as gate:
            yield FixedGate(gate, _describe(snapshot))
        return
    async with open_aio_channel(services.index, read_identity(services.tls_identity)) as channel:
        with SandboxedDecoder(config.decode_workers, express=express) as decoder:
            yield FollowingGate(channel, PolicyBinder.of(config, models), decoder)


@asynccontextmanager
async def open_gate(
    config: GateConfig, models: ModelSet, services: Services
) -> AsyncIterator[tuple[Gate, Mapping[str, Any]]]:
    """One gate for good, and what the snapshot behind it is: for a run, which cannot wait for an index to come.

    Raises:
        SnapshotError: there is no snapshot, or the index does not answer.
        MismatchError: the snapshot was built with other models.
        CertificateError: see PolicyBinder.bind.
    """
    async with open_gates(config, models, services, express=False) as gates:
        try:
            await gates.load()
        except SnapshotError as error:
            raise SnapshotError(f"{services.index}: {error}; start it, or name the right address by --index") from error
        yield gates.current(), gates.describe()


def _describe(snapshot: Snapshot) -> dict[str, Any]:
    """The manifest without the arrays."""
    return {key: value for key, value in described(snapshot.manifest).items() if key != "arrays"}
