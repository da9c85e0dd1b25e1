"""Our subset of the Open Inference Protocol against the file that Triton's own client carries."""

import subprocess

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool
from support.triton_process import ENVIRONMENT, NOT_TRIED, is_installed

from cxrgate.api.oip import inference_pb2

pytestmark = [pytest.mark.triton, pytest.mark.skipif(not is_installed(), reason=NOT_TRIED)]

READ = """
import sys
from tritonclient.grpc import service_pb2
files = [*service_pb2.DESCRIPTOR.dependencies, service_pb2.DESCRIPTOR]
sys.stdout.buffer.write(b"".join(len(f.serialized_pb).to_bytes(4, "big") + f.serialized_pb for f in files))
"""


@pytest.fixture(scope="module")
def theirs():
    """A pool with their messages, which cannot be loaded beside ours: the names are the same."""
    command = [ENVIRONMENT / "bin" / "python", "-c", READ]
    content = subprocess.run(command, capture_output=True, check=True).stdout
    pool = descriptor_pool.DescriptorPool()
    while content:
        end = 4 + int.from_bytes(content[:4], "big")
        pool.Add(descriptor_pb2.FileDescriptorProto.FromString(content[4:end]))
        content = content[end:]
    return pool


def messages(file):
    found = list(file.message_types_by_name.values())
    return [*found, *(nested for message in found for nested in message.nested_types)]


@pytest.mark.parametrize("own", messages(inference_pb2.DESCRIPTOR), ids=lambda own: own.full_name)
def test_fields_have_the_protocols_numbers_and_types(theirs, own):
    their_fields = theirs.FindMessageTypeByName(own.full_name).fields_by_name

    for field in own.fields:
        other = their_fields[field.name]
        assert (field.number, field.type, field.is_repeated) == (other.number, other.type, other.is_repeated)


def test_calls_have_the_protocols_names_and_messages(theirs):
    own = inference_pb2.DESCRIPTOR.services_by_name["GRPCInferenceService"]
    other = theirs.FindServiceByName(own.full_name)

    for call in own.methods:
        their_call = other.methods_by_name[call.name]
        assert call.input_type.full_name == their_call.input_type.full_name
        assert call.output_type.full_name == their_call.output_type.full_name
        assert (call.client_streaming, call.server_streaming) == (False, False)
        assert (their_call.client_streaming, their_call.server_streaming) == (False, False)
