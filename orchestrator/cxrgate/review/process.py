"""The page as a process: TLS with our certificates, client certificates of the same authority, nothing else."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from cxrgate.core import UsageError
from cxrgate.gate.audit import AuditLog
from cxrgate.gate.config import RunConfig
from cxrgate.gate.run import Paths
from cxrgate.gate.withheld import withdraw_withheld
from cxrgate.report.pictures import Pictures
from cxrgate.report.results import read_results
from cxrgate.review.decisions import Decisions
from cxrgate.review.page import Reviewed, make_page
from cxrgate.review.queue import Queue
from cxrgate.review.visitors import Visitors
from cxrgate.rpc.https import serve_https
from cxrgate.rpc.process import Listening
from cxrgate.rpc.roles import read_roles
from cxrgate.rpc.server import wait_for_signal


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
    results, released = read_results(Paths(config.output).results), Paths(config.output).released
    log = AuditLog(config.review)
    try:

        def withdraw() -> int:
            return withdraw_withheld(released, results.images, log.path)

        withdraw()
        visitors = Visitors(read_roles(listening.roles))
        reviewed = Reviewed(Queue(results), Decisions(log), visitors, link_key, withdraw, pictures)
        serving = asyncio.create_task(serve_https(make_page(reviewed), listening, certificate_required=False))
        stopped = asyncio.create_task(wait_for_signal())
        await asyncio.wait({serving, stopped}, return_when=asyncio.FIRST_COMPLETED)
        for task in (serving, stopped):
            task.cancel()
        with suppress(asyncio.CancelledError):
            await serving
    finally:
        await log.close()
