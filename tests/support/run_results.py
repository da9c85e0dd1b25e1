"""Results of invented runs, as the gate records them: run.json, results.parquet, evidence.parquet."""

import json
from importlib.metadata import version

import numpy as np
import pandas as pd

from cxrgate.core import Policy


def digest(seed):
    return np.random.default_rng(seed).bytes(32).hex()


def policy(**changes):
    values = {
        "candidates": 3,
        "score_threshold": 0.5,
        "borderline": 0.4,
        "copy_threshold": 0.9,
        "minimum_typicality": 0.35,
        "references": 1840,
        "snapshot": digest(1),
        "retrieval": digest(2),
        "verification": digest(3),
    }
    return Policy(**{**values, **changes})


def model(name, seed, **architecture):
    preprocessing = {
        "height": 256,
        "width": 256,
        "fit": "squash",
        "interpolation": "bilinear",
        "mean": [0.485, 0.456, 0.406],
        "std": [0.229, 0.224, 0.225],
    }
    return {
        "name": name,
        "architecture": {"trunk": "resnet50", **architecture},
        "preprocessing": preprocessing,
        "dtype": "float32",
        "digest": digest(seed),
    }


def run_of(policy, images):
    seconds = {"decode": 4.1, "embed": 17.7, "search": 0.9, "verify": 18.2, "write": 2.4}
    stages = {
        stage: {"seconds": busy, "images": images, "images_per_second": images / busy}
        for stage, busy in seconds.items()
    }
    return {
        "cxrgate": version("cxrgate"),
        "certification": "uncertified",
        "policy": policy.to_json(),
        "policy_digest": policy.digest,
        "models": {
            "retrieval": model("retrieval-demo", 2, dimensions=128, pooling=5),
            "verification": model("verification-demo", 3, dimensions=128),
        },
        "snapshot": {
            "references": policy.references,
            "patients": 611,
            "excluded": 2,
            "digest": policy.snapshot,
            "images": digest(4),
            "copy_method": "dct16-whitened-1.5",
        },
        "synthetic": {"images": images, "name": "synthetic_250"},
        "engine": "matrix",
        "batch_size": 16,
        "workers": 1,
        "device": "cpu",
        "threads": 2,
        "versions": {
            "python": "3.11.9",
            "torch": "2.14.1",
            "torchvision": "0.29.1",
            "numpy": "2.4.6",
            "pillow": "13.0.0",
        },
        "timing": {
            "finished": "2026-11-28T11:02:00+00:00",
            "seconds": 36.4,
            "images_per_second": images / 36.4,
            "images": images,
            "stages": stages,
        },
    }


COLUMNS = {
    "image_id": "str",
    "label": "str",
    "decision": "str",
    "reasons": "str",
    "borderline": "bool",
    "score": "float64",
    "similarity": "float64",
    "distance": "float64",
    "typicality": "float64",
    "frontality": "float64",
    "colour": "bool",
    "pixel_digest": "str",
    "source_digest": "str",
    "decoding": "str",
    "released_as": "str",
    "stage": "str",
    "code": "str",
    "message": "str",
}


EVIDENCE = {
    "image_id": "str",
    "reference_id": "str",
    "patient_key": "str",
    "distance": "float64",
    "similarity": "float64",
    "score": "float64",
}


def checked(
    image_id, label="Cardiomegaly", *, score=0.1, similarity=0.7, typicality=0.9, frontality=float("nan"), colour=False
):
    """The row of an image that went through all stages, decided by the default policy's numbers.

    With a frontality it is decided by a policy whose minimum is 0.5.
    """
    reasons = [name for name, hit in (("SAME_PATIENT", score >= 0.4999), ("COPY", similarity >= 0.8999)) if hit]
    decision = "NOT_ANONYMOUS" if reasons else "ANONYMOUS"
    if not reasons and typicality < 0.3501:
        decision, reasons = "INDETERMINATE", ["ATYPICAL"]
    if frontality < 0.5001:
        decision, reasons = "INDETERMINATE", ["STRANGER", *reasons]
    return {
        "image_id": image_id,
        "label": label,
        "decision": decision,
        "reasons": ";".join(reasons),
        "borderline": decision == "ANONYMOUS" and score >= 0.3999,
        "score": score,
        "similarity": similarity,
        "distance": 14 * (1.05 - score),
        "typicality": typicality,
        "frontality": frontality,
        "colour": colour,
        "pixel_digest": digest(7),
        "source_digest": digest(int.from_bytes(image_id.encode(), "big")),
        "decoding": "cxrgate 0.2.0",
        "released_as": f"released/{image_id}" if decision == "ANONYMOUS" else "",
        "stage": "",
        "code": "",
        "message": "",
    }


