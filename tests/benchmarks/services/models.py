"""Images per second through the real TorchServe beside the same model's bare forward in this process.

Packed requests of the retrieval model, as the gate sends them, two in flight so that the worker finds the next one
waiting; forwards in a tight loop, images at the model's size on both sides. Rounds alternate and the ratio is their
median. Speed does not depend on the weights, which are untrained.
"""

import asyncio
import statistics
import time

import torch
from support.fakes import images
from support.torchserve_process import ModelServer

from cxrgate.core import Failure
from cxrgate.models import ModelKind, Preprocessing, RetrievalArchitecture, VerificationArchitecture
from cxrgate.models.networks.build import build_network
from cxrgate.models.resize import resize
from cxrgate.models.runtimes.forward import open_forward
from cxrgate.models.store import save_model
from cxrgate.serving.torchserve.predictions import Predictions, open_models_channel
from cxrgate.serving.torchserve.served import TorchServeModel

IMAGES = 64
PACKED = 16
IN_FLIGHT = 2


def write_models(folder):
    """Both published networks: ResNet-50 at 256 px."""
    torch.manual_seed(0)
    for kind, shape in (
        (ModelKind.RETRIEVAL, RetrievalArchitecture()),
        (ModelKind.VERIFICATION, VerificationArchitecture()),
    ):
        save_model(folder / kind.value, kind, shape, Preprocessing(), build_network(shape).state_dict(), {})


def at_size(forward, count):
    """Images as they come to the model, so that resizing is on neither side."""
    return [
        type(image)(image.image_id, resize(image.pixels, forward.manifest.preprocessing)) for image in images(count)
    ]


def bare(forward, asked):
    """Images per second."""
    pixels = [image.pixels for image in asked]
    begun = time.perf_counter()
    for i in range(0, len(pixels), PACKED):
        forward(pixels[i : i + PACKED])
    return len(pixels) / (time.perf_counter() - begun)


async def served(model, asked):
    """Images per second."""
    places = asyncio.Semaphore(IN_FLIGHT)

    async def request(part):
        async with places:
            return await model.rows(part)

    begun = time.perf_counter()
    found = await asyncio.gather(*[request(asked[i : i + PACKED]) for i in range(0, len(asked), PACKED)])
    seconds = time.perf_counter() - begun
    failures = [row for part in found for row in part if isinstance(row, Failure)]
    assert not failures, failures[0]
    return len(asked) / seconds


async def compare(address, forward, count, rounds):
    asked = at_size(forward, count)
    near, far = [], []
    async with open_models_channel(address) as channel:
        model = TorchServeModel(Predictions(channel), forward.manifest)
        for _ in range(rounds + 1):  # the first warms up
            near.append(bare(forward, asked))
            far.append(await served(model, asked))
    return {
        "torchserve_over_bare_forward": statistics.median(a / b for a, b in zip(far[1:], near[1:], strict=True)),
        "torchserve_images_per_second": statistics.median(far[1:]),
        "torchserve_bare_images_per_second": statistics.median(near[1:]),
    }


def torchserve(folder, write=write_models, count=IMAGES, rounds=5):
    """The figures; as many threads on both sides."""
    write(folder / "models")
    server = ModelServer(folder / "models", folder / "server", threads=torch.get_num_threads())
    server.start()
    try:
        server.wait()
        return asyncio.run(compare(server.address, open_forward(folder / "models/retrieval"), count, rounds))
    finally:
        server.stop()
