"""The index service as a process."""

from __future__ import annotations

from pathlib import Path

from cxrgate.index.engine import EngineName
from cxrgate.index.service import IndexState
from cxrgate.index.servicer import index_service
from cxrgate.index.store import SnapshotStore
from cxrgate.rpc.process import Listening, serve


async def serve_index(store: Path, engine: EngineName, listening: Listening) -> None:
    """Serve a store's active snapshot until SIGTERM; CxrgateError where that cannot begin."""
    await serve(listening, [index_service(IndexState(SnapshotStore(store), engine))])