def failed(image_id, label="Cardiomegaly", *, reason="TRUNCATED", message="expected a whole chunk"):
    """The row of an image that could not be decoded."""
    nothing = dict.fromkeys(("score", "similarity", "distance", "typicality", "frontality"), float("nan"))
    row = checked(image_id, label)
    empty = {"pixel_digest": "", "released_as": "", "borderline": False, "reasons": reason}
    stage = {"stage": "decode", "code": "INVALID_ARGUMENT", "message": message}
    return {**row, **nothing, **empty, **stage, "decision": "INDETERMINATE"}


def evidence_of(rows, candidates=4):
    """Candidates of the checked rows: the first has the row's score and similarity, the others lower ones."""
    return pd.DataFrame(
        [
            {
                "image_id": row["image_id"],
                "reference_id": reference_id(index, rank),
                "patient_key": digest(500_000 + 1000 * index + rank // 2)[:32],
                "distance": row["distance"] + rank,
                "similarity": row["similarity"] - 0.03 * rank,
                "score": row["score"] * 0.8**rank,
            }
            for index, row in enumerate(rows)
            if not row["stage"]
            for rank in range(candidates)
        ],
        columns=list(EVIDENCE),
    ).astype(EVIDENCE)


def typical_rows():
    """120 images of two classes: 97 released, 18 removed (12 same patient, 9 copy, 3 of them both), 5 unanswered."""
    random = np.random.default_rng(11)
    planted = [(0.97, 0.99), (0.91, 0.95), (0.62, 0.91)] + [(score, 0.8) for score in np.linspace(0.5, 0.95, 9)]
    planted += [(0.2, similarity) for similarity in np.linspace(0.91, 0.999, 6)]
    released = [(score, 0.7) for score in (0.41, 0.43, 0.452, 0.47, 0.4998)]
    released += [(min(float(random.beta(1, 9)), 0.39), float(random.normal(0.72, 0.05))) for _ in range(92)]
    values = [(score, min(similarity, 0.89)) for score, similarity in released] + planted
    order = random.permutation(len(values))
    labels = ("Cardiomegaly", "No_Cardiomegaly")
    rows = [
        checked(
            f"{labels[place % 2]}/sample_{place:04d}.png",
            labels[place % 2],
            score=float(values[index][0]),
            similarity=float(values[index][1]),
            typicality=float(np.clip(random.normal(0.86, 0.06), 0.5, 0.99)),
            colour=place % 15 == 0,
        )
        for place, index in enumerate(order)
    ]
    rows.append(checked("Cardiomegaly/sample_0115.png", typicality=0.07))
    rows.append(checked("No_Cardiomegaly/sample_0116.png", "No_Cardiomegaly", typicality=-0.41))
    rows.append(failed("Cardiomegaly/sample_0117.png"))
    rows.append(
        failed(
            "No_Cardiomegaly/sample_0118.png",
            "No_Cardiomegaly",
            reason="CRC",
            message="expected the checksum of each chunk to fit",
        )
    )
    rows.append(
        failed(
            "No_Cardiomegaly/sample_0119.png",
            "No_Cardiomegaly",
            reason="LOW_CONTENT",
            message="expected a contrast of at least 2.0 grey levels",
        )
    )
    return rows


def write_results(folder, rows, evidence=None, **changes):
    """Write a results folder; `changes` replace entries of run.json or, as `policy`, its thresholds."""
    folder.mkdir(exist_ok=True)
    run = {**run_of(policy(**changes.pop("policy", {})), len(rows)), **changes}
    (folder / "run.json").write_text(json.dumps(run))
    table(rows).to_parquet(folder / "results.parquet")
    (evidence_of(rows) if evidence is None else evidence).to_parquet(folder / "evidence.parquet")
    return folder


def write_manifest(folder, names):
    """The manifest of a released set of files that are not there."""
    folder.mkdir(exist_ok=True)
    (folder / "manifest.json").write_text(json.dumps({"files": dict.fromkeys(sorted(names), "")}))
    return folder


def table(rows):
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype(COLUMNS)


def reference_id(place, rank):
    return digest(1000 * place + rank)[:32]
