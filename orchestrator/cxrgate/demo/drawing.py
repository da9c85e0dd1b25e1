"""From a patient and a view to a radiograph: absorption adds up along the ray, and the film darkens exponentially."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy import ndimage

from cxrgate.demo.anatomy import Patient
from cxrgate.demo.shapes import Layer, Points, Shape, shapes_of

SUPERSAMPLING = 2
ABSORPTION = {
    Layer.BODY: 0.62,
    Layer.ABDOMEN: 0.5,
    Layer.LUNG: -0.44,
    Layer.HEART: 0.5,
    Layer.MEDIASTINUM: 0.38,
    Layer.AIRWAY: -0.2,
    Layer.SPINE: 0.19,
    Layer.POSTERIOR_RIB: 0.2,
    Layer.ANTERIOR_RIB: 0.11,
    Layer.CLAVICLE: 0.3,
    Layer.SCAPULA: 0.13,
    Layer.VESSEL: 0.18,
    Layer.MARK: 0.5,
    Layer.METAL: 1.8,
}
"""What a full layer adds to the optical depth; chosen by eye."""
DISPLACED = 0.65
"""The share of the lung's air that the heart takes the place of along a ray; the rest lies before and behind it."""
SOFT = (Layer.BODY, Layer.ABDOMEN, Layer.LUNG, Layer.HEART, Layer.MEDIASTINUM, Layer.AIRWAY)
BONES = (Layer.SPINE, Layer.POSTERIOR_RIB, Layer.ANTERIOR_RIB, Layer.CLAVICLE, Layer.SCAPULA)
Film = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class View:
    """How one radiograph was taken: what differs between two pictures of a patient.

    `shift` in half image sides, `rotation` in degrees, `respiration` from -1 (breathed out) to 1, `exposure` the
    factor of the optical depth, `noise` in grey levels, `blur` in pixels at 256, `border` how far the collimator
    reaches in (left, top, right, bottom; half image sides), `marker` where the side marker stands, if anywhere.
    """

    shift: tuple[float, float] = (0.0, 0.0)
    rotation: float = 0.0
    scale: float = 1.0
    respiration: float = 0.0
    exposure: float = 1.0
    gamma: float = 1.0
    contrast: float = 1.0
    noise: float = 2.0
    blur: float = 0.4
    border: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    marker: tuple[float, float] | None = None
    grain: int = 0

    @classmethod
    def sample(cls, rng: np.random.Generator, strength: float = 1.0) -> View:
        """Draw a view; `strength` widens every range."""
        bordered = rng.random(4) < 0.3
        border = bordered * rng.uniform(0.0, 0.07 * strength, 4)
        marker = (rng.uniform(0.72, 0.86), rng.uniform(-0.9, -0.72))
        return cls(
            shift=(rng.uniform(-0.05, 0.05) * strength, rng.uniform(-0.05, 0.05) * strength),
            rotation=rng.uniform(-3, 3) * strength,
            scale=1 + rng.uniform(-0.05, 0.05) * strength,
            respiration=rng.uniform(-0.6, 0.6) * strength,
            exposure=float(np.exp(rng.uniform(-0.15, 0.15) * strength)),
            gamma=float(np.exp(rng.uniform(-0.15, 0.15) * strength)),
            contrast=1 + rng.uniform(-0.1, 0.05) * strength,
            noise=rng.uniform(1.0, 3.0) * strength,
            blur=rng.uniform(0.2, 0.6) * strength,
            border=(float(border[0]), float(border[1]), float(border[2]), float(border[3])),
            marker=marker if rng.random() < 0.5 else None,
            grain=int(rng.integers(2**32)),
        )


def draw(patient: Patient, view: View, size: int = 256) -> NDArray[np.uint8]:
    """Draw a frontal radiograph.

    Args:
        patient: Who is drawn.
        view: How the picture was taken.
        size: Side of the picture, pixels.

    Returns:
        uint8[size, size], 0 black; absorbing tissue is bright, air is dark.
    """
    shapes = shapes_of(patient)
    layers = _paint(shapes, _placed(shapes, view), size)
    return _developed(_depth(layers, patient, size), view, size)


