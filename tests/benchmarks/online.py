"""How long a caller waits for one image, beside the bare forwards of one image.

The shipped models behind `cxrgate serve gate`, with mTLS and the hash log, asked by CheckImage: one image per call, at
70 per cent of what the gate can do, which is measured just before with many calls in flight. The baseline is the
forwards of one image that the gate computes, too, one after the other in a process without anything else. Rounds
alternate; a ratio is one of medians in the same round, and the key is the rounds' median. Caller, gate and decode
workers share the cores.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import yaml
from benchmarks.pipeline.inputs import STORE, noisy, write_references
from benchmarks.runtimes import KINDS
from support.grpc_servers import ROLES_FILE
from support.service_process import GATE, Process

from cxrgate.client import AsyncGate
from cxrgate.core.allocator import keep_freed_memory
from cxrgate.gate.config import ModelFolders, read_config
from cxrgate.gate.local import local_models
from cxrgate.images.codec.encode import encode_png
from cxrgate.models.runtimes.forward import Forward, open_forward
from cxrgate.models.verifier import IdentityVerifier
from cxrgate.rpc.channel import Identity
from cxrgate.rpc.development_ca import write_development_certificates
from cxrgate.run.run import run

SIDE = 224
PICTURES = 64
"""Different ones, so that the near-duplicate watch has no reason for an alarm."""
IN_FLIGHT = 32
LOAD = 0.7
WARM_UP = 32
ROLES = ("gate", "generator", "monitor")


def write_inputs(folder: Path) -> Path:
    """References and a set of one image, whose run makes the snapshot; a configuration, certificates, and roles."""
    write_references(folder, SIDE)
    (folder / "synthetic").mkdir()
    (folder / "synthetic/0.png").write_bytes(encode_png(noisy(1000, SIDE)))
    config = folder / "gate.yaml"
    content = {
        "synthetic": "synthetic",
        "output": "out",
        "snapshot": "snapshot",
        "models": str(STORE),
        "enrol": {"images": "real.csv", "key": "key", "reference_map": "map.csv"},
        # Invented pictures are no radiographs, and nothing is to be spared for them.
        "policy": {
            "score_threshold": 1.0,
            "copy_threshold": None,
            "minimum_typicality": -1,
            "minimum_frontality": None,
        },
    }
    config.write_text(yaml.safe_dump(content))
    run(read_config(config))
    names = {f"spiffe://cxrgate/{name}": name for name in ROLES}
    write_development_certificates(folder / "certificates", names, ("localhost", "127.0.0.1"))
    roles = yaml.safe_load(ROLES_FILE.read_text())
    roles["quotas"] = {
        "generator": {"images_per_day": 10**6, "images_per_second": 10**4}
    }  # counted, and out of the way
    (folder / "roles.yaml").write_text(yaml.safe_dump(roles))
    return config


def gate_process(folder: Path, config: Path) -> Process:
    """The gate with roles of our own."""
    process = Process("gate", GATE, folder, ["cxrgate.cli", "serve", "gate", config, "--log", folder / "gate.log"])
    process.command[process.command.index("--roles") + 1] = str(folder / "roles.yaml")
    return process


async def timed(gate: AsyncGate, contents: list[bytes], number: int) -> float:
    """Seconds of one call."""
    started = time.perf_counter()
    await gate.check(contents[number % len(contents)], str(number))
    return time.perf_counter() - started


async def capacity(gate: AsyncGate, contents: list[bytes], count: int) -> float:
    """Images per second with many calls in flight."""
    places = asyncio.Semaphore(IN_FLIGHT)

    async def one(number: int) -> None:
        async with places:
            await timed(gate, contents, number)

    started = time.perf_counter()
    await asyncio.gather(*map(one, range(count)))
    return count / (time.perf_counter() - started)


async def waiting(gate: AsyncGate, contents: list[bytes], count: int, rate: float) -> list[float]:
    """Seconds of each call, sent when it is due, whatever is unanswered."""
    loop = asyncio.get_running_loop()
    begun, calls = loop.time(), []
    for number in range(count):
        await asyncio.sleep(begun + number / rate - loop.time())
        calls.append(asyncio.create_task(timed(gate, contents, number)))
    return list(await asyncio.gather(*calls))


def computed_forwards() -> list[Forward]:
    """Those of the shipped models that compute something in a gate: one whose embedding another makes does not."""
    with local_models(ModelFolders.of(STORE), "cpu") as models:
        borrows = isinstance(models.verifier, IdentityVerifier)
    return [open_forward(STORE / kind, "cpu") for kind in KINDS if not (borrows and kind == "verification")]


def forward_seconds(models: list[Forward], pixels: list, count: int) -> float:
    """Median seconds of the forwards of one image."""
    taken = []
    for number in range(count):
        image = pixels[number % len(pixels)][None]
        started = time.perf_counter()
        for forward in models:
            forward(image)
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)


async def _rounds(address: str, identity: Identity, models, pixels: list, rounds: int, count: int) -> dict[str, list]:
    contents = [encode_png(image) for image in pixels]
    found: dict[str, list] = {"forwards": [], "capacity": [], "p50": [], "p99": []}
    async with AsyncGate(address, identity) as gate:
        await capacity(gate, contents, WARM_UP)
        forward_seconds(models, pixels, WARM_UP)
        for _ in range(rounds):
            found["forwards"].append(forward_seconds(models, pixels, count))
            found["capacity"].append(await capacity(gate, contents, count))
            taken = await waiting(gate, contents, count, LOAD * found["capacity"][-1])
            found["p50"].append(statistics.median(taken))
            found["p99"].append(float(np.percentile(taken, 99)))
    return found


def figures(*, long: bool) -> dict:
    """Of single calls."""
    return online_figures(rounds=9 if long else 3, count=384)


def online_figures(rounds: int, count: int) -> dict:
    """Of so many rounds of so many calls each."""
    pixels = [noisy(number, SIDE) for number in range(PICTURES)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        process = gate_process(folder, write_inputs(folder))
        keep_freed_memory()
        forwards = computed_forwards()
        with process.started():
            identity = Identity.read(folder / "certificates/generator")
            found = asyncio.run(_rounds(process.address, identity, forwards, pixels, rounds, count))
    over = [p50 / forward for p50, forward in zip(found["p50"], found["forwards"], strict=True)]
    return {
        "online_p50_over_forwards": statistics.median(over),
        "online": {
            "forwards_ms": [1000 * value for value in found["forwards"]],
            "p50_ms": [1000 * value for value in found["p50"]],
            "p99_ms": [1000 * value for value in found["p99"]],
            "capacity_images_per_second": found["capacity"],
            "calls": count,
        },
    }
