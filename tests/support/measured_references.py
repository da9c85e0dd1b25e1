"""References that a snapshot can measure itself on, and what it needs for that."""

from __future__ import annotations

import dataclasses

import numpy as np

from cxrgate.core.heads import CalibratedCosineHead
from cxrgate.core.standout import Standout
from cxrgate.index.false_flag_curve import FalseFlagCurve
from cxrgate.index.measuring.asking import References
from cxrgate.index.self_measurement import MeasurementTerms

CURVE = FalseFlagCurve(
    sizes=(100, 1000),
    rates=(0.001, 0.05, 0.5),
    margins=((0.5, 0.4, 0.1), (0.4, 0.3, 0.05)),
    copies=((0.95, 0.85, 0.6), (0.97, 0.9, 0.7)),
)
TERMS = MeasurementTerms(CalibratedCosineHead(10.0, -5.0), Standout(0.5, 0.05, 0.2, 20.0), 0.9, 0.94)
WITH_CURVE = dataclasses.replace(TERMS, curve=CURVE)


def unit(rows):
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def drawn(patients, images=1, noise=0.6, seed=0, dimensions=24):
    """References of patients who look like themselves: `images` of each, or one number per patient."""
    rng = np.random.default_rng(seed)
    counts = np.broadcast_to(images, patients)
    rows = np.repeat(np.arange(patients), counts)
    centres = rng.standard_normal((patients, dimensions))[rows]
    spaces = [unit(centres + noise * rng.standard_normal(centres.shape)) for _ in range(2)]
    keys = np.array([list(int(row).to_bytes(16, "big")) for row in rows], np.uint8)
    copy = unit(rng.standard_normal((len(rows), 256)))
    return References(*spaces, {"copy": copy}, keys)


def joined(one, other):
    identity, features, keys = (
        np.concatenate([getattr(one, name), getattr(other, name)]) for name in ("identity", "features", "patient_keys")
    )
    copies = np.concatenate([one.cosines["copy"], other.cosines["copy"]])
    return References(identity, features, {"copy": copies}, keys)


def mixed(patients=500, seed=0):
    """A third of the patients have two references, the others one."""
    return drawn(patients, np.where(np.arange(patients) % 3, 1, 2), seed=seed)


def key(patient):
    return int(patient).to_bytes(16, "big")
