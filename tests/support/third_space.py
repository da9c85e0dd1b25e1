"""The product with an invented third space, as a program of its own that prints what came out, as JSON.

A row more in core/spaces.py and, where a name has to be written down, a number of the policy and fields on the wire:
nothing else knows of it. The table is changed before anything reads it, so this needs an interpreter of its own.
"""

import asyncio
import json
import sys
import tempfile
from dataclasses import dataclass
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import SimpleNamespace

TABLE = Path(__file__).parents[2] / "services/cxrgate/core/spaces.py"
ROW = 'CosineSpace("texture", "texture_similarity", "texture_threshold", "texture_method", "TEXTURE", "texture")'
ROWS = "COSINE_SPACES = (COPY,)"


def add_row():
    """Let this interpreter have the table with one row more."""
    name, source = "cxrgate.core.spaces", TABLE.read_text(encoding="utf-8")
    assert ROWS in source
    sys.modules[name] = module_from_spec(spec_from_file_location(name, TABLE))
    exec(source.replace(ROWS, f"COSINE_SPACES = (COPY, {ROW})"), sys.modules[name].__dict__)


add_row()

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto  # noqa: E402
from google.protobuf.descriptor_pool import DescriptorPool  # noqa: E402
from google.protobuf.internal.enum_type_wrapper import EnumTypeWrapper  # noqa: E402
from google.protobuf.message_factory import GetMessageClass  # noqa: E402
from google.protobuf.timestamp_pb2 import DESCRIPTOR as TIMESTAMP  # noqa: E402

from cxrgate.api.index.v1 import index_service_pb2 as pb  # noqa: E402
from cxrgate.core import Candidates, Descriptors, Evidence, GreyImage, Policy  # noqa: E402
from cxrgate.gate.pipeline import Checked  # noqa: E402
from cxrgate.index import EngineName  # noqa: E402
from cxrgate.index.search import LocalSearcher  # noqa: E402
from cxrgate.index.service import codec  # noqa: E402
from cxrgate.index.snapshot import Snapshot  # noqa: E402
from cxrgate.planted.threshold_path import ThresholdPath  # noqa: E402
from cxrgate.run.results import write_results  # noqa: E402
from cxrgate.run.rows import evidence_rows, result_row  # noqa: E402


@dataclass(frozen=True)
class ThreeSpaces(Policy):
    """The policy with the numbers that core/policy.py would get."""

    texture_threshold: float | None = None
    texture_borderline: float | None = None


def policy(texture=0.8, copy=0.9):
    models = "snapshot", "retrieval", "verification"
    return ThreeSpaces(1, 0.5, 0.4, copy, 0.1, 3, *models, texture_threshold=texture)


def evidence(score=0.1, copy=0.2, texture=0.3):
    rows = {"copy": np.array([copy]), "texture": np.array([texture])}
    found = Candidates("image", ("r",), ("p",), np.ones(1), rows, np.zeros((1, 4), np.float32), 0.5)
    return Evidence(found, np.array([score]))


def decisions():
    """What the policy says of images that one space, all or none speak against."""
    cases = {
        "nothing": (policy(), evidence()),
        "texture": (policy(), evidence(texture=0.81)),
        "all": (policy(), evidence(0.6, 0.95, 0.85)),
        "not searched": (policy(texture=None), evidence(texture=0.99)),
        "no number": (policy(), evidence(texture=float("nan"))),
    }
    return {name: by.decide(of, "").reasons for name, (by, of) in cases.items()}


def unit(*numbers):
    rows = np.array(numbers, np.float32)
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def snapshot():
    """Three references; the first is nearest in identity, the second in copy, the third in texture, see `query`."""
    near, far = [1, 0, 0, 0], [0, 1, 0, 0]
    ids = np.eye(3, 16, dtype=np.uint8)
    arrays = {
        "identity": unit(near, far, far),
        "copy": unit(far, near, far),
        "texture": unit(far, far, near),
        "features": np.zeros((3, 4), np.float32),
        "reference_ids": ids,
        "patient_keys": ids,
        "mean_layout": unit([1, 0]).ravel(),
    }
    return Snapshot(Path(), SimpleNamespace(references=3), arrays)


