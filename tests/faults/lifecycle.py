"""Index, gate and a caller as processes: started in any order, drained, upgraded, with other TLS identities, snapshots.

A caller streams the whole job through the gate each time, and something happens in the middle. Every image gets the
answer that a run without faults gives it.
"""

from __future__ import annotations

import random
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import permutations
from pathlib import Path

import pandas as pd
from faults.disks import NO_DISK, fill, small_disk
from faults.kills import SEED
from faults.tries import Bench, Form, NotTried, Try
from grpc_health.v1 import health_pb2, health_pb2_grpc
from support.grpc_servers import ROLES, ROLES_FILE
from support.service_process import GATE, INDEX, Process

from cxrgate.api.index.v1 import index_service_pb2 as pb
from cxrgate.api.index.v1 import index_service_pb2_grpc as stubs
from cxrgate.client import Gate, GateError, Image, Verdict
from cxrgate.core import CxrgateError
from cxrgate.hashlog import verify_log
from cxrgate.index import Snapshot
from cxrgate.rpc.channel import Identity, open_channel
from cxrgate.rpc.development_ca import LOCAL, SERVERS, Authority, write_identity

ASKED = 40
"""Images that are asked about while the log has no room; its last block takes a few lines yet."""
STREAM_SECONDS, READY_SECONDS, EXPIRY_SECONDS, TRUTH_SECONDS = 4.0, 10.0, 40.0, 2.0
"""What a stream without faults takes at least, within which readiness follows, after which an identity is over, and
within which readiness tells of what the gate itself knows."""


@dataclass(slots=True)
class Stack:
    """The services, the caller's images, and the answers that these get without faults."""

    folder: Path
    images: list[Image]
    expected: Mapping[str, str]
    index: Process
    gate: Process
    authority: Authority
    trusted: list[Authority] = field(default_factory=list)

    @property
    def log(self) -> Path:
        """The gate's."""
        return self.folder / "gate log/gate.log"

    @property
    def services(self) -> tuple[Process, Process]:
        """In the order in which they are usually started."""
        return self.index, self.gate

    def identity(self, name: str) -> Identity:
        """As it lies on the disk."""
        return Identity.read(self.folder / "certificates" / name)

    def policy(self) -> str:
        """The digest of the policy in force; "" while there is none."""
        try:
            with Gate(self.gate.address, self.identity("generator")) as gate:
                return gate.policy().digest
        except GateError:
            return ""

    def write_identities(self, valid: timedelta = timedelta(days=1)) -> None:
        """New TLS identities for everybody, who trust the authorities that are trusted now."""
        shutil.rmtree(self.folder / "certificates", ignore_errors=True)
        pem = b"".join(authority.issue(None).authority for authority in self.trusted)
        for spiffe_id, role in ROLES.identities.items():
            issued = self.authority.issue(spiffe_id, LOCAL if role in SERVERS else (), valid)
            write_identity(self.folder / "certificates" / spiffe_id.rsplit("/", 1)[-1], replace(issued, authority=pem))


class Caller:
    """Streams all images from a thread; `answered` of them have their verdict."""

    def __init__(self, stack: Stack) -> None:
        self._stack, self._identity = stack, stack.identity("generator")
        self.found: list[Verdict] = []
        self.error: GateError | None = None
        self._thread = threading.Thread(target=self._stream)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def _stream(self) -> None:
        try:
            with Gate(self._stack.gate.address, self._identity) as gate:
                for verdict in gate.check_many(self._source()):
                    self.found.append(verdict)
        except GateError as error:
            self.error = error

    def _source(self) -> Iterator[Image]:
        for image in self._stack.images:
            time.sleep(STREAM_SECONDS / len(self._stack.images))
            yield image

    def until_under_way(self) -> None:
        """Until a part of the images has been answered."""
        while self._thread.is_alive() and len(self.found) < len(self._stack.images) // 4:
            time.sleep(0.01)

    def violations(self) -> list[str]:
        """Wait for the end. What failed while something was away is asked once more; nothing of it was released."""
        self._thread.join()
        if self.error is not None:
            return [f"the stream was given up: {self.error}"]
        told = []
        if [item.image_id for item in self.found] != [image.image_id for image in self._stack.images]:
            told.append("the answers are not one to each image, in order")
        wrong = [item for item in self.found if str(item.decision) != self._stack.expected[item.image_id]]
        told += [f"{item.image_id}: {item.decision} by a fault" for item in wrong if item.error is None][:3]
        failed = {item.image_id for item in wrong}
        with Gate(self._stack.gate.address, self._stack.identity("generator")) as gate:
            again = list(gate.check_many([image for image in self._stack.images if image.image_id in failed]))
        told += [
            f"{item.image_id}: {item.decision} instead of {self._stack.expected[item.image_id]}"
            for item in again
            if str(item.decision) != self._stack.expected[item.image_id]
        ][:3]
        return told


