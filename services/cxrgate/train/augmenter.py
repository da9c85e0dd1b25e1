"""Random changes of radiographs: how another picture of a patient, or a copy of a picture, may differ.

Generated images are smoother and smaller than real ones, and a model that was trained on clean pairs fails on
degraded copies: so resolution, geometry and intensity all change.
"""

from __future__ import annotations

import io

import numpy as np
import torch
from PIL import Image
from torch import Generator, Tensor
from torch.nn import functional

from cxrgate.train.augmentation import Augmentation

_SHARED = 8
"""Images of a batch that share one resolution: resampling in groups is several times faster."""


class Augmenter:
    """Changes batches within the ranges of an Augmentation."""

    def __init__(self, ranges: Augmentation) -> None:
        self.ranges = ranges

    def __call__(self, pixels: Tensor, side: int, generator: Generator) -> Tensor:
        """Change each image of a batch by itself.

        Args:
            pixels: uint8[n, height, width].
            side: of the result, px.
            generator: everything random comes from it.

        Returns:
            float32[n, 1, side, side] in 0 to 1.
        """
        ranges = self.ranges
        draw = _Draw(len(pixels), generator)
        x = pixels.unsqueeze(1).to(torch.float32) / 255
        x = self._intensity(x, draw)
        x = self._geometry(x, side, draw)
        x = self._resolution(x, draw)
        x = x + torch.randn(x.shape, generator=generator) * draw.uniform(0, ranges.noise) * draw.chosen(0.3)
        return self._erase(self._jpeg(x.clamp(0, 1), draw), draw)

    def _intensity(self, x: Tensor, draw: _Draw) -> Tensor:
        ranges = self.ranges
        if ranges.blend:
            x = torch.lerp(x, x.roll(1, 0), draw.uniform(0.05, 0.3) * draw.chosen(ranges.blend))
        x = x.clamp_min(1e-4) ** draw.factor(ranges.gamma)
        mean = x.mean((2, 3), keepdim=True)
        x = (x - mean) * draw.factor(ranges.contrast) + mean + draw.uniform(-ranges.brightness, ranges.brightness)
        field = torch.randn(len(x), 1, 4, 4, generator=draw.generator) * ranges.shading * draw.chosen(0.5)
        x = x + functional.interpolate(field, size=x.shape[-2:], mode="bicubic", align_corners=False)
        inverted = draw.chosen(ranges.invert)
        return x * (1 - inverted) + (1 - x) * inverted

    def _geometry(self, x: Tensor, side: int, draw: _Draw) -> Tensor:
        ranges = self.ranges
        turn = draw.uniform(-ranges.rotation, ranges.rotation).ravel() * np.pi / 180
        zoom, aspect = draw.uniform(*ranges.zoom).ravel(), draw.factor(ranges.aspect).ravel()
        mirror = 1 - 2 * draw.chosen(ranges.flip).ravel()
        matrix = torch.zeros(len(x), 2, 3)
        matrix[:, 0, 0], matrix[:, 0, 1] = mirror * zoom * aspect * turn.cos(), -zoom * turn.sin()
        matrix[:, 1, 0], matrix[:, 1, 1] = mirror * zoom * turn.sin(), zoom / aspect * turn.cos()
        matrix[:, :, 2] = torch.cat([draw.uniform(-ranges.shift, ranges.shift).view(-1, 1) for _ in range(2)], 1)
        grid = functional.affine_grid(matrix, [len(x), 1, side, side], align_corners=False)
        padding = "border" if draw.coin() else "zeros"
        return functional.grid_sample(x, grid, mode="bilinear", padding_mode=padding, align_corners=False)

    def _resolution(self, x: Tensor, draw: _Draw) -> Tensor:
        ranges = self.ranges
        side = x.shape[-1]
        for start in range(0, len(x), _SHARED):
            if draw.number() < ranges.resolution and ranges.smallest < side:
                least = int(ranges.smallest * 0.6) if draw.number() < 0.1 else ranges.smallest
                small = least + int(draw.number() * (side - least))
                part = x[start : start + _SHARED]
                part = functional.interpolate(part, size=small, mode="bilinear", antialias=True, align_corners=False)
                part = functional.interpolate(part, size=side, mode="bicubic", align_corners=False)
                x[start : start + _SHARED] = part
        return x

    def _jpeg(self, x: Tensor, draw: _Draw) -> Tensor:
        ranges = self.ranges
        low, high = ranges.quality
        for row in draw.rows(ranges.jpeg):
            buffer = io.BytesIO()
            grey = (x[row, 0] * 255).to(torch.uint8).numpy()
            Image.fromarray(grey).save(buffer, "JPEG", quality=low + int(draw.number() * (high - low)))
            x[row, 0] = torch.from_numpy(np.array(Image.open(buffer), dtype=np.float32)) / 255
        return x

    def _erase(self, x: Tensor, draw: _Draw) -> Tensor:
        ranges = self.ranges
        side = x.shape[-1]
        for row in draw.rows(ranges.erase):
            high, wide = (side // 16 + int(draw.number() * side * 3 / 16) for _ in range(2))
            top, left = int(draw.number() * (side - high)), int(draw.number() * (side - wide))
            x[row, 0, top : top + high, left : left + wide] = draw.number()
        return x


class _Draw:
    """Random numbers, one per image of a batch."""

    def __init__(self, count: int, generator: Generator) -> None:
        self.count, self.generator = count, generator

    def uniform(self, low: float, high: float) -> Tensor:
        """float32[n, 1, 1, 1]."""
        return torch.rand(self.count, 1, 1, 1, generator=self.generator) * (high - low) + low

    def factor(self, spread: float) -> Tensor:
        """float32[n, 1, 1, 1] of exp(-spread) to exp(spread)."""
        return self.uniform(-spread, spread).exp()

    def chosen(self, share: float) -> Tensor:
        """float32[n, 1, 1, 1]: 1 for that share of the images, else 0."""
        return (self.uniform(0, 1) < share).to(torch.float32)

    def rows(self, share: float) -> list[int]:
        """The images that are chosen, by number."""
        return [int(row) for row in torch.nonzero(self.chosen(share).ravel()).ravel()]

    def number(self) -> float:
        """One number of 0 to 1."""
        return float(torch.rand(1, generator=self.generator))

    def coin(self) -> bool:
        """Heads or tails, for the whole batch."""
        return self.number() < 0.5
