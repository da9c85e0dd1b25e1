"""`python -m cxrgate.index`: the index service without the command line, and so without torch in its process."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from cxrgate.core import CxrgateError
from cxrgate.index.engines.engine import EngineName
from cxrgate.index.service.process import serve_index
from cxrgate.rpc.logs import log_to_stderr
from cxrgate.rpc.process import ServiceEndpoint


def main() -> int:
    """Serve; the options are those of `cxrgate serve index`."""
    parser = argparse.ArgumentParser(prog="python -m cxrgate.index", description="Serve the index over gRPC with mTLS.")
    parser.add_argument("store", type=Path, help="folder whose subfolders are snapshots")
    parser.add_argument("--certificates", type=Path, required=True, help="folder with tls.crt, tls.key and ca.crt")
    parser.add_argument("--roles", type=Path, required=True, help="roles file")
    parser.add_argument("--listen", default="127.0.0.1:7443", help="HOST:PORT")
    parser.add_argument("--metrics", help="HOST:PORT of the Prometheus metrics, or PORT on loopback")
    parser.add_argument("--engine", type=EngineName, choices=list(EngineName), default=EngineName.CODES)
    parser.add_argument("--certification-key", type=Path, help="public key; without it no certificate is asked for")
    parser.add_argument("--storage-key", type=Path, help="key that the store is sealed with; without it it is not")
    given = parser.parse_args()
    log_to_stderr()
    listening = ServiceEndpoint(given.listen, given.certificates, given.roles, given.metrics)
    try:
        task = serve_index(given.store, given.engine, listening, given.certification_key, given.storage_key)
        asyncio.run(task)
    except CxrgateError as error:
        sys.stderr.write(f"cxrgate: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
