"""The real Triton Inference Server on loopback, from the program that nvidia-pytriton's wheel carries.

That wheel has no ONNX Runtime backend, so `onnxruntime` is a backend in Python here, with the same library from PyPI:
an exported repository is loaded as it is, its config.pbtxt included.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from cxrgate.serving.address import free_port

ENVIRONMENT = Path(os.environ.get("CXRGATE_TRITON", Path(__file__).parents[2] / ".triton"))
"""`make triton` installs it."""
NOT_TRIED = f"NOT TRIED: Triton is not installed in {ENVIRONMENT}, `make triton` installs it"

START_SECONDS = 120
STUB = "triton_python_backend_stub"

BACKEND = """
import json, os
import numpy as np
import onnxruntime
import triton_python_backend_utils as utils

class TritonPythonModel:
    def initialize(self, args):
        self.config = json.loads(args["model_config"])
        folder = os.path.join(args["model_repository"], args["model_version"], "model.onnx")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(folder, options, providers=["CPUExecutionProvider"])

    def execute(self, requests):
        responses = []
        for request in requests:
            feed = {tensor.name(): tensor.as_numpy() for tensor in request.inputs()}
            if feed["pixels"].shape[0] > 1 and (feed["pixels"] == POISON).all(axis=(1, 2, 3)).any():
                responses.append(utils.InferenceResponse(error=utils.TritonError("a batch that does not fit")))
                continue
            names = request.requested_output_names()
            found = self.session.run(names, feed)
            responses.append(utils.InferenceResponse([utils.Tensor(n, v) for n, v in zip(names, found)]))
        return responses

POISON = 201
"""
"""A batch with an image of level 201 alone fails, as one that needs too much memory does."""


def is_installed() -> bool:
    """Whether the environment has Triton."""
    return bool(list(ENVIRONMENT.glob("lib/python*/site-packages/pytriton/tritonserver/bin/tritonserver")))


class Triton:
    """One server; `address` is where it listens for gRPC."""

    def __init__(self, repository: Path, root: Path, tls: Path | None = None) -> None:
        """`tls` is a folder with tls.crt, tls.key and ca.crt; callers then need a certificate of that authority."""
        self.repository, self.root, self.tls = repository, root, tls
        self.address, self.log = f"127.0.0.1:{free_port('127.0.0.1')}", root / "triton.log"
        self._packages = next(ENVIRONMENT.glob("lib/python*/site-packages"))
        own = self._packages / "pytriton" / "tritonserver"
        self._program, self._backends = own / "bin" / "tritonserver", own / "backends"
        # Triton takes no backend from elsewhere than its own folder, which is ours: see ENVIRONMENT.
        (self._backends / "onnxruntime").mkdir(exist_ok=True)
        (self._backends / "onnxruntime" / "model.py").write_text(BACKEND)
        version = self._packages.parent.name.removeprefix("python")
        if not (self._backends / "python" / STUB).exists():
            shutil.copy(own / "python_backend_stubs" / version / STUB, self._backends / "python" / STUB)

    def start(self) -> None:
        """Start and wait until it listens."""
        host, port = self.address.split(":")
        command = [
            str(self._program), f"--model-repository={self.repository}", f"--backend-directory={self._backends}",
            f"--grpc-address={host}", f"--grpc-port={port}", "--allow-http=false", "--allow-metrics=false",
            "--disable-auto-complete-config", f"--backend-config=python,shm-region-prefix-name=cxrgate{port}",
        ]  # fmt: skip
        if self.tls is not None:
            names = {"server-cert": "tls.crt", "server-key": "tls.key", "root-cert": "ca.crt"}
            command += ["--grpc-use-ssl-mutual=true", *(f"--grpc-{k}={self.tls / v}" for k, v in names.items())]
        environment = {
            **os.environ,
            "PATH": f"{ENVIRONMENT / 'bin'}:{os.environ['PATH']}",
            "PYTHONPATH": str(self._packages),
        }
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env=environment, start_new_session=True)
        end = time.monotonic() + START_SECONDS
        while "Started GRPCInferenceService" not in self.log.read_text():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < end, self.log.read_text()
            time.sleep(0.1)

    def stop(self) -> None:
        """End it and its backends' processes, which are a session of their own."""
        self.process.terminate()
        try:
            self.process.wait(30)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
