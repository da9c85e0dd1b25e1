"""From a patient's numbers to outlines: closed polygons in body coordinates, each on the layer of its tissue."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from cxrgate.demo.anatomy import RIB_PAIRS, Patient

Points = NDArray[np.float64]
SIDES = (-1.0, 1.0)


class Layer(IntEnum):
    """The tissues. Shapes on one layer cover each other, layers add up."""

    BODY = 0
    ABDOMEN = 1
    LUNG = 2
    HEART = 3
    MEDIASTINUM = 4
    AIRWAY = 5
    SPINE = 6
    POSTERIOR_RIB = 7
    ANTERIOR_RIB = 8
    CLAVICLE = 9
    SCAPULA = 10
    VESSEL = 11
    MARK = 12
    METAL = 13


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """A filled polygon, float64[n, 2]; `value` (0 to 255) is its share of the layer's absorption."""

    layer: Layer
    points: Points = field(repr=False)
    value: int = 255


@lru_cache(maxsize=256)
def shapes_of(patient: Patient) -> tuple[Shape, ...]:
    """Outline everything in a patient. Kept, as the same patient is drawn several times."""
    parts = (_body, _lungs, _heart, _mediastinum, _spine, _ribs, _shoulders, _vessels, _marks)
    return tuple(shape for part in parts for shape in part(patient))


def ribbon(line: Points, widths: Points | float) -> Points:
    """Widen a line, float64[n, 2], to a closed polygon, float64[2 n, 2]."""
    along = np.gradient(line, axis=0)
    across = np.stack((-along[:, 1], along[:, 0]), axis=1) / np.maximum(np.hypot(*along.T), 1e-9)[:, None]
    offset = across * (np.broadcast_to(widths, len(line)) / 2)[:, None]
    return np.concatenate((line + offset, (line - offset)[::-1]))


def ellipse(x: float, y: float, wide: float, high: float) -> Points:
    """Outline an ellipse with these half axes."""
    turn = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    return np.stack((x + wide * np.cos(turn), y + high * np.sin(turn)), axis=1)


def _line(x: Points, y: Points) -> Points:
    return np.stack((x, y), axis=1)


def _body(patient: Patient) -> Iterator[Shape]:
    thorax = patient.thorax
    flank = thorax.width + 0.09 + 0.12 * thorax.soft_tissue
    half = np.array([
        (thorax.neck, -1.4), (thorax.neck, -0.98), (thorax.neck + 0.1, -0.9), (0.66, -0.85), (0.9, -0.77), (1.1, -0.6),
        (1.3, -0.2), (1.1, 0.0), (flank + 0.08, -0.08), (flank, 0.1), (flank + 0.01, 0.6), (flank + 0.04, 1.4),
    ])  # fmt: skip
    yield Shape(Layer.BODY, np.concatenate((half, half[::-1] * (-1, 1))))


def _base(patient: Patient, side: int) -> float:
    return patient.thorax.domes[side] + patient.thorax.angle_depth[side]


def _wall(patient: Patient, side: int, y: Points) -> Points:
    """How far the chest wall lies from the middle at each height."""
    thorax = patient.thorax
    share = np.clip((y - thorax.apex[1]) / (_base(patient, side) - thorax.apex[1]), 0, 1)
    return np.asarray(
        thorax.apex[0] + (thorax.width - thorax.apex[0]) * np.sin(np.pi / 2 * share ** thorax.taper[side])
    )


def _diaphragm(patient: Patient, side: int) -> Points:
    """The dome from the wall to the middle, as distances from the middle and heights."""
    thorax = patient.thorax
    share, peak = np.linspace(1, 0, 30), thorax.peaks[side]
    outer = np.clip((share - peak) / (1 - peak), 0, 1) ** 2.4 * thorax.angle_depth[side]
    inner = np.clip((peak - share) / peak, 0, 1) ** 2 * 0.08
    return _line(
        thorax.mediastinum / 2 + share * (thorax.width - thorax.mediastinum / 2), thorax.domes[side] + outer + inner
    )


def _lungs(patient: Patient) -> Iterator[Shape]:
    thorax = patient.thorax
    for side, sign in enumerate(SIDES):
        y = thorax.apex[1] + (_base(patient, side) - thorax.apex[1]) * np.linspace(0, 1, 40) ** 2
        dome = _diaphragm(patient, side)
        rise = np.linspace(dome[-1, 1], thorax.apex[1], 30)
        inward = np.clip((rise - thorax.apex[1]) / 0.35, 0, 1) ** 0.5
        middle = thorax.apex[0] + (thorax.mediastinum / 2 - thorax.apex[0]) * inward
        yield Shape(
            Layer.LUNG, np.concatenate((_line(_wall(patient, side, y), y), dome, _line(middle, rise))) * (sign, 1)
        )
        below = np.array(
            [(0.0, dome[-1, 1]), (0.0, 1.4), (thorax.width + 0.06, 1.4), (thorax.width + 0.04, dome[0, 1] + 0.1)]
        )
        yield Shape(Layer.ABDOMEN, np.concatenate((dome, below)) * (sign, 1))


