"""Images per second of the filter, end to end and per stage, and its ratios to two baselines measured in the same run.

Both published networks (ResNet-50, 256 px, untrained weights: speed does not depend on them) on invented pictures;
where the CPU is fast at bfloat16, with `dtype: bfloat16`, too.
Each round measures every arm once, so that other load on the machine meets all of them; the ratios are medians over
the rounds. Some twenty seconds per arm keep what happens once (workers and memory of the first batch, the last batch on
its way out) near one per cent.
"""

import asyncio
import csv
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
from benchmarks.trust import trust_overhead
from support.fakes import picture

from cxrgate.gate.config import Enrol, ModelFolders, PolicyConfig, RunConfig
from cxrgate.gate.local import local_models
from cxrgate.images import ImageFile, list_folder
from cxrgate.images.codec.decode import decode
from cxrgate.images.codec.encode import encode_png
from cxrgate.images.sandbox.decoder import SandboxedDecoder
from cxrgate.index import Snapshot
from cxrgate.index.engines.engine import EngineName
from cxrgate.index.search import LocalSearcher
from cxrgate.models import Dtype, ModelKind, Preprocessing, RetrievalArchitecture, VerificationArchitecture
from cxrgate.models.dtypes import DtypeChoice, fast_dtypes
from cxrgate.models.networks.build import build_network
from cxrgate.models.runtimes.forward import open_forward
from cxrgate.models.store import save_model
from cxrgate.run.run import run

IMAGES = 144
REAL = 64
SEED_IMAGES = 64
"""Its procedure takes several times as long per image; half of one of its batches of 128 for each network is enough,
after the real images have warmed it up."""
ROUNDS, LONG_ROUNDS = 5, 15


def write_inputs(folder, images):
    torch.manual_seed(0)
    for kind, shape in (("retrieval", RetrievalArchitecture()), ("verification", VerificationArchitecture())):
        save_model(
            folder / "models" / kind, ModelKind(kind), shape, Preprocessing(), build_network(shape).state_dict(), {}
        )
    for kind, count, start in (("real", REAL, 0), ("synthetic/class", images, 1000)):
        (folder / kind).mkdir(parents=True)
        for number in range(count):
            (folder / kind / f"{number:04}.png").write_bytes(encode_png(picture(start + number, (256, 256))))
    with (folder / "real.csv").open("w", newline="") as file:
        names = [[f"real/{number:04}.png", str(number)] for number in range(REAL)]
        csv.writer(file).writerows([["image", "patient_id"], *names])


def config(folder, number, dtype=None):
    return RunConfig(
        synthetic=folder / "synthetic",
        output=folder / f"out{number}",
        snapshot=folder / f"snapshot{dtype or ''}",
        dtype=dtype,
        models=ModelFolders(retrieval=folder / "models/retrieval", verification=folder / "models/verification"),
        enrol=Enrol(images=folder / "real.csv", key=folder / "key", reference_map=folder / "map.csv"),
        policy=PolicyConfig(score_threshold=1.0, minimum_typicality=-1),
    )


def rate(images, task):
    start = time.perf_counter()
    task()
    return images / (time.perf_counter() - start)


def bare(forwards, pixels):
    """Images per second of the forwards that the policy requires, and nothing else."""
    for forward in forwards:
        forward(pixels[:8])

    def every():
        for i in range(0, len(pixels), 16):
            for forward in forwards:
                forward(pixels[i : i + 16])

    return rate(len(pixels), every)


def end_to_end(folder, number, dtype=None):
    summary = run(config(folder, number, dtype))
    return summary.checked / summary.seconds


def stages(folder, models, verification, files: list[ImageFile], pixels):
    """Images per second of each stage alone."""
    records = [file.read() for file in files]
    snapshot = Snapshot.open(folder / "snapshot")
    searcher = LocalSearcher(snapshot, 3, EngineName.CODES)
    images = [decode(record) for record in records]
    queries = asyncio.run(models.embedder.embed(images))
    with SandboxedDecoder(1) as decoder:
        asyncio.run(decoder.decode(records[:1]))
        count = len(files)
        return {
            "decode": rate(count, lambda: asyncio.run(decoder.decode(records))),
            "embed": rate(count, lambda: asyncio.run(models.embedder.embed(images))),
            "search": rate(count, lambda: asyncio.run(searcher.search(queries))),
            "verify": rate(count, lambda: verification(pixels)),
            "encode": rate(count, lambda: [encode_png(image) for image in pixels]),
        }


def seed_procedure(folder):
    command = [sys.executable, str(Path(__file__).with_name("seed_procedure.py")), str(folder), str(SEED_IMAGES)]
    found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return found["images"] / (found["search"] + found["verify"])


def median(values):
    return sorted(values)[len(values) // 2]


def figures(*, long):
    """Of the filter."""
    rounds = LONG_ROUNDS if long else ROUNDS
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_inputs(folder, IMAGES)
        run(config(folder, "warm"))  # builds the snapshot
        files = list_folder(folder / "synthetic")
        pixels = [decode(file.read()).pixels for file in files]
        sixteen_bits = [DtypeChoice.BFLOAT16] if Dtype.BFLOAT16 in fast_dtypes("cpu") else []
        for dtype in sixteen_bits:
            run(config(folder, f"warm{dtype}", dtype))
        ends, bares, seeds, in_bfloat16 = [], [], [], []
        forwards = [open_forward(folder / "models" / kind) for kind in ("retrieval", "verification")]
        with local_models(ModelFolders.of(folder / "models"), "cpu") as models:
            for number in range(rounds):
                bares.append(bare(forwards, pixels))
                ends.append(end_to_end(folder, number))
                in_bfloat16 += [end_to_end(folder, f"{number}{dtype}", dtype) for dtype in sixteen_bits]
                seeds.append(seed_procedure(folder))
            alone = stages(folder, models, forwards[-1], files, pixels)
        in_run = json.loads((folder / f"out{rounds - 1}/results/run.json").read_text())["timing"]["stages"]
    return {
        "filter": {
            "images": IMAGES,
            "rounds": rounds,
            "threads": torch.get_num_threads(),
            "end_to_end_images_per_second": ends,
            "bfloat16_images_per_second": in_bfloat16,
            "bare_forward_images_per_second": bares,
            "seed_procedure_images_per_second": seeds,
            "stages_images_per_second": alone,
            "stages_in_run": in_run,
        },
        "end_to_end_over_bare_forward": median([end / bare for end, bare in zip(ends, bares, strict=True)]),
        "end_to_end_over_seed_procedure": median([end / seed for end, seed in zip(ends, seeds, strict=True)]),
        "end_to_end_over_seed_procedure_bfloat16": median(
            [end / seed for end, seed in zip(in_bfloat16, seeds, strict=True)]
        )
        if in_bfloat16
        else None,
        "trust_overhead": trust_overhead(IMAGES),
    }
