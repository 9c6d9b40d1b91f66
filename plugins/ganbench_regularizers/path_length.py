"""The path length regularizer of StyleGAN2."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from ganbench import STYLES, Regularizer, View, option

_MEAN, _SHARE = "mean_length", "share_of_lengths"


class PathLength(Regularizer):
    """weight · E[(‖Jᵀy‖ - a)²], J = ∂images/∂styles (Karras et al. 2020, section 3.2).

    A step of a given length in the styles should change the image equally everywhere. Jᵀy
    is the styles' slope along y ~ N(0, 1) / sqrt(height · width), one number for each value of the
    image. Its squared norm is averaged over the layers that styles go into. a is the running mean of
    the norms; it includes ``decay`` of each batch's mean before that batch is compared with it. Its
    start is corrected as in Adam, so it is a mean of norms from the first batch on: a mean that starts
    from 0, as in the authors' program, would at first shorten all paths, for a large part of a small
    training.

    The paper's weight is ln 2 / (r² (ln r - ln 2)) for r pixels a side and y ~ N(0, 1), with no average
    over layers (appendix B). A design of 2 log₂ r - 2 layers has that at a weight of 2, because y here
    contributes 1/r² and the average 1/layers. ``every`` keeps the average weight of the term.
    """

    paper = "Karras et al. 2020, arXiv:1912.04958"
    players = frozenset({"generator"})
    needs: ClassVar[dict[str, str]] = {
        STYLES: "the penalty takes the gradient of images by the styles that they are made from"
    }

    weight: float = option(2.0, "γ_pl, for y and norms averaged over pixels and layers", ge=0)
    decay: float = option(0.01, "share of the new mean in the running one", gt=0, le=1)
    batch_shrink: int = option(2, "the term uses one in this many samples", ge=1)
    every: int = option(4, "compute the term only in every n-th step, n times as strong", ge=1)

    def initial_state(self, device: torch.device) -> dict[str, Tensor]:
        return {name: torch.zeros((), device=device) for name in (_MEAN, _SHARE)}

    def generator(self, view: View) -> Tensor:
        lengths = path_lengths(view, self.batch_shrink)
        mean, share = view.state[_MEAN], view.state[_SHARE]
        mean.lerp_(lengths.detach().mean().to(mean.dtype), self.decay)
        share.lerp_(torch.ones_like(share), self.decay)
        return self.weight * (lengths - mean / share).square().mean()


def path_lengths(view: View, batch_shrink: int) -> Tensor:
    """(samples,): for the first of the latents, how far the images move with their styles.

    Their graph reaches the generator's weights through the slopes. Labels are bound to the latents of
    a whole batch, so that a labeled batch does not shrink.
    """
    if view.with_styles is None or view.latents is None:
        raise ValueError("path lengths need a generator with styles, in its own step")
    shrink = batch_shrink if view.labels is None else 1
    count = max(1, len(view.latents) // shrink)
    images, styles = view.with_styles(view.latents[:count])
    noise = torch.randn(
        images.shape, generator=view.random, device=images.device, dtype=images.dtype
    )
    moved = (images * noise).sum() / (images.shape[-2] * images.shape[-1]) ** 0.5
    (slopes,) = torch.autograd.grad(moved, styles, create_graph=True)
    lengths: Tensor = torch.linalg.vector_norm(slopes, dim=(1, 2)) / slopes.shape[1] ** 0.5
    return lengths
