"""The index service as a process."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from pathlib import Path

from cxrgate.certification import read_public_key
from cxrgate.core import SnapshotCorrupt
from cxrgate.index.engines.engine import EngineName
from cxrgate.index.keys import read_storage_key
from cxrgate.index.service.servicer import index_service
from cxrgate.index.service.state import IndexState
from cxrgate.index.store import SnapshotStore
from cxrgate.rpc.process import ServiceEndpoint, always_ready, serve
from cxrgate.rpc.server import Server

PROOF_SECONDS = 60.0
"""How often a snapshot that does not fit into memory is read again."""

_log = logging.getLogger(__name__)


async def serve_index(
    store: Path,
    engine: EngineName,
    listening: ServiceEndpoint,
    key: Path | None = None,
    storage_key: Path | None = None,
) -> None:
    """Serve a store's active snapshot until SIGTERM; CxrgateError where that cannot begin.

    Args:
        store: folder of snapshots.
        engine: searches.
        listening: where and as whom.
        key: public key of whoever must have certified a snapshot before it is active; None asks for no certificate.
        storage_key: file of the key that the store is sealed with; None for a store that is not.
    """
    certifier = None if key is None else read_public_key(key)
    secret = None if storage_key is None else read_storage_key(storage_key)
    state = IndexState(SnapshotStore(store, secret), engine, certifier)

    async def readiness(server: Server, names: Sequence[str]) -> None:
        await always_ready(server, names)
        while True:
            await asyncio.sleep(PROOF_SECONDS)
            try:
                await state.prove()
            except SnapshotCorrupt:
                _log.exception("index.snapshot_corrupt")
                for name in names:
                    await server.set_ready(name, ready=False)

    await serve(listening, [index_service(state)], readiness)