def of_services(bench: Bench) -> Iterator[Try | NotTried]:
    """Everything that happens to services while a caller goes on."""
    rng = random.Random(SEED)
    with _stack(bench) as stack:
        orders = list(permutations(["index", "gate", "caller"]))
        for order in bench.pick(orders[-1:], orders[1::2], orders):
            yield _started_in_order(stack, order)
        yield _in_the_middle(stack, "gate and index upgraded in mid-job", lambda: _upgrade(stack, rng))
        if bench.form is not Form.SHORT:
            yield from _more(bench, stack, rng)


def _more(bench: Bench, stack: Stack, rng: random.Random) -> Iterator[Try | NotTried]:
    """What the short form has no time for."""
    for _ in range(bench.pick(0, 3, 20)):
        yield _in_the_middle(stack, "SIGTERM to the gate, and a new one", lambda: _renew(stack.gate, rng))
    yield _in_the_middle(stack, "SIGTERM twice to the gate, and a new one", lambda: _renew(stack.gate, rng, 2))
    yield _in_the_middle(stack, "SIGTERM while the gate starts, and a new one", lambda: _end_at_start(stack, rng))
    yield _in_the_middle(stack, "gate killed -9, and a new one", lambda: _kill(stack.gate))
    yield _full_log(stack, rng)
    yield _swapped(bench, stack)
    yield from _authority_changed(stack, rng)
    yield _expired(stack, rng)


def _in_the_middle(stack: Stack, fault: str, act: Callable[[], list[str]]) -> Try:
    """Let something happen under a stream. Recovered is who is ready again."""
    caller = Caller(stack)
    caller.start()
    caller.until_under_way()
    started = time.monotonic()
    told = act()
    for service in stack.services:
        service.wait()
    seconds = time.monotonic() - started
    return Try(fault, (*told, *caller.violations(), *_log(stack)), seconds)


def _started_in_order(stack: Stack, order: tuple[str, ...]) -> Try:
    for service in stack.services:
        service.kill()
    caller, started = Caller(stack), time.monotonic()
    told: list[str] = []
    for name in order:
        {"index": stack.index.start, "gate": stack.gate.start, "caller": caller.start}[name]()
        if name != "caller":
            getattr(stack, name).wait(ready=False)
        if name == "gate" and "index" not in order[: order.index("gate")] and _is_ready(stack):
            told.append("the gate calls itself ready without an index")
    stack.index.wait()
    index_is_there = time.monotonic()
    stack.gate.wait()
    if time.monotonic() - index_is_there > READY_SECONDS and order[-1] != "gate":
        told.append(f"the gate is ready only {time.monotonic() - index_is_there:.1f} s after its index")
    seconds = time.monotonic() - started
    return Try(f"started in the order {', '.join(order)}", (*told, *caller.violations(), *_log(stack)), seconds)


def _is_ready(stack: Stack) -> bool:
    with open_channel(stack.gate.address, stack.identity("monitor")) as channel:
        asked = health_pb2.HealthCheckRequest(service=GATE)
        status = health_pb2_grpc.HealthStub(channel).Check(asked, timeout=30).status
    return bool(status == health_pb2.HealthCheckResponse.SERVING)


def _renew(service: Process, rng: random.Random, signals: int = 1) -> list[str]:
    """SIGTERM at a random moment, and the same service anew once it has ended in order."""
    time.sleep(rng.uniform(0, 0.5))
    for _ in range(signals):
        service.running.send_signal(signal.SIGTERM)
        time.sleep(0.05)
    code = service.running.wait(60)
    service.start()
    return [f"a service ended with {code} on SIGTERM"] if code else []


def _kill(service: Process) -> list[str]:
    service.kill()
    service.start()
    return []


def _upgrade(stack: Stack, rng: random.Random) -> list[str]:
    return [*_renew(stack.index, rng), *_renew(stack.gate, rng)]


def _end_at_start(stack: Stack, rng: random.Random) -> list[str]:
    """One that has not begun to listen just ends; nothing that it leaves keeps the next one from starting."""
    stack.gate.kill()
    stack.gate.start()
    time.sleep(rng.uniform(0, 2))
    stack.gate.running.send_signal(signal.SIGTERM)
    code = stack.gate.running.wait(60)
    stack.gate.start()
    return [] if code in {0, -signal.SIGTERM} else [f"a gate that starts ended with {code} on SIGTERM"]


def _full_log(stack: Stack, rng: random.Random) -> Try | NotTried:
    """No room for the gate's log: nothing is answered without it, and a gate with room again goes on with it."""
    fault, place, kept = "disk under the gate's log filled", stack.log.parent, stack.folder / "kept log"
    stack.gate.stop()
    place.rename(kept)
    place.mkdir()
    with small_disk(place, 64) as mounted:
        found = _on_a_full_disk(stack, fault, kept, rng) if mounted else NotTried(fault, NO_DISK)
        stack.gate.stop()
        if mounted:
            shutil.copytree(place, kept, dirs_exist_ok=True)
    place.rmdir()
    kept.rename(place)
    stack.gate.start()
    stack.gate.wait()
    return found


