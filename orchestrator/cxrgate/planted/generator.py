"""C10: a small variational decoder, over-fitted on a few images, so that the source of each sample is known.

It is conditioned on the source: each training image has a latent distribution of its own, learnt with the decoder (a
variational autodecoder, Zadeh et al. 2019: an autoencoder without the encoder that nobody needs afterwards). It stands
in for a generator that has memorised its training images: what it draws is smoother than they are, has its own faults,
and comes closer to the other images the more noise the latent of the source is given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from cxrgate.core.progress import Progress, silent
from cxrgate.planted.classes.geometry import resized
from cxrgate.planted.leak import Pixels

SIDE = 128
"""Of what it draws, px."""
LATENT = 48
STEPS, BATCH = 900, 16
RATE, LATENT_RATE = 3e-3, 2e-2
DIVERGENCE = 1e-3
"""Weight of the Kullback-Leibler term, per pixel: small, so that the images are learnt by heart."""
_WIDTHS = (96, 64, 48, 24, 12)
_GRID = SIDE // 2 ** len(_WIDTHS)


class _Decoder(nn.Module):
    """float[n, LATENT] to images float[n, 1, SIDE, SIDE] in [0, 1]; and the latents' means and log variances."""

    def __init__(self, images: int) -> None:
        super().__init__()
        self.mean = nn.Parameter(torch.randn(images, LATENT))
        self.spread = nn.Parameter(torch.full((images, LATENT), -4.0))
        self.grid = nn.Linear(LATENT, _WIDTHS[0] * _GRID**2)
        blocks = (layer for pair in pairwise(_WIDTHS) for layer in _up(*pair))
        # Twice the resolution at the end comes from four channels: the widest maps cost the most.
        self.layers = nn.Sequential(*blocks, nn.Conv2d(_WIDTHS[-1], 4, 3, padding=1), nn.PixelShuffle(2))

    def forward(self, latents: Tensor) -> Tensor:
        grid = self.grid(latents).view(-1, _WIDTHS[0], _GRID, _GRID)
        return torch.sigmoid(self.layers(grid))


def _up(inputs: int, outputs: int) -> tuple[nn.Module, ...]:
    convolution = nn.Conv2d(inputs, outputs, 3, padding=1)
    return nn.Upsample(scale_factor=2), convolution, nn.GroupNorm(4, outputs), nn.SiLU()


@dataclass(frozen=True, slots=True, eq=False)
class Generator:
    """Fitted. `error` is the root mean square of the difference from the images, in grey levels."""

    network: _Decoder = field(repr=False)
    error: float

    @torch.no_grad()
    def draw(self, source: int, strength: float, rng: np.random.Generator) -> Pixels:
        """A sample uint8[SIDE, SIDE] of the image number `source`; strength 0 is what it remembers, 1 forgets it."""
        latents = self.network.mean
        noise = torch.from_numpy(rng.normal(size=LATENT).astype(np.float32))
        own = (1 - strength**2) ** 0.5 * (latents[source] - latents.mean(0))
        image = self.network((latents.mean(0) + own + strength * latents.std(0) * noise)[None])[0, 0]
        return np.asarray((255 * image).round().to(torch.uint8).numpy())


def fit_generator(
    images: Sequence[Pixels], seed: int = 0, steps: int = STEPS, progress: Progress = silent
) -> Generator:
    """Over-fit on two or more images; equal on one machine for equal seeds.

    Args:
        images: uint8[height, width], of any size.
        seed: of the fit.
        steps: how many there are.
        progress: called with "fit a generator", steps done now and in all.
    """
    squares = np.stack([resized(image, SIDE, SIDE) for image in images])
    target = torch.from_numpy(squares).unsqueeze(1).to(torch.float32) / 255
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = _Decoder(len(images))
        _fit(network, target, steps, progress)
    with torch.no_grad():
        error = 255 * functional.mse_loss(network(network.mean), target).sqrt().item()
    return Generator(network, error)


def _fit(network: _Decoder, target: Tensor, steps: int, progress: Progress) -> None:
    latents = [network.mean, network.spread]
    others = [*network.grid.parameters(), *network.layers.parameters()]
    optimizer = torch.optim.Adam([{"params": latents, "lr": LATENT_RATE}, {"params": others, "lr": RATE}])
    rates = torch.optim.lr_scheduler.OneCycleLR(optimizer, [LATENT_RATE, RATE], total_steps=steps)
    for _ in range(steps):
        chosen = torch.randperm(len(target))[:BATCH]
        optimizer.zero_grad()
        _loss(network, chosen, target[chosen]).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        rates.step()
        progress("fit a generator", 1, steps)


def _loss(network: _Decoder, chosen: Tensor, target: Tensor) -> Tensor:
    mean, spread = network.mean[chosen], network.spread[chosen]
    images = network(mean + torch.randn_like(mean) * (spread / 2).exp())
    divergence = (mean**2 + spread.exp() - 1 - spread).sum(1).mean() / 2
    return functional.mse_loss(images, target) + DIVERGENCE * divergence / SIDE**2
