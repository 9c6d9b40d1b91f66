"""Shared code of the penalties on the discriminator's gradient."""

from __future__ import annotations

import torch
from torch import Tensor

from ganbench import PER_SAMPLE_CRITIC, View

#: Why a penalty on gradients excludes batch statistics.
NEEDS = {
    PER_SAMPLE_CRITIC: "the penalty takes the gradient of each sample's logit by that sample alone, "
    "but batch statistics in the discriminator mix it with the other samples"
}


def sample_gradients(logits: Tensor, images: Tensor) -> Tensor:
    """(batch, c·h·w): for each sample, the gradient of the sum of its logits by its values.

    It is part of the graph, so that a penalty on it can be differentiated again. One backward pass
    serves the batch, because a sample's logits do not depend on the others.
    """
    (gradients,) = torch.autograd.grad(logits.sum(), images, create_graph=True)
    return gradients.flatten(1)


def gradient_norms(view: View, points: Tensor) -> Tensor:
    """(batch,): Euclidean norms of the critic's gradients at ``points`` (batch, c, h, w).

    Where a gradient vanishes, ``vector_norm`` passes on a zero instead of the square root's
    infinite slope.
    """
    leaf = points.detach().requires_grad_()
    gradients = sample_gradients(view.critic(leaf), leaf)
    norms: Tensor = torch.linalg.vector_norm(gradients, dim=1)
    return norms


def seen_real(view: View) -> Tensor:
    """The real images as the critic saw them; a discriminator's step always has them."""
    if view.seen_real is None:
        raise ValueError("this penalty needs the real images of a discriminator's step")
    return view.seen_real


def random_share(view: View, images: Tensor) -> Tensor:
    """(batch, 1, 1, 1): a number of U(0, 1) for each image."""
    shape = (len(images), *[1] * (images.ndim - 1))
    return torch.rand(shape, generator=view.random, device=images.device, dtype=images.dtype)
