"""The page as a process: TLS with our certificates, client certificates of the same authority, nothing else."""

from __future__ import annotations

import ssl
from collections.abc import Callable

import uvicorn

from cxrgate.core import UsageError
from cxrgate.gate.audit import AuditLog
from cxrgate.gate.config import RunConfig
from cxrgate.gate.run import Paths
from cxrgate.gate.withheld import withdraw_withheld
from cxrgate.report.pictures import Pictures
from cxrgate.report.results import read_results
from cxrgate.review.decisions import Decisions
from cxrgate.review.page import Reviewed, make_page
from cxrgate.review.peer import PeerProtocol
from cxrgate.review.queue import Queue
from cxrgate.review.visitors import Visitors
from cxrgate.rpc.process import Listening, read_identity
from cxrgate.rpc.roles import read_roles

GRACE_SECONDS = 5


async def serve_review(
    config: RunConfig, listening: Listening, link_key: bytes, pictures: Pictures | None = None
) -> None:
    """Serve the page of a finished run until SIGTERM.

    What was withheld before is taken out of the released set first, should an earlier process have ended in between.

    Args:
        config: the run's; `review` says where the log lies.
        listening: where, as whom, and the roles file that says who is a reviewer.
        link_key: the key of one-time links.
        pictures: the pixels; None shows none.

    Raises:
        UsageError: no log is configured, the run is not finished, or certificates, roles or address cannot be used.
    """
    if config.review is None:
        raise UsageError("expected `review` in the configuration: the file of the reviewers' log")
    read_identity(listening.certificates)
    results, released = read_results(Paths(config.output).results), Paths(config.output).released
    log = AuditLog(config.review)
    try:

        def withdraw() -> int:
            return withdraw_withheld(released, results.images, log.path)

        withdraw()
        visitors = Visitors(read_roles(listening.roles))
        reviewed = Reviewed(Queue(results), Decisions(log), visitors, link_key, withdraw, pictures)
        await _serve(reviewed, listening)
    finally:
        await log.close()


async def _serve(reviewed: Reviewed, listening: Listening) -> None:
    host, _, port = listening.address.rpartition(":")
    server = uvicorn.Server(
        uvicorn.Config(
            make_page(reviewed),
            host=host,
            port=int(port),
            http=PeerProtocol,
            ws="none",
            lifespan="off",
            access_log=False,  # addresses hold one-time links
            log_config=None,
            server_header=False,
            date_header=True,
            proxy_headers=False,
            timeout_graceful_shutdown=GRACE_SECONDS,
            limit_concurrency=256,
            ssl_certfile=listening.certificates / "tls.crt",
            ssl_keyfile=listening.certificates / "tls.key",
            ssl_ca_certs=listening.certificates / "ca.crt",
            ssl_cert_reqs=ssl.CERT_OPTIONAL,
            ssl_context_factory=_modern_tls,
        )
    )
    await server.serve()


def _modern_tls(_config: uvicorn.Config, default: Callable[[], ssl.SSLContext]) -> ssl.SSLContext:
    context = default()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
