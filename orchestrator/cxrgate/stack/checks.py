"""Everything that is looked at, before a start or by itself."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from cxrgate.core import UsageError
from cxrgate.stack.compose import compose_version
from cxrgate.stack.engine import Engine, EngineFacts
from cxrgate.stack.findings import HostFinding, Level
from cxrgate.stack.host import (
    DISK_BYTES,
    SPARE_BYTES,
    check_certificates,
    check_clock,
    check_disk,
    check_java,
    check_memory,
    check_port,
    check_python,
    host_memory,
)
from cxrgate.stack.model_folders import check_models
from cxrgate.stack.state import State, container_user

LARGEST_IMAGE = "cxrgate-models:local"
"""Where it is there, the others are as well, and building again is a matter of megabytes."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a stack is to be started with; see `cxrgate stack up`."""

    state: State
    models: Path
    listen: str
    gpu: bool


def look(plan: Plan) -> list[HostFinding]:
    """One finding for everything that can keep the stack from starting, or from running well."""
    first = [check_python(), check_java()]
    try:
        docker = Engine()
    except UsageError as error:
        remedy = "install Docker Engine 20.10 or newer, start it, and add yourself to the group docker"
        engine = [
            HostFinding("docker", Level.FAIL, str(error), remedy),
            check_memory(host_memory(), os.cpu_count() or 1),
        ]
        return [*first, *engine, check_disk(plan.state.folder, DISK_BYTES), *_rest(plan)]
    facts = docker.facts()
    engine = [_engine(facts), check_gpu(facts, asked=plan.gpu), check_memory(facts.memory, facts.processors)]
    needed = SPARE_BYTES if docker.has_image(LARGEST_IMAGE) else DISK_BYTES
    return [*first, *engine, check_disk(Path(facts.root), needed), *_rest(plan)]


def check_gpu(facts: EngineFacts, *, asked: bool) -> HostFinding:
    """Whether containers can have GPUs, and whether they are to."""
    driver = shutil.which("nvidia-smi") is not None
    if facts.gpus:
        text = "the engine hands GPUs out"
        return HostFinding("gpu", Level.OK, text if asked else f"{text}; `cxrgate stack up --gpu` uses them")
    text = "the engine hands no GPUs out" + ("" if driver else ", and there is no driver (nvidia-smi)")
    remedy = "install the NVIDIA driver and the NVIDIA Container Toolkit"
    if asked:
        return HostFinding("gpu", Level.FAIL, text, f"{remedy}, or leave --gpu out: processors do the same, slower")
    return HostFinding("gpu", Level.WARN, text, f"none are needed; to use some, {remedy}")


def _engine(facts: EngineFacts) -> HostFinding:
    compose = compose_version()
    if compose is None:
        remedy = "install the package docker-compose-plugin"
        return HostFinding("docker", Level.FAIL, f"engine {facts.version}, without Compose", remedy)
    return HostFinding("docker", Level.OK, f"engine {facts.version}, Compose {compose}")


def _rest(plan: Plan) -> list[HostFinding]:
    return [
        check_port(plan.listen),
        check_clock(),
        check_certificates(plan.state.certificates),
        check_models(plan.models, container_user()[0]),
    ]
