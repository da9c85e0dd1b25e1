import logging

import grpc
import pytest
from support.acting_gate import CHECK, GATE, Servicer, ask, gate
from support.grpc_servers import AUTHORITY, IDENTITIES, ROLES, reason

from cxrgate.core import UsageError
from cxrgate.rpc.health import HEALTH
from cxrgate.rpc.roles import rpc_names
from cxrgate.rpc.server import Server

ROLE_NAMES = sorted(set(ROLES.identities.values()))


@pytest.mark.parametrize("role", ROLE_NAMES)
def test_each_role_may_call_what_the_matrix_says(role):
    answer, calls = ask(role=role)

    if role in ROLES.rpcs[CHECK]:
        assert calls == 1
    else:
        assert (answer.code(), reason(answer), calls) == (grpc.StatusCode.PERMISSION_DENIED, "ROLE", 0)


@pytest.mark.parametrize(
    ("spiffe_id", "told"),
    [
        ("spiffe://cxrgate/reviewer", ("PERMISSION_DENIED", "ROLE", "spiffe://cxrgate/reviewer")),
        ("spiffe://elsewhere/CANARY", ("UNAUTHENTICATED", "IDENTITY", "unknown")),
    ],
)
def test_a_refused_caller_is_logged_by_identity_where_it_is_known(caplog, monkeypatch, spiffe_id, told):
    monkeypatch.setitem(IDENTITIES, "caller", AUTHORITY.issue(spiffe_id, ()))
    with caplog.at_level(logging.DEBUG, "cxrgate"):
        ask(role="caller")

    refused = [record.args for record in caplog.records if record.msg == "rpc.call_refused"]
    assert refused == [{**dict(zip(("rpc", "code", "reason", "identity"), (CHECK, *told), strict=True)), "count": 1}]


@pytest.mark.parametrize("rpc", [*rpc_names(GATE), *rpc_names(HEALTH)])
def test_an_rpc_that_the_matrix_lacks_fails_the_start(rpc):
    roles = ROLES.model_copy(update={"rpcs": {name: who for name, who in ROLES.rpcs.items() if name != rpc}})

    with pytest.raises(UsageError, match=f"lacks 1 RPCs: {rpc}"):
        Server(IDENTITIES["gate"], roles, [gate(Servicer())])
