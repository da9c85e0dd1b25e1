"""An index and a model server, frozen, killed or wrong, and links to them that delay, cut, halve and corrupt."""

from __future__ import annotations

import shutil
import signal
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from faults.certified import certify
from faults.model_server import ModelServer
from faults.namespaces import HERE, Within, namespace, set_link, why_not
from faults.runs import Running
from faults.tries import Bench, NotTried, Try, released, until
from support.fake_torchserve import REFUSALS, WAYS
from support.fault_proxy import FaultProxy
from support.grpc_servers import ROLES_FILE
from support.service_process import INDEX, Process
from typer.testing import CliRunner

from cxrgate.cli.main import app

_LASTS = {
    "latency": "0.1 s of latency",
    "jitter": "up to 0.1 s of latency",
    "slicer": "400 bytes at a time",
    "corrupt": "a flipped bit",
}
_FOR_A_WHILE = {
    "bandwidth": "16 KiB a second",
    "limit_data": "cuts after 20 kB",
    "reset_peer": "resets",
    "slow_close": "an end that is not told (half-close)",
    "half": "no answers",
    "timeout": "nothing passes",
}
"""Toxics of the relay, and what they are called in the table; the second ones end while the run waits."""


@dataclass(frozen=True, slots=True)
class Peer:
    """Who answers a run, through a relay; `more` goes to the starter, and `settings` to the configuration."""

    who: str
    process: Process | ModelServer
    proxy: FaultProxy
    more: Mapping[str, Any]
    settings: Mapping[str, object]

    def checking(self, bench: Bench) -> Running:
        """A run that has begun to check."""
        return bench.checking(self.who, settings=self.settings, **self.more)

    def resume(self, bench: Bench, fault: str, running: Running, *, lost: bool = False) -> Try:
        """See Bench.resume."""
        ended = running.wait()
        return bench.resume(f"{self.who}: {fault}", self.who, ended, lost=lost, settings=self.settings, **self.more)


def of_the_index(bench: Bench) -> Iterator[Try]:
    """An index service."""
    with index_of(bench, "store").started() as index, FaultProxy(index.address).listening() as proxy:
        services = {"index": proxy.address, "tls_identity": str(bench.job.folder / "certificates/gate")}
        yield from _fall(bench, Peer("index", index, proxy, {"services": services}, {}))


def of_the_model_server(bench: Bench) -> Iterator[Try]:
    """A server that speaks as TorchServe does, and a run that must be certified."""
    bench, settings = _certified(bench)
    with ModelServer(bench.job.folder).started() as server, FaultProxy(server.address).listening() as proxy:
        peer = Peer("model server", server, proxy, {"services": {"models": proxy.address}, "served": True}, settings)
        yield from _fall(bench, peer)
        unscored = "without numbers"
        orders = {", ".join(ways): ways for ways in (list(REFUSALS), [way for way in WAYS if way != unscored])}
        orders["no answer for one image, each of 32 in turn"] = [f"item {number}" for number in range(32)]
        for fault, ways in bench.some({unscored: [unscored], **orders}.items()):
            running = peer.checking(bench)
            server.order(ways)
            running.wait()
            server.order([])  # what is left of them
            yield peer.resume(bench, f"answers {fault}", running)


def over_a_cut_link(bench: Bench) -> Iterator[Try | NotTried]:
    """Index and model server in a network namespace, whose link is taken down while images are checked."""
    if told := why_not():
        yield NotTried("index and model server: link between namespaces down", told)
        return
    bench, settings = _certified(bench)
    with (
        namespace() as within,
        index_of(bench, "store behind a link", within).started() as index,
        ModelServer(bench.job.folder, within).started() as server,
    ):
        identity = str(bench.job.folder / "certificates/gate")
        services = {"index": index.address, "models": server.address, "tls_identity": identity}
        more, unused = {"services": services, "served": True}, FaultProxy(index.address)
        peer = Peer("index and model server", index, unused, more, settings)
        for seconds in bench.pick((2,), (4,), (4, 30)):
            running = peer.checking(bench)
            set_link(up=False)
            time.sleep(seconds)
            set_link(up=True)
            yield peer.resume(bench, f"link between namespaces down for {seconds} s", running)


def _fall(bench: Bench, peer: Peer) -> Iterator[Try]:
    """Faults of the link, then of the process, each while images are checked."""
    for toxic, fault in bench.some({**_LASTS, **_FOR_A_WHILE}.items()):
        running = peer.checking(bench)
        peer.proxy.toxic = toxic
        _while_it_lasts(running, peer.proxy, bench.pick(2, 4, 4))
        yield peer.resume(bench, f"link with {fault}", running)
    for fault, act in bench.some({"frozen (SIGSTOP)": _freeze, "killed -9": _kill}.items()):
        running = peer.checking(bench)
        act(peer, bench.pick(1, 3, 15))
        yield peer.resume(bench, fault, running)


def _while_it_lasts(running: Running, proxy: FaultProxy, seconds: float) -> None:
    if proxy.toxic in _FOR_A_WHILE:
        time.sleep(seconds)
        proxy.toxic = ""
    until(running, lambda: False)
    proxy.toxic = ""


def _freeze(peer: Peer, seconds: float) -> None:
    peer.process.running.send_signal(signal.SIGSTOP)
    time.sleep(seconds)
    peer.process.running.send_signal(signal.SIGCONT)


def _kill(peer: Peer, _: float) -> None:
    peer.process.kill()
    peer.process.start()
    peer.process.wait()


def index_of(bench: Bench, store_name: str, within: Within = HERE) -> Process:
    """An index over the job's snapshot in a new store, with certificates for where it runs."""
    folder = bench.job.folder
    store, certificates = folder / store_name, folder / "certificates"
    shutil.copytree(bench.job.snapshot, store / "first")
    shutil.rmtree(certificates, ignore_errors=True)
    made = CliRunner().invoke(app, ["certs", str(certificates), "--roles", str(ROLES_FILE), "--host", within.host])
    if made.exit_code:
        raise RuntimeError(made.output)
    return Process("index", INDEX, folder, ["cxrgate.cli", "serve", "index", store], within.host, within.words)


def _certified(bench: Bench) -> tuple[Bench, Mapping[str, object]]:
    """The same job over a certified snapshot of its own, and a run of it in this process without faults.

    The models that a server has are sent resized pixels, so that their rows are other ones.
    """
    job = replace(bench.job, snapshot_name="served")
    if not job.snapshot.exists():
        _whole(bench, job, {})
        certify(job, "served whole", served=True)
    settings = {"certification": "required", "certification_key": str(job.folder / "signing.pub")}
    _whole(bench, job, settings)
    return replace(bench, job=job, expected=released(job.output("served whole"))), settings


def _whole(bench: Bench, job: Any, settings: Mapping[str, object]) -> None:
    ended = bench.runs.start(job.config("served whole", **settings), served=True).wait()
    if not ended.get("done"):
        raise RuntimeError(f"expected the run without faults to end well, got {ended}")
