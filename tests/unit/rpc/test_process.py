import asyncio
from dataclasses import replace

import pytest
from support.acting_gate import Servicer, gate
from support.grpc_servers import IDENTITIES, ROLES_FILE

from cxrgate.core import UsageError
from cxrgate.rpc.development_ca import write_identity
from cxrgate.rpc.process import ServiceEndpoint, serve


def test_file_that_holds_no_certificate_is_named(tmp_path):
    write_identity(tmp_path / "gate", replace(IDENTITIES["gate"], certificate=b"none"))
    listening = ServiceEndpoint("127.0.0.1:0", tmp_path / "gate", ROLES_FILE)

    with pytest.raises(UsageError, match=r"tls\.crt holds no certificate"):
        asyncio.run(serve(listening, [gate(Servicer())]))
