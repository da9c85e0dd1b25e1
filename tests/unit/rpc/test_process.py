import asyncio
from dataclasses import replace

import pytest
from acting_gate import Servicer, gate
from grpc_set import IDENTITIES, ROLES_FILE

from cxrgate.core import UsageError
from cxrgate.rpc.certs import write_identity
from cxrgate.rpc.process import Listening, serve


def test_file_that_holds_no_certificate_is_named(tmp_path):
    write_identity(tmp_path / "gate", replace(IDENTITIES["gate"], certificate=b"none"))
    listening = Listening("127.0.0.1:0", tmp_path / "gate", ROLES_FILE)

    with pytest.raises(UsageError, match=r"expected a certificate in tls\.crt"):
        asyncio.run(serve(listening, [gate(Servicer())]))