def query():
    near = unit([1, 0, 0, 0]).ravel()
    return Descriptors("q", dict.fromkeys(("identity", "copy", "texture"), near), unit([1, 0]).ravel())


def search():
    """The candidates of the query: the union of three spaces."""
    (found,) = asyncio.run(LocalSearcher(snapshot(), 1, EngineName.MATRIX).search([query()]))
    return found


def wire_with_fields():
    """The messages of the index service with the fields that its .proto would get."""
    file, pool = FileDescriptorProto(), DescriptorPool()
    pb.DESCRIPTOR.CopyToProto(file)
    messages = {message.name: message for message in file.message_type}
    values = next(enum for enum in file.enum_type if enum.name == "Space").value
    values.add(name="SPACE_TEXTURE", number=3)
    matrix = {"type": FieldDescriptorProto.TYPE_MESSAGE, "type_name": f".{file.package}.Float32Matrix"}
    messages["FindNeighborsRequest"].field.add(name="texture", number=100, label=1, **matrix)
    number = {"type": FieldDescriptorProto.TYPE_DOUBLE, "label": 1}
    messages["Neighbor"].field.add(name="texture_similarity", number=100, **number)
    for part in (TIMESTAMP.serialized_pb, file.SerializeToString()):
        pool.AddSerializedFile(part)
    made = {name: GetMessageClass(pool.FindMessageTypeByName(f"{file.package}.{name}")) for name in messages}
    return SimpleNamespace(Space=EnumTypeWrapper(pool.FindEnumTypeByName(f"{file.package}.Space")), **made)


def over_the_wire():
    """A query there, its candidates back."""
    codec.pb = wire_with_fields()
    request = codec.pb.FindNeighborsRequest.FromString(codec.to_query([query()], 1, "").SerializeToString())
    (asked,) = codec.from_query(request, snapshot())
    content = codec.to_neighbors(asked, search(), features=True).SerializeToString()
    found = codec.from_neighbors(query(), codec.pb.NeighborList.FromString(content))
    return {
        "searched": [space.name for space in codec.from_spaces(request.spaces)],
        "asked": {name: row.tolist() for name, row in asked.spaces.items()},
        "similarities": {name: values.tolist() for name, values in found.similarities.items()},
    }


def tables(folder):
    """The result tables of a run with one image that texture speaks against."""
    verdict = policy().decide(evidence(texture=0.81), "")
    checked = Checked(GreyImage("image", np.zeros((2, 2), np.uint8)), verdict)
    batch = {"results": [result_row(checked, "", "")], "evidence": evidence_rows(checked)}
    write_results(Path(folder), {0: batch})
    names = ["similarity", "texture_similarity"]
    read = {name: pd.read_parquet(Path(folder) / f"{name}.parquet") for name in ("results", "evidence")}
    return {name: table[names].to_dict("records") for name, table in read.items()}


def path():
    """The path of thresholds through patients who are not enrolled."""
    numbers = {"score": [0.2, 0.4], "similarity": [0.5, 0.6], "texture_similarity": [0.7, 0.3]}
    flags = {"failed": False, "refused": False, "reasons": "", "decision": "ANONYMOUS"}
    unenrolled = pd.DataFrame({**numbers, **flags})
    found = ThresholdPath.of(unenrolled, 1e-4)
    return {
        "last": found.at(len(found) - 1),
        "levels": found.levels(unenrolled.assign(score=0.0, similarity=0.0)).tolist(),
    }


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as work:
        found = search()
        answer = {
            "decisions": decisions(),
            "candidates": [bytes.fromhex(name).index(1) for name in found.reference_ids],
            "wire": over_the_wire(),
            "tables": tables(work),
            "path": path(),
        }
    sys.stdout.write(json.dumps(answer))
