"""What the checks of trust cost, as a share of the forwards that the policy requires, in the same run.

With the shipped models: telling outliers (the head for frontality, the layout for typicality), the digest of the
pixels, the certificate's date, the rule with its band, the watch for drift, and the record of each image, against the
forwards that a gate computes: verification takes what retrieval has computed.
"""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import torch
from support.fakes import POLICY, evidence, picture

from cxrgate.certification import Certificate
from cxrgate.core import GreyImage
from cxrgate.core.allocator import keep_freed_memory
from cxrgate.gate.drift import Drift
from cxrgate.gate.pipeline import Checked
from cxrgate.images.descriptors import weight_free
from cxrgate.models.runtimes.pytorch import TorchForward
from cxrgate.models.store import load_model
from cxrgate.run.rows import evidence_rows, result_row

STORE = Path(__file__).parents[2] / "model_store"
BATCH = 16
SIDE = 256
ROUNDS = 3


def seconds(task):
    start = time.perf_counter()
    task()
    return time.perf_counter() - start


def checks(images, head, pooled, drift):
    """Everything but the forwards, for a batch of images."""
    certificate = Certificate("d", {}, datetime.now(UTC) + timedelta(days=1), {})
    certificate.check_current(datetime.now(UTC))
    with torch.inference_mode():
        head(pooled)
    for image in images:
        weight_free(image.pixels)
        verdict = POLICY.decide(evidence(image_id=image.image_id), image.digest)
        drift.add(verdict.policy_digest, "", verdict.score)
        checked = Checked(image, verdict)
        json.dumps([result_row(checked, "", "name.png"), evidence_rows(checked)])


def trust_overhead(count):
    """Seconds of the checks over seconds of the forwards, the median of the rounds."""
    keep_freed_memory()
    with ThreadPoolExecutor(1) as compute:
        return compute.submit(_measure, count).result()


def _measure(count):
    models = {name: load_model(STORE / name) for name in ("retrieval", "copy")}
    forwards = [TorchForward(model) for model in models.values()]
    head = models["retrieval"].network.frontality
    pooled = torch.zeros(BATCH, models["retrieval"].manifest.architecture.pooled)
    images = [GreyImage(str(number), picture(number, (SIDE, SIDE))) for number in range(count)]
    batches = [images[i : i + BATCH] for i in range(0, count, BATCH)]
    drift = Drift()

    def forward():
        for batch in batches:
            for model in forwards:
                model([image.pixels for image in batch])

    def check():
        for batch in batches:
            checks(batch, head, pooled, drift)

    forward()
    return float(np.median([seconds(check) / seconds(forward) for _ in range(ROUNDS)]))
