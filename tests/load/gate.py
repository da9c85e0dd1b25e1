"""The program of the gate under load: `cxrgate serve gate` with null models. Its arguments: FOLDER ADDRESS CORES."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from support.null_models import null_models

from cxrgate.core.threads import run_with_threads
from cxrgate.gate.config import read_config
from cxrgate.gate.opening import IN_THIS_PROCESS
from cxrgate.gateway.process import serve_gate
from cxrgate.rpc.logs import log_to_stderr
from cxrgate.rpc.process import ServiceEndpoint


def main() -> None:
    """Serve until SIGTERM, on the cores that are named."""
    folder, address, cores = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    os.sched_setaffinity(0, {int(core) for core in cores.split(",")})
    log_to_stderr()
    listening = ServiceEndpoint(address, folder / "certificates/gate", folder / "roles.yaml")
    with null_models():
        run_with_threads(serve_gate(read_config(folder / "gate.yaml"), listening, folder / "gate.log", IN_THIS_PROCESS))


if __name__ == "__main__":
    main()
