"""Starting a stack: look, make what is missing, build, enrol, start, and wait until it is healthy."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cxrgate.core import UsageError
from cxrgate.index import read_storage_key
from cxrgate.index.store import SnapshotStore
from cxrgate.stack.certified import check_certificate, check_certification
from cxrgate.stack.checks import Plan, look
from cxrgate.stack.compose import Compose
from cxrgate.stack.engine import Engine
from cxrgate.stack.findings import HostFinding, Level
from cxrgate.stack.host import check_port
from cxrgate.stack.model_folders import check_snapshot
from cxrgate.stack.run_folder import check_run
from cxrgate.stack.state import State, container_user
from cxrgate.stack.variables import (
    CERTIFICATION_KEY,
    CONFIG,
    GPU,
    HTTPS,
    INPUTS,
    LISTEN,
    MODELS,
    PROFILE_SERVICES,
    PROFILES,
    PROJECT,
    REGISTRY,
    RUN,
    SENDERS,
    STORAGE_KEY,
    WATCHED,
)
from cxrgate.stack.waiting import SERVICES, Say, wait_until_healthy, wait_until_started

ENDING = frozenset({"certificates", "certification"})
"""The subjects whose warnings a start repeats: the stack ends with them."""


class StackNotStarted(UsageError):
    """What keeps a stack from starting, one line each."""

    def __init__(self, findings: Sequence[HostFinding]) -> None:
        lines = [f"{item.subject}: {item.text}. Remedy: {item.remedy}" for item in findings]
        super().__init__("\n".join(["this host cannot run the stack yet:", *lines]))


@dataclass(frozen=True, slots=True)
class Launch:
    """A start.

    Attributes:
        plan: what is started, see Plan.
        deploy: folder with the compose files and the roles file.
        project: name of the stack on this host.
        hosts: further names and addresses that callers know the gate by.
        images: what to enrol where nothing is enrolled yet: a folder or a CSV file.
        watched: whether the profile `observability` is started as well.
        config: the gate's configuration; None for the one beside the compose files.
        registry: prefix of images that are pulled; empty builds them here.
        certification_key: public key of whoever certifies, without whose certificate nothing is served; None asks for
            none.
        senders: AE titles from which the profile `dicom` takes images; it is not started without.
        reviewed: output folder of the run that the profile `review` shows; None does not start it.
        https: HOST:PORT at which the gate answers over HTTPS and JSON as well; "" for gRPC alone.
    """

    plan: Plan
    deploy: Path
    project: str
    hosts: Sequence[str] = ()
    images: Path | None = None
    watched: bool = False
    config: Path | None = None
    registry: str = ""
    certification_key: Path | None = None
    senders: Sequence[str] = ()
    reviewed: Path | None = None
    https: str = ""

    @property
    def profiles(self) -> list[str]:
        """Of compose.yaml, to be started as well."""
        asked = {WATCHED: self.watched, "dicom": self.senders, "review": self.reviewed}
        return [name for name, wanted in asked.items() if wanted]

    def run(self, say: Say) -> None:
        """Start the stack, or bring one that runs up to date.

        Raises:
            UsageError: it cannot be started, or does not become healthy; the message says what is wrong.
        """
        state, engine = self.plan.state, Engine()
        running = any(item.service == "gate" and item.holds_port for item in engine.states(self.project))
        self._require(look(self.plan), say, running=running)
        more = [*self._certification(), *self._review(), *self._second_port()]
        self._require([self._references(state), *more], say, running=running)
        state.prepare(self.deploy / "roles.yaml", self.hosts)
        state.write_variables(self._choices(), self._limits(engine))
        compose = Compose(self.deploy, state.variables, self.plan.gpu, self.profiles, https=bool(self.https))
        self._fetch(compose, say)
        if not state.enrolled:
            self._enrol(state, say)
        if self.certification_key is not None:
            self._require([check_certificate(state.store, self.certification_key)], say, running=running)
        state.write_variables({INPUTS: compose.inputs(*sorted(self.plan.models.glob("*/model.json")))}, {})
        say("starting")
        self._stop_others(state, engine)
        with compose.begin("up", "--detach", "--quiet-pull", "--no-build", "--remove-orphans") as process:
            wait_until_started(process, engine, self.project)
        wait_until_healthy(engine, self.project, say)

    def _stop_others(self, state: State, engine: Engine) -> None:
        """Compose leaves the services of a profile alone that is not asked for any more."""
        running = {item.service for item in engine.states(self.project)}
        asked = {service for name in self.profiles for service in PROFILE_SERVICES[name]}
        others = sorted(running & {*itertools.chain(*PROFILE_SERVICES.values())} - asked)
        if others:
            Compose(self.deploy, state.variables, profiles=list(PROFILE_SERVICES)).run("rm", "-sf", *others)

    def _choices(self) -> dict[str, str]:
        return {
            PROJECT: self.project,
            LISTEN: self.plan.listen,
            MODELS: str(self.plan.models),
            GPU: "yes" if self.plan.gpu else "",
            PROFILES: ",".join(self.profiles),
            CONFIG: str(self.config or ""),
            REGISTRY: self.registry,
            CERTIFICATION_KEY: str(self.certification_key or ""),
            SENDERS: " ".join(self.senders),
            RUN: str(self.reviewed or ""),
            HTTPS: self.https,
        }

    def _limits(self, engine: Engine) -> dict[str, str]:
        processors = str(engine.facts().processors)
        return {f"CXRGATE_{service.upper()}_CPUS": processors for service in SERVICES}

    def _fetch(self, compose: Compose, say: Say) -> None:
        if self.registry:
            say(f"pulling images from {self.registry}")
            compose.run("pull", "--quiet", *SERVICES)
        else:
            say("building images (the first time takes minutes)")
            compose.run("build", "--quiet", *SERVICES)

    def _references(self, state: State) -> HostFinding:
        if state.enrolled:
            return check_snapshot(state.store, self.plan.models)
        if self.images is not None:
            return HostFinding("references", Level.OK, f"{self.images} is enrolled first")
        remedy = "name the real images with --images, a folder or a CSV file"
        return HostFinding("references", Level.FAIL, "nothing is enrolled yet", remedy)

    def _certification(self) -> list[HostFinding]:
        key = self.certification_key
        return [] if key is None else [check_certification(key, self.config, container_user()[0])]

    def _review(self) -> list[HostFinding]:
        return [] if self.reviewed is None else [check_run(self.reviewed, container_user()[0])]

    def _second_port(self) -> list[HostFinding]:
        return [check_port(self.https, "--https")] if self.https else []

    def _require(self, findings: Sequence[HostFinding], say: Say, *, running: bool) -> None:
        """Nothing failed; a stack that runs listens on its own port, and has its images. What ends soon is said."""
        expected = {"port", "disk"} if running else set()
        failed = [item for item in findings if item.level is Level.FAIL and item.subject not in expected]
        if failed:
            raise StackNotStarted(failed)
        for item in findings:
            if item.level is Level.WARN and item.subject in ENDING:
                say(f"{item.subject}: {item.text}; {item.remedy}")

    def _enrol(self, state: State, say: Say) -> None:
        images = self.images or Path()
        say(f"enrolling {images}")
        folder, listing = (images, "") if images.is_dir() else (images.parent, images.name)
        asked = {"CXRGATE_IMAGES": str(folder), "CXRGATE_LISTING": listing, "CXRGATE_SNAPSHOT": "first"}
        compose = Compose(self.deploy, state.variables, profiles=["enrol"])
        compose.run("run", "--rm", "--no-TTY", "enrol", variables=asked)
        # Named, so that a further snapshot beside it changes nothing until somebody activates that one.
        key = Path(state.read_variables().get(STORAGE_KEY, str(state.storage_key)))
        store = SnapshotStore(state.store, read_storage_key(key))
        store.activate(store.open_active())
        state.hand_over()  # the file that names it was written by this user, which may be root
