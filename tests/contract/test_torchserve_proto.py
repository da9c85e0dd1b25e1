"""Our subset of TorchServe's contract against the file that the installed TorchServe carries."""

import importlib.util
import site
import zipfile
from pathlib import Path

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool
from grpc_tools import protoc

from cxrgate.api.torchserve import inference_pb2

MESSAGES = ["PredictionsRequest", "PredictionsRequest.InputEntry", "PredictionResponse", "TorchServeHealthResponse"]


@pytest.fixture(scope="module")
def theirs(tmp_path_factory):
    """A pool with the messages of the jar's inference.proto."""
    folder = tmp_path_factory.mktemp("proto")
    package = importlib.util.find_spec("ts").submodule_search_locations[0]
    with zipfile.ZipFile(Path(package) / "frontend" / "model-server.jar") as jar:
        (folder / "theirs.proto").write_bytes(jar.read("inference.proto"))
    includes = [f"-I{path}" for path in (folder, *site.getsitepackages(), Path(protoc.__file__).parent / "_proto")]
    image = folder / "image.binpb"
    assert protoc.main(["protoc", *includes, "--include_imports", f"-o{image}", "theirs.proto"]) == 0
    pool = descriptor_pool.DescriptorPool()
    for file in descriptor_pb2.FileDescriptorSet.FromString(image.read_bytes()).file:
        pool.Add(file)
    return pool


@pytest.mark.parametrize("name", MESSAGES)
def test_fields_have_torchserves_numbers_and_types(theirs, name):
    own = inference_pb2.DESCRIPTOR.message_types_by_name[name.split(".")[0]]
    for part in name.split(".")[1:]:
        own = own.nested_types_by_name[part]
    their_fields = theirs.FindMessageTypeByName(own.full_name).fields_by_name

    for field in own.fields:
        other = their_fields[field.name]
        assert (field.number, field.type, field.is_repeated) == (other.number, other.type, other.is_repeated)


def test_calls_have_torchserves_names_and_messages(theirs):
    own = inference_pb2.DESCRIPTOR.services_by_name["InferenceAPIsService"]
    other = theirs.FindServiceByName(own.full_name)

    for call in own.methods:
        their_call = other.methods_by_name[call.name]
        assert call.input_type.full_name == their_call.input_type.full_name
        assert call.output_type.full_name == their_call.output_type.full_name
        assert (call.client_streaming, call.server_streaming) == (
            their_call.client_streaming,
            their_call.server_streaming,
        )