def _on_a_full_disk(stack: Stack, fault: str, kept: Path, rng: random.Random) -> Try:
    shutil.copytree(kept, stack.log.parent, dirs_exist_ok=True)
    stack.gate.start()
    stack.gate.wait()

    def act() -> list[str]:
        ballast = stack.log.parent / "ballast"
        fill(ballast)
        # The last block of the log may have room for a few.
        answered = []
        with Gate(stack.gate.address, stack.identity("generator")) as gate:
            for image in stack.images[:ASKED]:
                with suppress(GateError):
                    answered.append(gate.check(image.content, image.image_id))
        log = stack.log.read_bytes()
        told = [
            f"{item.image_id} was answered, and the log does not say so"
            for item in answered
            if item.error is None and item.receipt.encode() not in log
        ]
        time.sleep(TRUTH_SECONDS)
        if len(answered) == ASKED or _is_ready(stack):
            told.append("the gate calls itself ready without a log")
        ballast.unlink()
        return [*told[:3], *_renew(stack.gate, rng)]

    return _in_the_middle(stack, fault, act)


def _swapped(bench: Bench, stack: Stack) -> Try:
    """Another snapshot of the same references is activated: the stream goes on under its policy."""
    job = replace(bench.job, snapshot_name="second")
    bench.runs.start(job.config("second whole")).wait()
    shutil.copytree(job.snapshot, stack.folder / "lifecycle store/second")
    digest = Snapshot.open(job.snapshot).manifest.digest

    def activate() -> list[str]:
        before = stack.policy()
        with open_channel(stack.index.address, stack.identity("curator")) as channel:
            request = pb.ActivateSnapshotRequest(index_digest=digest)
            stubs.IndexServiceStub(channel).ActivateSnapshot(request, timeout=60)
        end = time.monotonic() + READY_SECONDS
        while stack.policy() == before:
            if time.monotonic() > end:
                return [f"the gate does not follow the index within {READY_SECONDS:g} s"]
            time.sleep(0.1)
        return []

    return _in_the_middle(stack, "another snapshot activated under a stream", activate)


def _authority_changed(stack: Stack, rng: random.Random) -> Iterator[Try]:
    """Without a gap, as the manual says: trust both, come with the new one, trust the new one alone."""
    old, new = stack.authority, Authority.create()
    steps = {"both trusted": (old, [old, new]), "new identities": (new, [old, new]), "new one alone": (new, [new])}
    for step, (authority, trusted) in steps.items():

        def act(authority: Authority = authority, trusted: list[Authority] = trusted) -> list[str]:
            stack.authority, stack.trusted = authority, trusted
            stack.write_identities()
            return _upgrade(stack, rng)

        yield _in_the_middle(stack, f"TLS authority changed: {step}", act)


def _expired(stack: Stack, rng: random.Random) -> Try:
    """A TLS identity ends while callers are connected: nobody new comes in until the services have another."""
    stack.write_identities(timedelta(seconds=EXPIRY_SECONDS))
    ends = time.monotonic() + EXPIRY_SECONDS
    _upgrade(stack, rng)
    for service in stack.services:
        service.wait()

    def act() -> list[str]:
        time.sleep(max(0.0, ends - time.monotonic()) + 1)
        told = []
        with suppress(GateError), Gate(stack.gate.address, stack.identity("generator"), 5) as late:
            late.policy()
            told.append("a caller came in over a TLS identity that had ended")
        stack.write_identities()
        return [*told, *_upgrade(stack, rng)]

    return _in_the_middle(stack, "TLS identity over while callers are connected, and another", act)


def _log(stack: Stack) -> list[str]:
    try:
        verify_log(stack.log)
    except CxrgateError as error:
        return [f"the gate's log does not hold: {error}"]
    return []


@contextmanager
def _stack(bench: Bench) -> Iterator[Stack]:
    folder, authority = bench.job.folder, Authority.create()
    roles = folder / "lifecycle roles.yaml"
    quotas = "{images_per_day: 10000000, images_per_second: 10000000}"
    roles.write_text(ROLES_FILE.read_text().replace("{images_per_day: 10000, images_per_second: 50}", quotas))
    shutil.copytree(bench.job.snapshot, folder / "lifecycle store/first")
    config = bench.job.config("lifecycle")
    serve = ["support.null_cli", "serve"]
    index = Process("index", INDEX, folder, [*serve, "index", folder / "lifecycle store"], roles=roles)
    gate_command = [*serve, "gate", config, "--log", folder / "gate log/gate.log", "--index", index.address]
    gate = Process("gate", GATE, folder, gate_command, roles=roles)
    stack = Stack(folder, _images(bench), _expected(bench), index, gate, authority, [authority])
    stack.write_identities()
    with ExitStack() as ends:
        for service in stack.services:
            service.start()
            ends.callback(service.kill)
        for service in stack.services:
            service.wait()
        yield stack


def _images(bench: Bench) -> list[Image]:
    root = bench.job.folder / "synthetic"
    return [Image((root / name).read_bytes(), _asked_as(name)) for name in sorted(bench.job.listed)]


def _expected(bench: Bench) -> Mapping[str, str]:
    results = pd.read_parquet(bench.job.output("whole") / "results/results.parquet")
    return {_asked_as(row.image_id): row.decision for row in results.itertuples()}


def _asked_as(name: str) -> str:
    return name.replace("/", "-").replace(" ", "-")  # a gate takes no spaces in ids
