"""A model's forward pass on the CPU, by OpenVINO: no torch is needed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from queue import SimpleQueue

import numpy as np
from numpy.typing import NDArray

from cxrgate.core import ModelError
from cxrgate.core.heads import Head
from cxrgate.models.heads import make_head
from cxrgate.models.manifest import Dtype, ModelManifest
from cxrgate.models.resize import resize
from cxrgate.models.runtimes.core_pool import CorePool, core_pool
from cxrgate.models.runtimes.forward import Forward
from cxrgate.models.runtimes.openvino.library import openvino
from cxrgate.models.runtimes.openvino.networks import build
from cxrgate.models.runtimes.openvino.weights import Weights

_TYPES = {
    Dtype.FLOAT32: openvino.Type.f32,
    Dtype.BFLOAT16: openvino.Type.bf16,
    Dtype.FLOAT16: openvino.Type.f16,
}


class DtypeMissing(ModelError):
    """OpenVINO does not compute in the model's dtype on this CPU."""


class OpenVinoForward(Forward):
    """One image per inference and one thread per inference, as many at a time as there are cores, over all models.

    So an image's row does not depend, by a single bit, on what else is in the batch, on its place, or on the number of
    cores: a second thread in one inference already adds in another order. It costs nothing: two cores took 8.4 ms
    per image this way and 8.5 ms by batches of eight (shipped retrieval model, process time).
    """

    def __init__(self, manifest: ModelManifest, folder: Path, pool: CorePool | None = None) -> None:
        """Compile the model with the weights in `folder` for this CPU; it computes in `pool`, which all models share.

        Raises:
            DtypeMissing: OpenVINO does not compute in the manifest's dtype on this CPU.
            ModelError: the weights are not those that the manifest names, or a tensor is not the architecture's.
        """
        self.manifest = manifest
        weights = Weights.read(folder, manifest)
        self.head: Head = make_head(self.manifest.architecture, weights.peek)
        model = build(self.manifest.architecture, self.manifest.preprocessing, weights)
        self._pool = pool or core_pool()
        compiled = _compile(model, self.manifest.dtype, self._pool.cores)
        self._idle: SimpleQueue[openvino.InferRequest] = SimpleQueue()
        for _ in range(self._pool.cores):
            self._idle.put(compiled.create_infer_request())

    def start(self, pixels: Sequence[NDArray[np.uint8]]) -> Callable[[], NDArray[np.float32]]:
        """See models.runtimes.forward.Forward; `finish` raises what the first image that failed raised."""
        rows = np.full((len(pixels), self.dimensions), np.nan, np.float32)
        wait = self._pool.start([partial(self._infer, image, row) for image, row in zip(pixels, rows, strict=True)])

        def finish() -> NDArray[np.float32]:
            wait()
            return rows

        return finish

    def _infer(self, image: NDArray[np.uint8], row: NDArray[np.float32]) -> None:
        """Fill in the row of an image, on a thread of the pool, which has no more threads than there are requests."""
        pixels = np.ascontiguousarray(resize(image, self.manifest.preprocessing))[np.newaxis, np.newaxis]
        request = self._idle.get_nowait()
        try:
            request.infer([pixels], share_inputs=True)
            row[:] = request.get_output_tensor(0).data[0]
        finally:
            self._idle.put(request)


def _compile(model: openvino.Model, dtype: Dtype, threads: int) -> openvino.CompiledModel:
    """For this CPU; DtypeMissing where OpenVINO would take another dtype, which it does without saying so."""
    settings = {
        "INFERENCE_PRECISION_HINT": _TYPES[dtype],
        "NUM_STREAMS": threads,
        "INFERENCE_NUM_THREADS": threads,
        # Several models share the cores, and other processes too.
        "ENABLE_CPU_PINNING": False,
    }
    try:
        compiled = openvino.Core().compile_model(model, "CPU", settings)
        found = compiled.get_property("INFERENCE_PRECISION_HINT")
    except RuntimeError as error:
        raise DtypeMissing(f"{dtype} on this CPU") from error
    if found != _TYPES[dtype]:
        raise DtypeMissing(f"{dtype} on this CPU")
    return compiled
