"""What a model of ours takes and gives through the Open Inference Protocol.

    pixels          UINT8 [n, 1, height, width]   resized by the caller, who alone knows how
    tickets         INT64 [n, 1]                  any numbers
    rows_DIGEST     FP32  [n, outputs]            what the network makes of each image
    tickets_DIGEST  INT64 [n, 1]                  the tickets, by way of the graph

The digest is the model's own, so that metadata and every single answer say which model it is. A server that gives an
answer of before, mixes the rows of a batch or loses one gives other tickets than it was sent.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cxrgate.api.oip import inference_pb2 as pb
from cxrgate.core import CallRefused

PIXELS, TICKETS = "pixels", "tickets"

_Response = pb.ModelInferResponse
_Output = pb.ModelInferResponse.InferOutputTensor


@dataclass(frozen=True, slots=True)
class Names:
    """The output tensors of the model with that digest."""

    digest: str

    @property
    def rows(self) -> str:
        """float32[n, outputs]."""
        return f"rows_{self.digest}"

    @property
    def tickets(self) -> str:
        """int64[n, 1]."""
        return f"tickets_{self.digest}"


def served_digest(metadata: pb.ModelMetadataResponse) -> str | None:
    """The digest that a model's metadata names; None where it is no model of ours."""
    names = {output.name for output in metadata.outputs}
    digests = [name.removeprefix("rows_") for name in names if name.startswith("rows_")]
    return digests[0] if len(digests) == 1 and Names(digests[0]).tickets in names else None


def make_request(
    model: str, names: Names, pixels: NDArray[np.uint8], tickets: NDArray[np.int64]
) -> pb.ModelInferRequest:
    """Ask for the rows of uint8[n, height, width], with int64[n] to tell them by."""
    count, height, width = pixels.shape
    tensor, output = pb.ModelInferRequest.InferInputTensor, pb.ModelInferRequest.InferRequestedOutputTensor
    return pb.ModelInferRequest(
        model_name=model,
        inputs=[
            tensor(name=PIXELS, datatype="UINT8", shape=[count, 1, height, width]),
            tensor(name=TICKETS, datatype="INT64", shape=[count, 1]),
        ],
        outputs=[output(name=names.rows), output(name=names.tickets)],
        raw_input_contents=[pixels.tobytes(), tickets.astype("<i8").tobytes()],
    )


def read_answer(response: _Response, names: Names, tickets: NDArray[np.int64], width: int) -> NDArray[np.float32]:
    """float32[n, width], row by row the answer to the ticket; numbers that are not finite stay in it.

    Raises:
        CallRefused: the answer is another model's, of another shape or type, or to other tickets.
    """
    outputs = {output.name: number for number, output in enumerate(response.outputs)}
    if names.rows not in outputs:
        raise CallRefused("FAILED_PRECONDITION", "VERSION_MISMATCH", "another model answered than the policy names")
    try:
        found = _tensor(response, outputs[names.tickets], "INT64", (len(tickets), 1))
        rows = _tensor(response, outputs[names.rows], "FP32", (len(tickets), width))
        fits = np.array_equal(found[:, 0], tickets)
    except (KeyError, ValueError) as error:
        raise _unfit() from error
    if not fits:
        raise _unfit()
    return rows.astype(np.float32)


def _tensor(response: _Response, number: int, datatype: str, shape: tuple[int, int]) -> NDArray[np.generic]:
    output = response.outputs[number]
    if (output.datatype, tuple(output.shape)) != (datatype, shape):
        raise ValueError(f"expected {datatype} {list(shape)}, got {output.datatype} {list(output.shape)}")
    if response.raw_output_contents:
        if len(response.raw_output_contents) != len(response.outputs):
            raise ValueError("expected raw contents of every output, got some")
        values = np.frombuffer(response.raw_output_contents[number], "<i8" if datatype == "INT64" else "<f4")
    else:
        values = _listed(output, datatype)
    return values.reshape(shape)


def _listed(output: _Output, datatype: str) -> NDArray[np.generic]:
    """Numbers one by one, as some servers give them."""
    if datatype == "INT64":
        return np.array(output.contents.int64_contents, np.int64)
    return np.array(output.contents.fp32_contents, np.float32)


def _unfit() -> CallRefused:
    return CallRefused("INTERNAL", "ANSWER", "the model did not answer for each image")
