"""Who an invented patient is: the numbers that stay the same from one radiograph to the next.

Lengths are in half image sides: x runs from -1 (the patient's right, drawn on the left) to 1, y from -1 (top) to 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

RIB_PAIRS = 11
ENLARGED = 0.5
"""A heart wider than half of the chest is called enlarged (the usual cardiothoracic ratio on a frontal film)."""


@dataclass(frozen=True, slots=True)
class Thorax:
    """The outline of the lungs. `domes` are the heights of the diaphragm right and left, `peaks` where they stand."""

    width: float
    apex: tuple[float, float]
    taper: tuple[float, float]
    domes: tuple[float, float]
    peaks: tuple[float, float]
    angle_depth: tuple[float, float]
    mediastinum: float
    knob: float
    soft_tissue: float
    neck: float

    @classmethod
    def sample(cls, rng: np.random.Generator) -> Thorax:
        """Draw an outline."""
        right = rng.uniform(0.3, 0.54)
        return cls(
            width=rng.uniform(0.62, 0.82),
            apex=(rng.uniform(0.22, 0.36), rng.uniform(-0.82, -0.64)),
            taper=_pair(rng, 0.45, 0.85),
            domes=(right, right + rng.uniform(-0.02, 0.12)),
            peaks=_pair(rng, 0.3, 0.6),
            angle_depth=_pair(rng, 0.08, 0.24),
            mediastinum=rng.uniform(0.09, 0.17),
            knob=rng.uniform(0.02, 0.1),
            soft_tissue=rng.uniform(0.0, 1.0),
            neck=rng.uniform(0.2, 0.32),
        )


@dataclass(frozen=True, slots=True)
class Heart:
    """The heart: its width as a fraction of the chest's, the share of it that lies on the right, and its outline."""

    ratio: float
    right_share: float
    height: float
    tilt: float
    root: float
    lobes: tuple[float, ...]

    @classmethod
    def sample(cls, rng: np.random.Generator) -> Heart:
        """Draw a heart, clearly enlarged or clearly not, each as often."""
        ratio = rng.uniform(0.53, 0.64) if rng.random() < 0.5 else rng.uniform(0.36, 0.47)
        return cls(
            ratio=ratio,
            right_share=rng.uniform(0.2, 0.38),
            height=rng.uniform(0.62, 0.95),
            tilt=rng.uniform(0.2, 0.9),
            root=rng.uniform(0.05, 0.2),
            lobes=_many(rng, 6, 0.07),
        )


@dataclass(frozen=True, slots=True)
class Ribs:
    """The rib cage. `offsets` and `drops` hold what is particular to each rib: the right ones first, then the left."""

    pairs: int
    top: float
    spacing: float
    hump: float
    drop: float
    thickness: float
    anterior_slope: float
    offsets: tuple[float, ...]
    drops: tuple[float, ...]

    @classmethod
    def sample(cls, rng: np.random.Generator) -> Ribs:
        """Draw a rib cage."""
        return cls(
            pairs=int(rng.integers(8, RIB_PAIRS + 1)),
            top=rng.uniform(-0.72, -0.6),
            spacing=rng.uniform(0.112, 0.152),
            hump=rng.uniform(0.0, 0.09),
            drop=rng.uniform(0.1, 0.34),
            thickness=rng.uniform(0.03, 0.058),
            anterior_slope=rng.uniform(0.14, 0.4),
            offsets=_many(rng, 2 * RIB_PAIRS, 0.016),
            drops=_many(rng, 2 * RIB_PAIRS, 0.03),
        )


@dataclass(frozen=True, slots=True)
class Skeleton:
    """The bones besides the ribs: clavicles, shoulder blades, spine; and how much all of them absorb."""

    density: float
    clavicle_height: tuple[float, float]
    clavicle_angle: tuple[float, float]
    clavicle_bend: float
    clavicle_thickness: float
    scapula_edge: tuple[float, float]
    scapula_length: float
    spine_width: float
    spine_bend: float
    spine_phase: float
    vertebra: float

    @classmethod
    def sample(cls, rng: np.random.Generator) -> Skeleton:
        """Draw the bones."""
        height, angle = rng.uniform(-0.64, -0.5), rng.uniform(0.0, 0.3)
        return cls(
            density=rng.uniform(0.6, 1.35),
            clavicle_height=(height, height + rng.uniform(-0.04, 0.04)),
            clavicle_angle=(angle, angle + rng.uniform(-0.08, 0.08)),
            clavicle_bend=rng.uniform(0.0, 0.07),
            clavicle_thickness=rng.uniform(0.04, 0.07),
            scapula_edge=_pair(rng, 0.62, 0.86),
            scapula_length=rng.uniform(0.4, 0.75),
            spine_width=rng.uniform(0.075, 0.12),
            spine_bend=rng.uniform(-0.05, 0.05),
            spine_phase=rng.uniform(0.0, 2 * np.pi),
            vertebra=rng.uniform(0.1, 0.15),
        )


@dataclass(frozen=True, slots=True)
class Marks:
    """What few others have: calcified nodules (x, y, radius), a pacemaker (x, y, turn) or none; and the vessel tree."""

    vessel_seed: int
    vessel_strength: float
    nodules: tuple[tuple[float, float, float], ...]
    pacemaker: tuple[float, float, float] | None

    @classmethod
    def sample(cls, rng: np.random.Generator) -> Marks:
        """Draw the marks: up to three nodules, and a pacemaker on one patient in twelve."""
        side = 1.0 if rng.random() < 0.7 else -1.0
        pacemaker = (side * rng.uniform(0.45, 0.6), rng.uniform(-0.5, -0.36), rng.uniform(-0.6, 0.6))
        return cls(
            vessel_seed=int(rng.integers(2**32)),
            vessel_strength=rng.uniform(0.5, 1.2),
            nodules=tuple(_nodule(rng) for _ in range(int(rng.integers(0, 4)))),
            pacemaker=pacemaker if rng.random() < 1 / 12 else None,
        )


@dataclass(frozen=True, slots=True)
class Patient:
    """An invented patient. Equal patients are drawn alike; nothing here depends on a view."""

    thorax: Thorax
    heart: Heart
    ribs: Ribs
    skeleton: Skeleton
    marks: Marks

    @classmethod
    def sample(cls, rng: np.random.Generator) -> Patient:
        """Draw a patient from a generator."""
        return cls(Thorax.sample(rng), Heart.sample(rng), Ribs.sample(rng), Skeleton.sample(rng), Marks.sample(rng))

    @property
    def cardiomegaly(self) -> bool:
        """Whether the heart is enlarged."""
        return self.heart.ratio > ENLARGED


def _pair(rng: np.random.Generator, low: float, high: float) -> tuple[float, float]:
    """Draw one number for each side: half of the range is shared, as sides resemble each other."""
    middle, half = rng.uniform(low, high), (high - low) / 8
    return middle + rng.uniform(-half, half), middle + rng.uniform(-half, half)


def _many(rng: np.random.Generator, count: int, spread: float) -> tuple[float, ...]:
    return tuple(float(value) for value in rng.uniform(-spread, spread, count))


def _nodule(rng: np.random.Generator) -> tuple[float, float, float]:
    side = 1.0 if rng.random() < 0.5 else -1.0
    return side * rng.uniform(0.2, 0.58), rng.uniform(-0.5, 0.3), rng.uniform(0.012, 0.03)
