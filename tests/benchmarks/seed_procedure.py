"""anonymization-pipeline's procedure written down plainly, as a baseline: prints the seconds of its steps as JSON.

anonymization-pipeline's steps 2 and 3 as they run: images decoded one by one in the main process, batches of 128,
scikit-learn's KD-tree, and the Siamese network on both images of every pair. Added so that it runs at all:
evaluation mode and no_grad. Usage: seed_procedure.py FOLDER IMAGES, with real/, synthetic/ and models/ below FOLDER;
the first IMAGES synthetic ones are checked. Start-up and the real images' embeddings, step 1, are not in the seconds.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from sklearn.neighbors import KDTree
from torchvision import transforms

from cxrgate.models.store import load_model

BATCH = 128
PREPARE = transforms.Compose(
    [
        transforms.Resize(256),
        transforms.ToTensor(),
        transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    ]
)


def load(paths):
    return torch.stack([PREPARE(Image.open(path).convert("RGB")) for path in paths])


def embed(network, paths):
    parts = [network(load(paths[i : i + BATCH])).numpy() for i in range(0, len(paths), BATCH)]
    return np.concatenate(parts)


@torch.no_grad()
def main(folder, images):
    retrieval, verification = (load_model(folder / "models" / kind).network for kind in ("retrieval", "verification"))
    real, synthetic = (sorted((folder / kind).rglob("*.png")) for kind in ("real", "synthetic"))
    synthetic = synthetic[:images]
    table = embed(retrieval, real)
    start = time.perf_counter()
    tree = KDTree(table)
    nearest = tree.query(embed(retrieval, synthetic), k=3)[1]
    searched = time.perf_counter()
    for i in range(0, len(synthetic), BATCH):
        rows = nearest[i : i + BATCH, 0]
        torch.sigmoid(verification(load(synthetic[i : i + BATCH]), load([real[row] for row in rows])))
    end = time.perf_counter()
    print(json.dumps({"images": len(synthetic), "search": searched - start, "verify": end - searched}))


main(Path(sys.argv[1]), int(sys.argv[2]))
