"""A server of the Open Inference Protocol in this process, which may behave badly on purpose."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import asynccontextmanager

import grpc
import numpy as np

from cxrgate.api.oip import inference_pb2 as pb
from cxrgate.api.oip import inference_pb2_grpc as stubs
from cxrgate.models.runtimes.forward import Forward
from cxrgate.serving.oip.tensors import Names

Response = pb.ModelInferResponse


class OipServer(stubs.GRPCInferenceServiceServicer):
    """Serves forwards by their kind. `change(response, request)` may spoil an answer; `fail(pixels)` gives a status.

    `batches` are the numbers of images of the requests so far.
    """

    def __init__(self, *forwards: Forward) -> None:
        self.forwards = {forward.manifest.kind.value: forward for forward in forwards}
        self.digests = {kind: forward.manifest.digest for kind, forward in self.forwards.items()}
        self.change: Callable[[Response, pb.ModelInferRequest], Response] = lambda response, _: response
        self.fail = lambda _: None
        self.batches: list[int] = []

    async def ModelMetadata(self, request, context):
        if request.name not in self.forwards:
            await context.abort(grpc.StatusCode.NOT_FOUND, f"Request for unknown model: '{request.name}' is not found")
        names = Names(self.digests[request.name])
        tensor = pb.ModelMetadataResponse.TensorMetadata
        return pb.ModelMetadataResponse(
            name=request.name, outputs=[tensor(name=names.rows), tensor(name=names.tickets)]
        )

    async def ModelInfer(self, request, context):
        pixels = np.frombuffer(request.raw_input_contents[0], np.uint8).reshape(request.inputs[0].shape)
        self.batches.append(len(pixels))
        status = self.fail(pixels)
        if status is not None:
            await context.abort(*status)
        names = Names(self.digests[request.model_name])
        rows = self.forwards[request.model_name](list(pixels[:, 0]))
        tensor, count = Response.InferOutputTensor, len(pixels)
        response = Response(
            model_name=request.model_name,
            outputs=[
                tensor(name=names.tickets, datatype="INT64", shape=[count, 1]),
                tensor(name=names.rows, datatype="FP32", shape=rows.shape),
            ],
            raw_output_contents=[request.raw_input_contents[1], rows.tobytes()],
        )
        return self.change(response, request)


@asynccontextmanager
async def served(server: OipServer, credentials: grpc.ServerCredentials | None = None):
    """Its HOST:PORT."""
    running = grpc.aio.server()
    stubs.add_GRPCInferenceServiceServicer_to_server(server, running)
    if credentials is None:
        port = running.add_insecure_port("127.0.0.1:0")
    else:
        port = running.add_secure_port("127.0.0.1:0", credentials)
    await running.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await running.stop(0)
