"""Zero-centred gradient penalties.

They differentiate the logits that the step has computed anyway: there is no further forward pass.
"""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from ganbench import Regularizer, View, option
from ganbench_regularizers.gradients import NEEDS, real_images, sample_gradients


class R1(Regularizer):
    """γ/2 · E[‖∇C(x)‖₂²] over real samples (Mescheder, Geiger & Nowozin 2018, equation 9).

    γ = 10 is the paper's choice for its images of 128 to 1024 pixels a side. The gradient has as
    many entries as the image, so small images want far less: Karras et al. 2020, arXiv:2006.06676,
    start from 0.0002 · height · width / batch size.
    """

    paper = "Mescheder et al. 2018, arXiv:1801.04406"
    differentiates: ClassVar[frozenset[str]] = frozenset({"real"})
    needs: ClassVar[dict[str, str]] = NEEDS

    gamma: float = option(10.0, "γ; small images want less", ge=0)

    def discriminator(self, view: View) -> Tensor:
        images = real_images(view)
        assert view.real_logits is not None, "a view with real images has the responses to them"
        return _half_mean_square(self.gamma, view.real_logits, images)


class R2(Regularizer):
    """γ/2 · E[‖∇C(G(z))‖₂²] over generated samples (Mescheder et al. 2018, equation 10).

    See ``r1`` for γ.
    """

    paper = "Mescheder et al. 2018, arXiv:1801.04406"
    differentiates: ClassVar[frozenset[str]] = frozenset({"fake"})
    needs: ClassVar[dict[str, str]] = NEEDS

    gamma: float = option(10.0, "γ; small images want less", ge=0)

    def discriminator(self, view: View) -> Tensor:
        return _half_mean_square(self.gamma, view.fake_logits, view.fake)


def _half_mean_square(gamma: float, logits: Tensor, images: Tensor) -> Tensor:
    return 0.5 * gamma * sample_gradients(logits, images).square().sum(1).mean()
