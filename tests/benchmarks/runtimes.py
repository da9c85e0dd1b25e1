"""What the CPU runtime is worth: the shipped models by OpenVINO and by PyTorch, each alone and in the whole filter.

Each round runs every arm once, so that other load on the machine meets all of them; ratios are medians over the
rounds. Forwards are told in process time (of all processes, on all cores), which other load lengthens least; the whole
filter by the clock from the first image on, and in process time, start included. By PyTorch is the path of version 0.1:
eager, float32, its own number of threads, and each model's own forward, also where two have one embedding.
"""

import csv
import resource
import tempfile
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from unittest import mock

from support.fakes import picture
from torch.utils.flop_counter import FlopCounterMode

from cxrgate.gate import local
from cxrgate.gate.config import Enrol, ModelFolders, PolicyConfig, RunConfig
from cxrgate.images.codec.encode import encode_png
from cxrgate.models import Dtype, read_manifest
from cxrgate.models.runtimes.forward import open_forward
from cxrgate.models.runtimes.pytorch import TorchForward
from cxrgate.models.store import load_model
from cxrgate.run.run import run

STORE = Path(__file__).parents[2] / "model_store"
KINDS = ("retrieval", "verification", "copy")
SIDE = 224
REFERENCES = 64
IMAGES = 256


def by_torch(folder, device="cpu", manifest=None):
    return TorchForward(load_model(folder, manifest), device)


def process_time():
    """Seconds of this process and of those that it waited for, on all cores."""
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in used)


def spent(task):
    """Seconds of process time."""
    before = process_time()
    task()
    return process_time() - before


def median(values):
    return sorted(values)[len(values) // 2]


def forwards():
    """Each shipped model by each runtime, as name, runtime and what runs it."""
    for kind in KINDS:
        yield kind, "torch float32", by_torch(STORE / kind)
        for dtype in Dtype:
            manifest = replace(read_manifest(STORE / kind), dtype=dtype)
            forward = open_forward(STORE / kind, "cpu", manifest)
            if not isinstance(forward, TorchForward):
                yield kind, f"openvino {dtype}", forward


def forward_figures(images, rounds):
    """Milliseconds of process time per image, by model and runtime."""
    pixels = [picture(number, (SIDE, SIDE)) for number in range(images)]
    arms = list(forwards())
    seconds = {(kind, runtime): [] for kind, runtime, _ in arms}
    for kind, runtime, forward in arms * (rounds + 1):
        seconds[kind, runtime].append(spent(lambda forward=forward: forward(pixels)))
    # The first round warms up.
    return {
        kind: {runtime: 1000 * median(found[1:]) / images for (name, runtime), found in seconds.items() if name == kind}
        for kind in KINDS
    }


def write_inputs(folder, images):
    for name, count, first in (("real", REFERENCES, 0), ("synthetic", images, 1000)):
        (folder / name).mkdir()
        for number in range(count):
            (folder / name / f"{number:04}.png").write_bytes(encode_png(picture(first + number, (SIDE, SIDE))))
    with (folder / "real.csv").open("w", newline="") as file:
        names = [[f"real/{number:04}.png", str(number)] for number in range(REFERENCES)]
        csv.writer(file).writerows([["image", "patient_id"], *names])


def config(folder, output):
    return RunConfig(
        synthetic=folder / "synthetic",
        output=folder / output,
        snapshot=folder / "snapshot",
        models=ModelFolders.of(STORE),
        enrol=Enrol(images=folder / "real.csv", key=folder / "key", reference_map=folder / "map.csv"),
        # Invented pictures are no radiographs, and nothing is to be spared for them.
        policy=PolicyConfig(minimum_typicality=-1, minimum_frontality=None),
    )


@contextmanager
def eager():
    """The models of this process by PyTorch, each with its own forward."""
    with (
        mock.patch.object(local, "open_forward", by_torch),
        mock.patch.object(local, "borrowed_head", return_value=None),
    ):
        yield


def timed_run(settings):
    before = process_time()
    summary = run(settings)
    return process_time() - before, summary.seconds


def end_to_end(images, rounds):
    """Process time of runs and clock from the first image on, by OpenVINO and by PyTorch, a list of pairs each."""
    found = {"openvino": [], "torch": []}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_inputs(folder, images)
        run(config(folder, "warm"))  # builds the snapshot
        for number in range(rounds):
            found["openvino"].append(timed_run(config(folder, f"openvino{number}")))
            with eager():
                found["torch"].append(timed_run(config(folder, f"torch{number}")))
    return found["openvino"], found["torch"]


def figures(*, long):
    """Of both runtimes."""
    return runtime_figures(IMAGES, 9 if long else 3)


def gop_per_image(kind):
    """Thousand million operations of a forward, a multiply-add counted as two, as PyTorch counts them."""
    forward = by_torch(STORE / kind)
    with FlopCounterMode(display=False) as counter:
        forward([picture(0, (SIDE, SIDE))])
    return counter.get_total_flops() / 1e9


def runtime_figures(images, rounds):
    ours, eagers = end_to_end(images, rounds)
    process, clock = ([theirs[part] / own[part] for own, theirs in zip(ours, eagers, strict=True)] for part in range(2))
    return {
        "forward_ms_per_image": forward_figures(images, rounds),
        "forward_gop_per_image": {kind: gop_per_image(kind) for kind in KINDS},
        "shipped_images_per_second": images / median([own for _, own in ours]),
        "shipped_images_per_second_over_torch_eager": median(clock),
        "shipped_process_time_over_torch_eager": median(process),
    }
