"""A finished run of invented images with a released set, and the page over it."""

from __future__ import annotations

import asyncio
import re

import numpy as np
from starlette.testclient import TestClient

from cxrgate.hashlog import HashLog
from cxrgate.review.decisions import Decisions
from cxrgate.review.page import Reviewed, make_page
from cxrgate.review.queue import Queue
from cxrgate.review.visitors import Visitors
from cxrgate.run.recorded import read_results
from cxrgate.run.release import publish, stage
from cxrgate.run.withheld import withdraw_withheld
from support.grpc_servers import ROLES
from support.run_results import checked, digest, write_results

KEY = bytes(32)
REVIEWER = "spiffe://cxrgate/reviewer"
ROWS = [
    checked("a/clear.png", score=0.1),
    checked("a/near.png", score=0.45),
    checked("a/nearest.png", score=0.48),
    checked("b/same.png", "No_Finding", score=0.9),
    checked("b/copy.png", "No_Finding", score=0.2, similarity=0.99),
]


def write_run(folder, renamed=None):
    """Results of five images and the released three; number 1 of the queue is a/nearest.png, 2 a/near.png."""
    rows = [{**row, "pixel_digest": digest(100 + place)} for place, row in enumerate(ROWS)]
    for row in rows:
        row["image_id"] = (renamed or {}).get(row["image_id"], row["image_id"])
    released = {}
    for row in rows:
        row["released_as"] = row["image_id"] if row["released_as"] else ""
        if row["released_as"]:
            released[row["image_id"]] = stage(folder / "staged", row["image_id"], row["image_id"].encode())
    publish(folder / "staged", folder / "released", released, {"checked": len(rows)})
    return write_results(folder / "results", rows)


class Gradients:
    """Stands for pixels that may be shown."""

    def synthetic(self, image_id, pixel_digest):
        return np.tile(np.linspace(0, 255, 64).astype(np.uint8), (64, 1))

    def reference(self, reference_id):
        return np.tile(np.linspace(255, 0, 64).astype(np.uint8), (64, 1))


def reviewed(folder, log, pictures=None, *, invented=False):
    """What the page shows of the run in `folder`."""
    results = read_results(folder / "results")

    def withdraw():
        return withdraw_withheld(folder / "released", lambda: read_results(folder / "results").images, log.path)

    return Reviewed(Queue(results), Decisions(log), Visitors(ROLES), KEY, withdraw, pictures, invented)


class Browser(TestClient):
    """A client as `peer`, the identity that the TLS layer would have found; None without a certificate."""

    def __init__(self, app, peer=None):
        async def introduced(scope, receive, send):
            scope.setdefault("state", {})["peer"] = peer
            await app(scope, receive, send)

        super().__init__(
            introduced, base_url="https://page.test", follow_redirects=False, raise_server_exceptions=False
        )

    def form(self, number):
        """The hidden fields of a case's form."""
        return dict(re.findall(r'name="(csrf|pixels|policy)" value="([^"]*)"', self.get(f"/cases/{number}").text))

    def decide(self, number, choice, reason=""):
        """Fill in the form of a case as it was served, and send it."""
        return self.post(f"/cases/{number}", data={**self.form(number), "choice": choice, "reason": reason})


_LOGS = {}


def open_page(folder, pictures=None, **more):
    """The page over the run in `folder`, with a log that may exist already; the page before it has ended then."""
    path = folder / "review.log"
    if path in _LOGS:
        asyncio.run(_LOGS.pop(path).close())
    _LOGS[path] = HashLog(path)
    return make_page(reviewed(folder, _LOGS[path], pictures, **more))
