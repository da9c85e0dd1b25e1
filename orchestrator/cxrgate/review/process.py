"""The page as a process: TLS with our certificates, client certificates of the same authority, nothing else."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress

from cxrgate.core import UsageError
from cxrgate.gate.config import RunConfig
from cxrgate.hashlog import HashLog
from cxrgate.review.decisions import Decisions
from cxrgate.review.page import Reviewed, make_page
from cxrgate.review.queue import Queue
from cxrgate.review.visitors import Visitors
from cxrgate.rpc.https.serve import serve_https
from cxrgate.rpc.process import ServiceEndpoint
from cxrgate.rpc.roles import read_roles
from cxrgate.rpc.server import wait_for_signal
from cxrgate.run.paths import Paths
from cxrgate.run.recorded import read_results
from cxrgate.run.withheld import publishing, read_withheld, withdraw_withheld
from cxrgate.run_page.page import write_report
from cxrgate.run_page.pictures import Pictures

_log = logging.getLogger(__name__)


async def serve_review(
    config: RunConfig, listening: ServiceEndpoint, link_key: bytes, pictures: Pictures | None = None
) -> None:
    """Serve the page of a finished run until SIGTERM.

    What was withheld before is taken out of the released set first, should an earlier process have ended in between.
    The run's report is written again whenever an image was withheld, so that both say the same.

    Args:
        config: the run's; `review` says where the log lies.
        listening: where, as whom, and the roles file that says who is a reviewer.
        link_key: the key of one-time links.
        pictures: the pixels; None shows none.

    Raises:
        UsageError: no log is configured, the run is not finished, or certificates, roles or address cannot be used.
    """
    if config.review is None:
        raise UsageError("the configuration has no `review`: name the file of the reviewers' log there")
    paths = Paths(config.output)
    results = read_results(paths.results)
    log = HashLog(config.review)
    try:

        def withdraw() -> int:
            left = withdraw_withheld(paths.released, lambda: read_results(paths.results).images, log.path)
            if left:
                _write_report(config, pictures)
            return left

        if not await asyncio.to_thread(withdraw) and read_withheld(log.path).pixels:
            await asyncio.to_thread(_write_report, config, pictures)
        visitors = Visitors(read_roles(listening.roles))
        invented = config.invented_patients
        reviewed = Reviewed(Queue(results), Decisions(log), visitors, link_key, withdraw, pictures, invented)
        serving = asyncio.create_task(serve_https(make_page(reviewed), listening, certificate_required=False))
        stopped = asyncio.create_task(wait_for_signal())
        await asyncio.wait({serving, stopped}, return_when=asyncio.FIRST_COMPLETED)
        for task in (serving, stopped):
            task.cancel()
        with suppress(asyncio.CancelledError):
            await serving
    finally:
        await log.close()


def _write_report(config: RunConfig, pictures: Pictures | None) -> None:
    """Write the run's report again; where that fails the old one goes, which counts images that are not released."""
    paths, page = Paths(config.output), config.output / "report.html"
    try:
        with publishing(paths.released):  # one at a time: the last one has seen every withdrawal
            shown = pictures if config.include_references else None
            write_report(paths.results, paths.released, page, shown, invented=config.invented_patients)
    except Exception:  # noqa: BLE001 - the image is withheld all the same
        page.unlink(missing_ok=True)
        _log.exception("review.report_failed")
