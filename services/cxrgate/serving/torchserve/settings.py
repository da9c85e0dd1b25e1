"""TorchServe's settings: loopback or a private address, everything but predictions closed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cxrgate.serving.address import Address, free_port

LOOPBACK = "127.0.0.1"
MESSAGE_BYTES = 64 * 2**20
"""Requests are split long before; an answer above TorchServe's limit kills its worker."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How to serve.

    Attributes:
        store: folder of packed models.
        models: the names of those to serve.
        listen: where Predictions are answered over gRPC.
        folder: for configuration, logs and metrics.
        workers: processes per model, and GPUs are shared out among them.
        gpu: use the GPUs that there are.
        metrics: HOST:PORT of TorchServe's Prometheus metrics; None keeps them on a socket file.
    """

    store: Path
    models: Sequence[str]
    listen: Address
    folder: Path
    workers: int = 1
    gpu: bool = False
    metrics: Address | None = None


def properties(settings: Settings, sockets: Path) -> dict[str, object]:
    """The content of config.properties.

    Args:
        settings: see Settings.
        sockets: a folder that only this user can enter, with a short name (a socket's path has at most 107 bytes).
    """
    metrics = f"unix:{sockets}/metrics.sock" if settings.metrics is None else f"http://{settings.metrics}"
    found: dict[str, object] = {
        "inference_address": f"unix:{sockets}/inference.sock",
        "management_address": f"unix:{sockets}/management.sock",
        "metrics_address": metrics,
        "grpc_inference_address": settings.listen.host,
        "grpc_inference_port": settings.listen.port,
        # It cannot be turned off. Nobody can register a model there, on loopback only and on another port each time.
        "grpc_management_address": LOOPBACK,
        "grpc_management_port": free_port(LOOPBACK),
        "model_store": settings.store.resolve(),
        "load_models": ",".join(f"{name}={name}" for name in settings.models),
        "disable_token_authorization": "true",
        "enable_model_api": "false",
        # Workflows fetch from any address that this allows (0.12.0 forgets to close them with the model API).
        "allowed_urls": "file:///nonexistent/none",
        "install_py_dep_per_model": "false",
        "max_request_size": MESSAGE_BYTES,
        "max_response_size": MESSAGE_BYTES,
        "default_workers_per_model": settings.workers,
        "metrics_mode": "prometheus",
        "disable_system_metrics": "true",
        "decode_input_request": "false",
        "blacklist_env_vars": ".*(PASSWORD|SECRET|TOKEN|KEY).*",
    }
    return found if settings.gpu else {**found, "number_of_gpu": 0}


def write_properties(path: Path, content: dict[str, object]) -> None:
    """Write a Java properties file."""
    path.write_text("".join(f"{key}={value}\n" for key, value in content.items()))
