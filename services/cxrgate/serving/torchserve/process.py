"""The model server as a process."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

from cxrgate.core import ModelError
from cxrgate.models.manifest import MANIFEST
from cxrgate.rpc.server import wait_for_signal
from cxrgate.serving.address import private_address
from cxrgate.serving.torchserve.settings import Settings
from cxrgate.serving.torchserve.supervisor import Supervisor

_log = logging.getLogger(__name__)


async def serve_models(store: Path, folder: Path, listen: str, *, workers: int, gpu: bool, metrics: str | None) -> None:
    """Serve every packed model of a store until SIGTERM or SIGINT, then let calls in flight end.

    Raises:
        CxrgateError: addresses, the store or a model cannot be used, or TorchServe does not start.
    """
    settings = make_settings(store, folder, listen, workers=workers, gpu=gpu, metrics=metrics)
    supervisor = Supervisor(settings)
    running = asyncio.create_task(supervisor.run())
    signalled = asyncio.create_task(wait_for_signal())
    await asyncio.wait([running, signalled], return_when=asyncio.FIRST_COMPLETED)
    signalled.cancel()
    supervisor.stop()
    await running
    _log.info("models.server_stopped")


def make_settings(store: Path, folder: Path, listen: str, *, workers: int, gpu: bool, metrics: str | None) -> Settings:
    """Settings to serve every packed model of a store, with the folder made; errors as serve_models."""
    names = sorted(path.parent.name for path in store.glob(f"*/{MANIFEST}") if (path.parent / "MAR-INF").is_dir())
    if not names:
        raise ModelError(f"{store} holds no packed models: make them with `cxrgate model pack`")
    folder.mkdir(parents=True, exist_ok=True)
    metrics_address = None if metrics is None else private_address(metrics)
    return Settings(store, names, private_address(listen), folder, workers, gpu, metrics_address)
