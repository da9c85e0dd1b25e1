from google.protobuf import descriptor_pb2
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection
from support.grpc_servers import ROLES

from cxrgate.api.gate.v1 import gate_service_pb2
from cxrgate.api.index.v1 import index_service_pb2
from cxrgate.rpc.roles import rpc_names

OURS = [*gate_service_pb2.DESCRIPTOR.services_by_name.values(), *index_service_pb2.DESCRIPTOR.services_by_name.values()]
LIBRARIES = [health_pb2.DESCRIPTOR.services_by_name["Health"].full_name, reflection.SERVICE_NAME]


def test_the_shipped_matrix_covers_every_rpc():
    names = {name for service in OURS for name in rpc_names(service.full_name)}
    names |= {name for service in LIBRARIES for name in rpc_names(service)}

    assert names <= set(ROLES.rpcs)


def test_the_shipped_matrix_names_no_rpc_that_does_not_exist():
    ours = {name for service in OURS for name in rpc_names(service.full_name)}

    assert {name for name in ROLES.rpcs if name.startswith("/cxrgate.")} == ours


def test_stored_features_and_evidence_have_one_reader_each():
    assert ROLES.rpcs["/cxrgate.api.gate.v1.GateService/GetEvidence"] == ("reviewer",)
    assert "generator" not in {role for name, roles in ROLES.rpcs.items() if "IndexService" in name for role in roles}


def test_every_call_that_changes_nothing_says_so():
    """Callers and proxies retry by it."""
    levels = descriptor_pb2.MethodOptions.IdempotencyLevel
    reading = {
        method.name
        for service in OURS
        for method in service.methods
        if method.GetOptions().idempotency_level == levels.Value("NO_SIDE_EFFECTS")
    }

    assert reading == {"GetPolicy", "GetIndex", "FindNeighbors", "ListReferences"}
