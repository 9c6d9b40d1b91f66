"""The mapping network of StyleGAN2: from latents and labels to styles."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ganbench_style.equalized import LEAK, RECTIFIER_GAIN, EqualizedLinear


class Mapping(nn.Module):
    """(batch, latent_dim) latents, and (batch,) labels if there are classes, to (batch, w_dim) styles.

    Fully connected layers, each with a leaky rectifier. The inputs are the latents, scaled to a mean
    square of 1, and a linear embedding of the label, scaled alike. The layers learn at
    ``lr_multiplier`` times the rate (Karras et al. 2019, arXiv:1812.04948, appendix C), the embedding
    at the full one.

    It computes in full precision, since all of the image depends on it.

    :param latent_dim: 0 for labels alone.
    :param classes: 0 for latents alone.
    :param layers: may be 0 for labels alone.
    """

    def __init__(
        self, latent_dim: int, classes: int, w_dim: int, layers: int, lr_multiplier: float
    ) -> None:
        super().__init__()
        self.latent_dim, self.classes, self.w_dim = latent_dim, classes, w_dim
        self.embedding = EqualizedLinear(classes, w_dim) if classes else None
        first = latent_dim + (w_dim if classes else 0)
        gains = {"gain": RECTIFIER_GAIN, "bias_gain": RECTIFIER_GAIN}
        self.layers = nn.ModuleList(
            EqualizedLinear(w_dim if layer else first, w_dim, lr_multiplier=lr_multiplier, **gains)
            for layer in range(layers)
        )

    def forward(self, latents: Tensor | None, labels: Tensor | None) -> Tensor:
        if self.embedding is not None and labels is None:
            raise ValueError("a class-conditional stylegan2 needs labels")
        with torch.autocast(next(self.parameters()).device.type, enabled=False):
            values = torch.cat(self._inputs(latents, labels), 1)
            for layer in self.layers:
                values = F.leaky_relu(layer(values), LEAK)
        return values

    def _inputs(self, latents: Tensor | None, labels: Tensor | None) -> list[Tensor]:
        inputs = [] if latents is None else [normalized(latents)]
        if self.embedding is not None:
            assert labels is not None
            classes = torch.arange(self.classes, device=labels.device)
            one_hot = (labels[:, None] == classes).to(self.embedding.weight.dtype)
            inputs.append(normalized(self.embedding(one_hot)))
        return inputs


def normalized(vectors: Tensor) -> Tensor:
    """(batch, d) vectors, each scaled to a mean square of 1."""
    return vectors * (vectors.square().mean(1, keepdim=True) + 1e-8).rsqrt()
