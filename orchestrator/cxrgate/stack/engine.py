"""The Docker engine of this host: whether it answers, what it has, and the stack's containers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import docker
from docker.errors import DockerException

from cxrgate.core import UsageError

PROJECT_LABEL, SERVICE_LABEL = "com.docker.compose.project", "com.docker.compose.service"


@dataclass(frozen=True, slots=True)
class EngineFacts:
    """What the engine says of itself.

    Attributes:
        version: of the engine.
        processors: how many containers may use.
        memory: bytes that they may use.
        root: where it keeps images, on its own host.
        gpus: whether it can hand GPUs to containers.
    """

    version: str
    processors: int
    memory: int
    root: str
    gpus: bool


@dataclass(frozen=True, slots=True)
class ContainerState:
    """One container: `state` as the engine says, `health` is empty where there is no health check or none was made.

    `container` is its id: a service has two while one takes the other's place.
    """

    service: str
    container: str
    state: str
    health: str
    restarts: int
    exit_code: int

    @property
    def good(self) -> bool:
        """Whether it runs, and is healthy where that is asked."""
        return self.state == "running" and self.health in {"", "healthy"}

    @property
    def holds_port(self) -> bool:
        """Whether it listens, or will at any moment: one that ends again and again does, whatever it is just now."""
        return self.state in {"running", "paused", "restarting"}


class Engine:
    """A connection to the engine that DOCKER_HOST, or the default socket, names."""

    def __init__(self) -> None:
        """Raise UsageError unless an engine answers."""
        try:
            self._client = docker.from_env(timeout=30)
            self._info: dict[str, Any] = self._client.info()
        except DockerException as error:
            raise UsageError(f"no Docker engine answers here, or you may not use it: {error}") from error

    def facts(self) -> EngineFacts:
        """See EngineFacts."""
        runtimes = set(self._info.get("Runtimes") or {})
        devices = [str(device.get("ID", "")) for device in self._info.get("DiscoveredDevices") or []]
        return EngineFacts(
            version=str(self._info["ServerVersion"]),
            processors=int(self._info["NCPU"]),
            memory=int(self._info["MemTotal"]),
            root=str(self._info["DockerRootDir"]),
            gpus="nvidia" in runtimes or any(device.startswith("nvidia.com/gpu") for device in devices),
        )

    def has_image(self, tag: str) -> bool:
        """Whether the image is there."""
        return bool(self._client.images.list(name=tag))

    def states(self, project: str) -> list[ContainerState]:
        """The project's containers that are meant to stay, ordered by service."""
        found = [_state(container.attrs) for container in self._containers(project)]
        return sorted(found, key=lambda item: item.service)

    def log(self, project: str, service: str, lines: int) -> str:
        """The last lines of a service's log; empty where it has no container."""
        found = [item for item in self._containers(project) if item.labels[SERVICE_LABEL] == service]
        return "".join(item.logs(tail=lines).decode(errors="replace") for item in found)

    def _containers(self, project: str) -> list[Any]:
        labels = [f"{PROJECT_LABEL}={project}", "com.docker.compose.oneoff=False"]
        # One may go while it is looked at: Compose is at work.
        found: list[Any] = self._client.containers.list(all=True, filters={"label": labels}, ignore_removed=True)
        return found


def _state(attributes: dict[str, Any]) -> ContainerState:
    state = attributes["State"]
    return ContainerState(
        service=attributes["Config"]["Labels"][SERVICE_LABEL],
        container=str(attributes["Id"]),
        state=str(state["Status"]),
        health=str(state.get("Health", {}).get("Status", "")),
        restarts=int(attributes.get("RestartCount", 0)),
        exit_code=int(state.get("ExitCode", 0)),
    )
