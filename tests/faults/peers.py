"""An index service that is frozen, killed or slow, and a link to it that delays, cuts, halves and corrupts."""

from __future__ import annotations

import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

from faults.kills import size
from faults.runs import Running
from faults.tries import Bench, NotTried, Try, until
from support.fault_proxy import FaultProxy
from support.grpc_servers import ROLES_FILE
from support.service_process import INDEX, Process
from typer.testing import CliRunner

from cxrgate.cli.main import app

_TOXICS = {
    "latency": "link with 0.1 s of latency",
    "slicer": "link that passes 400 bytes at a time",
    "reset_peer": "link cut (connections reset)",
    "timeout": "link cut (nothing passes, for 4 s)",
    "half": "link half open (no answer passes, for 4 s)",
    "corrupt": "link that flips a bit",
}
NAME = "remote"


def of_the_index(bench: Bench) -> Iterator[Try | NotTried]:
    """Faults of the service, then of the link, each while images are checked."""
    folder = bench.job.folder
    shutil.copytree(folder / "snapshot", folder / "store/first")
    CliRunner().invoke(app, ["certs", str(folder / "certificates"), "--roles", str(ROLES_FILE)])
    index = Process("index", INDEX, folder, ["cxrgate.cli", "serve", "index", folder / "store"])
    with index.started(), FaultProxy(index.address).listening() as proxy:
        services = {"index": proxy.address, "tls_identity": str(folder / "certificates/gate")}
        for toxic, fault in _TOXICS.items():
            with _checking(bench, services) as running:
                proxy.toxic = toxic
                _while_it_lasts(running, proxy)
                yield bench.resume(fault, NAME, running.wait(), services=services)
        for fault, act in {"index frozen": _freeze, "index killed -9": _kill}.items():
            with _checking(bench, services) as running:
                act(index, 15 if bench.long else 3)
                yield bench.resume(fault, NAME, running.wait(), services=services)
    yield NotTried("link between network namespaces taken down", "the relay stands in for it: nothing passes")


@contextmanager
def _checking(bench: Bench, services: dict[str, str]) -> Iterator[Running]:
    bench.job.clear(NAME)
    running = bench.runs.start(bench.job.config(NAME), services=services)
    until(running, lambda: size(bench.job.output(NAME) / "work/journal.jsonl") > 20_000)
    yield running


def _while_it_lasts(running: Running, proxy: FaultProxy) -> None:
    """Cuts last four seconds; what only delays lasts as long as the run."""
    if proxy.toxic in {"timeout", "half", "reset_peer"}:
        time.sleep(4)
        proxy.toxic = ""
    until(running, lambda: False)
    proxy.toxic = ""


def _freeze(index: Process, seconds: float) -> None:
    index.running.send_signal(signal.SIGSTOP)
    time.sleep(seconds)
    index.running.send_signal(signal.SIGCONT)


def _kill(index: Process, _: float) -> None:
    index.kill()
    index.start()
    index.wait()