def _placed(shapes: tuple[Shape, ...], view: View) -> Points:
    """All corners in image coordinates, -1 to 1: breathing moves what lies low, then the body is turned and shifted."""
    points = np.concatenate([shape.points for shape in shapes])
    depth = np.clip((points[:, 1] + 0.5) / 0.9, 0, 1)
    breathed = points + np.stack((0.02 * depth * points[:, 0], 0.07 * depth), axis=1) * view.respiration
    turn = np.deg2rad(view.rotation)
    matrix = view.scale * np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    return np.asarray(breathed @ matrix + view.shift)


def _paint(shapes: tuple[Shape, ...], points: Points, size: int) -> dict[Layer, Film]:
    """Fill every shape on its layer, float32[size, size] in 0..1."""
    side = size * SUPERSAMPLING
    canvases = {layer: Image.new("L", (side, side)) for layer in {shape.layer for shape in shapes}}
    pens = {layer: ImageDraw.Draw(canvas) for layer, canvas in canvases.items()}
    corners = ((points + 1) * (side / 2)).ravel().tolist()
    start = 0
    for shape in shapes:
        end = start + shape.points.size
        pens[shape.layer].polygon(corners[start:end], fill=shape.value)
        start = end
    return {
        layer: np.asarray(canvas.reduce(SUPERSAMPLING), dtype=np.float32) / np.float32(255)
        for layer, canvas in canvases.items()
    }


def _depth(layers: dict[Layer, Film], patient: Patient, size: int) -> Film:
    """The optical depth of every ray: soft tissue with softer edges, vessels only where there is air, and the bones."""
    air = layers[Layer.LUNG] * (1 - np.float32(DISPLACED) * layers[Layer.HEART])
    layers = {**layers, Layer.LUNG: air, Layer.VESSEL: layers[Layer.VESSEL] * air}
    bones = np.float32(patient.skeleton.density) * layers[Layer.BODY]
    thick = np.float32(0.85 + 0.35 * patient.thorax.soft_tissue)
    total = thick * _gaussian(_soft_tissue(layers), 1.8 * size / 256)
    for layer in sorted(layers.keys() - SOFT):
        total += np.float32(ABSORPTION[layer]) * (bones if layer in BONES else np.float32(1)) * layers[layer]
    return total


def _soft_tissue(layers: dict[Layer, Film]) -> Film:
    """Heart and great vessels are one silhouette, and end at the diaphragm, as what lies below absorbs as they do."""
    body, abdomen, lung, heart, mediastinum, airway = (np.float32(ABSORPTION[n]) * layers[n] for n in SOFT)
    silhouette = np.maximum(heart, mediastinum) * (1 - layers[Layer.ABDOMEN])
    total: Film = body + abdomen * layers[Layer.BODY] + lung + silhouette + airway
    return total


def _developed(depth: Film, view: View, size: int) -> NDArray[np.uint8]:
    """The film: blur, exponential response, tone curve, grain, then what lies on the plate."""
    blurred = _gaussian(depth, view.blur * size / 256)
    light = (1 - np.exp(np.float32(-1.25 * view.exposure) * np.maximum(blurred, 0))) ** np.float32(view.gamma)
    grain = np.random.default_rng(view.grain).standard_normal((size, size), dtype=np.float32)
    grey: Film = 255 * (0.5 + np.float32(view.contrast) * (light - 0.5)) + np.float32(view.noise) * grain
    if view.marker is not None:
        _mark(grey, view.marker)
    _collimate(grey, view.border)
    rounded: NDArray[np.uint8] = np.clip(np.rint(grey), 0, 255).astype(np.uint8)
    return rounded


def _gaussian(values: Film, sigma: float) -> Film:
    return np.asarray(ndimage.gaussian_filter(values, sigma, truncate=3), np.float32)


def _mark(grey: Film, corner: tuple[float, float]) -> None:
    """Lay an L of lead on the patient's left."""
    unit = len(grey) / 2
    x, y = (int((value + 1) * unit) for value in corner)
    high, wide = int(0.09 * unit), max(1, int(0.018 * unit))
    grey[y : y + high, x : x + wide] = 245
    grey[y + high - wide : y + high, x : x + int(0.055 * unit)] = 245


def _collimate(grey: Film, border: tuple[float, float, float, float]) -> None:
    """Darken what the collimator kept from the beam."""
    left, top, right, bottom = (int(share * len(grey) / 2) for share in border)
    size = len(grey)
    grey[:top] = grey[size - bottom :] = 4
    grey[:, :left] = grey[:, size - right :] = 4