def _heart(patient: Patient) -> Iterator[Shape]:
    heart, thorax = patient.heart, patient.thorax
    turn = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    wide = heart.ratio * thorax.width
    bumps = sum(
        lobe * np.cos((order // 2 + 2) * turn + order % 2 * np.pi / 2) for order, lobe in enumerate(heart.lobes)
    )
    x = wide * np.cos(turn) * (1 + bumps)
    y = wide * heart.height * np.sin(turn) * (1 + bumps)
    x += wide * (1 - 2 * heart.right_share)
    bottom = thorax.domes[1] + 0.06
    y += bottom - wide * heart.height + heart.tilt * 0.25 * (x - x.mean())
    yield Shape(Layer.HEART, _line(x, y))
    # The great vessels leave it upwards: without them it would stand in the chest like a ball.
    left, right, root = int(np.argmax(x)), int(np.argmin(x)), y.min() - heart.root
    yield Shape(Layer.HEART, np.array([(x[right], y[right]), (-0.03, root), (0.05, root), (x[left], y[left])]))


def _mediastinum(patient: Patient) -> Iterator[Shape]:
    thorax = patient.thorax
    y = np.linspace(-1.3, thorax.domes[1] + 0.15, 40)
    spread = np.clip((y + 0.5) / 0.9, 0, 1) * 0.04
    knob = thorax.knob * np.exp(-(((y + 0.34) / 0.1) ** 2))
    trunk = 0.7 * thorax.knob * np.exp(-(((y + 0.12) / 0.11) ** 2))
    left, right = thorax.mediastinum + spread + knob + trunk, -thorax.mediastinum - spread
    yield Shape(Layer.MEDIASTINUM, np.concatenate((_line(left, y), _line(right, y)[::-1])))
    windpipe = np.array([(0.0, -1.3), (0.0, -0.7), (-0.015, -0.28)])
    yield Shape(Layer.AIRWAY, ribbon(windpipe, 0.075))
    for sign in SIDES:
        yield Shape(
            Layer.AIRWAY, ribbon(np.array([(-0.015, -0.3), (sign * 0.08, -0.2), (sign * 0.16, -0.13)]), 0.05), 150
        )


def _spine_at(patient: Patient, y: Points) -> Points:
    bones = patient.skeleton
    return np.asarray(bones.spine_bend * np.sin(2.5 * y + bones.spine_phase))


def _spine(patient: Patient) -> Iterator[Shape]:
    bones = patient.skeleton
    y = np.linspace(-1.3, 1.3, 40)
    yield Shape(Layer.SPINE, ribbon(_line(_spine_at(patient, y), y), 2 * bones.spine_width), 150)
    for top in np.arange(-1.2, 1.2, bones.vertebra):
        level = top + np.array([0.0, 0.5, 0.86]) * bones.vertebra
        waist = 2 * bones.spine_width * np.array([1.08, 0.94, 1.08])
        yield Shape(Layer.SPINE, ribbon(_line(_spine_at(patient, level), level), waist), 225)
        yield Shape(Layer.SPINE, ellipse(float(_spine_at(patient, level)[1]), float(level[1]), 0.014, 0.03))


def _ribs(patient: Patient) -> Iterator[Shape]:
    ribs = patient.ribs
    for side in (0, 1):
        for pair in range(ribs.pairs):
            back = _posterior(patient, side, pair)
            front = _anterior(patient, side, pair, back[-1])
            for layer, line, wide in ((Layer.POSTERIOR_RIB, back, 1.0), (Layer.ANTERIOR_RIB, front, 1.15)):
                thick = wide * ribs.thickness * np.linspace(0.8, 1.1, len(line))
                points = line * (SIDES[side], 1)
                yield Shape(layer, ribbon(points, thick))
                # The hard shell absorbs more than the marrow: a rib has bright edges.
                yield Shape(layer, ribbon(points, 0.55 * thick), 150)


def _posterior(patient: Patient, side: int, pair: int) -> Points:
    """A rib from the spine to the chest wall, side still unsigned."""
    ribs, number = patient.ribs, side * RIB_PAIRS + pair
    along = np.linspace(0, 1, 24)
    start = ribs.top + ribs.spacing * pair + ribs.offsets[number]
    drop = (ribs.drop + ribs.drops[number]) * (0.55 + 0.07 * pair)
    y = start - ribs.hump * np.sin(np.pi * along**0.8) + drop * along**2.6
    reach = float(_wall(patient, side, np.array([start + drop]))[0])
    return _line(0.07 + (reach - 0.05) * np.sin(np.pi / 2 * along), y)


def _anterior(patient: Patient, side: int, pair: int, start: Points) -> Points:
    """The same rib from the wall on, forwards and down to its cartilage."""
    ribs = patient.ribs
    along = np.linspace(0, 1, 18)
    end = 0.2 + 0.022 * pair + ribs.drops[side * RIB_PAIRS + pair]
    fall = ribs.anterior_slope * (0.5 + 0.06 * pair)
    return _line(
        start[0] + (end - start[0]) * (1 - np.cos(np.pi / 2 * along)), start[1] + fall * np.sin(np.pi / 2 * along)
    )


def _shoulders(patient: Patient) -> Iterator[Shape]:
    bones = patient.skeleton
    along = np.linspace(0, 1, 20)
    for side, sign in enumerate(SIDES):
        bend = bones.clavicle_bend * np.sin(2 * np.pi * along)
        height = bones.clavicle_height[side] - np.tan(bones.clavicle_angle[side]) * 0.78 * along + bend
        thick = bones.clavicle_thickness * (1.1 - 0.5 * np.sin(np.pi * along))
        line = _line(sign * (0.08 + 0.78 * along), height)
        yield Shape(Layer.CLAVICLE, ribbon(line, thick))
        yield Shape(Layer.CLAVICLE, ribbon(line, 0.55 * thick), 165)
        edge, long = bones.scapula_edge[side], bones.scapula_length
        blade = np.array(
            [(edge, -0.5), (edge + 0.02, -0.62), (0.98, -0.66), (0.96, -0.45), (edge + 0.14, -0.52 + long)]
        )
        yield Shape(Layer.SCAPULA, blade * (sign, 1), 190)
        yield Shape(Layer.SCAPULA, ribbon(blade[[0, 4, 3]] * (sign, 1), 0.025))
        yield Shape(Layer.CLAVICLE, ellipse(sign * 1.0, -0.52, 0.1, 0.11), 190)
        yield Shape(Layer.CLAVICLE, ribbon(np.array([(1.02, -0.5), (1.2, 0.1)]) * (sign, 1), 0.13), 190)


def _vessels(patient: Patient) -> Iterator[Shape]:
    rng = np.random.default_rng(patient.marks.vessel_seed)
    strength = int(200 * patient.marks.vessel_strength)
    for sign in SIDES:
        for angle in np.linspace(-1.25, 1.25, 6):
            start = np.array([sign * 0.13, 0.0 + 0.06 * angle])
            yield from _branch(rng, start, sign, angle + rng.uniform(-0.2, 0.2), 0.034, strength)


def _branch(
    rng: np.random.Generator, start: Points, sign: float, angle: float, wide: float, value: int
) -> Iterator[Shape]:
    """A vessel and those that leave it, thinner at every fork; none goes on below a hundredth."""
    if wide < 0.01:
        return
    length, bend = rng.uniform(0.13, 0.24), rng.uniform(-0.3, 0.3)
    course = angle + bend * np.linspace(0, 1, 6)
    steps = length / 6 * np.stack((sign * np.cos(course), np.sin(course)), axis=1)
    line = start + np.cumsum(steps, axis=0) - steps[0]
    yield Shape(Layer.VESSEL, ribbon(line, np.linspace(wide, 0.72 * wide, 6)), min(255, value))
    for turn in (-1, 1):
        yield from _branch(rng, line[-1], sign, course[-1] + turn * rng.uniform(0.15, 0.6), 0.68 * wide, value)


def _marks(patient: Patient) -> Iterator[Shape]:
    for x, y, radius in patient.marks.nodules:
        yield Shape(Layer.MARK, ellipse(x, y, radius, radius))
    if patient.marks.pacemaker is None:
        return
    x, y, turn = patient.marks.pacemaker
    case = ellipse(0, 0, 0.1, 0.075) @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    yield Shape(Layer.METAL, case + np.array([x, y]), 200)
    along = np.linspace(0, 1, 20)
    lead = _line(x * (1 - along) + 0.12 * along, y + 0.55 * along**1.5 - 0.12 * np.sin(np.pi * along))
    yield Shape(Layer.METAL, ribbon(lead, 0.014))
