"""Truncated latents and standing statistics (Brock et al. 2019, section 3.1 and appendix)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

#: Samples, and pixels, in one of the batches over which standing statistics are averaged, at the most.
STANDING_BATCH, _PIXELS = 64, 2**20


def truncated_normal(latents: Tensor, truncation: float) -> Tensor:
    """Standard normal numbers, mapped to those of a normal truncated to [-truncation, truncation].

    A number keeps its quantile: z' = Φ⁻¹(Φ(-t) + Φ(z) (Φ(t) - Φ(-t))).
    """
    if truncation < 0:
        raise ValueError(f"truncation={truncation}: must be at least 0")
    bounds = torch.tensor([-truncation, truncation], dtype=torch.float64, device=latents.device)
    low, high = torch.special.ndtr(bounds)
    quantiles = low + torch.special.ndtr(latents.double()) * (high - low)
    mapped: Tensor = torch.special.ndtri(quantiles).clamp(-truncation, truncation)
    return mapped.to(latents.dtype)


@torch.no_grad()
def set_standing_statistics(
    generator: nn.Module,
    draw: Callable[[int], tuple[Tensor, Tensor | None]],
    batches: int,
    pixels: int,
) -> None:
    """Replace batch norm's moving averages by the mean of fresh batches' statistics.

    Only batch norm computes as in training. Only the generator's statistics change. A batch has 64
    samples, or fewer of more than 128 pixels a side, so that it needs no more memory.

    :param draw: count -> latents, and labels or None.
    :param pixels: of one image.
    """
    norms = [module for module in generator.modules() if isinstance(module, nn.BatchNorm2d)]
    size = max(2, min(STANDING_BATCH, _PIXELS // pixels))
    training, momenta = generator.training, [norm.momentum for norm in norms]
    generator.eval()
    try:
        for number in range(1, batches + 1):
            for norm in norms:
                norm.train()
                norm.momentum = 1 / number  # makes the moving average a plain mean
            generator(*draw(size))
    finally:
        generator.train(training)
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
