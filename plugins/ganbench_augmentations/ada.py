"""Adaptive discriminator augmentation."""

from __future__ import annotations

import math
from collections.abc import MutableMapping

import torch
from torch import Tensor

from ganbench import Augmentation, DataSpec, Progress, option
from ganbench_augmentations import color, geometry
from ganbench_augmentations.draws import Draws
from ganbench_augmentations.resampling import copied, resampled

#: Height and width of the cutout, as shares of the image's.
CUTOUT = 0.5


class ADA(Augmentation):
    """Transformations with a probability p that adapts to the overfitting (Karras et al. 2020).

    Each transformation of the chosen sets is applied to each image with probability p, with the
    strengths of the paper's appendix B. The letters of ``policy`` are the sets: ``b`` pixel blitting
    (reflection, turns by 90 degrees, whole translations), ``g`` general geometry (scale, rotation,
    aspect, translation), ``c`` color (brightness, contrast, luma, hue, saturation) and ``x`` cutout.
    Geometry mirrors images at their edges and resamples them without aliasing.

    The options decide how p changes:

    - ``p_final``: a half cosine from ``p`` to ``p_final`` over the first ``anneal`` of the budget, as
      in R3GAN (Huang et al. 2025, arXiv:2501.05441), whose colors come at half the rate and which
      has cutout: ``ada[policy=bgcx,color_rate=0.5,p_final=0.55]``. ``target`` has no effect.
    - ``target`` (the default): r = E[sign D(x)] over real images of the last ``interval``
      discriminator updates; p rises if r is above the target and falls if it is below, at a rate
      that takes ``adjust_images`` real images from 0 to 1. p has the lower bound 0 and no upper
      bound, as in the paper (section 3): beyond 1 every transformation is applied.
    - ``target=none`` alone: p stays.

    The target is for logits that separate real from fake at 0. Those of Wasserstein and relativistic
    losses have no such threshold, so r says nothing: use ``p_final`` or ``target=none`` there.
    """

    paper = "Karras et al. 2020, arXiv:2006.06676"

    policy: str = option("bgc", "sets: any of b(lit), g(eometry), c(olor) and x (cutout)")
    target: float | None = option(0.6, "mean sign of real logits to keep to, or none", ge=-1, le=1)
    interval: int = option(4, "discriminator updates between two changes of p", ge=1)
    adjust_images: float = option(500_000, "real images in which p can go from 0 to 1", gt=0)
    p: float = option(0.0, "p at the start", ge=0, le=1)
    p_final: float | None = option(None, "p at the end of a schedule, or none", ge=0, le=1)
    anneal: float = option(1.0, "share of the budget that the schedule takes", gt=0, le=1)
    color_rate: float = option(1.0, "share of p that color transformations have", ge=0, le=1)

    def __post_init__(self) -> None:
        if not self.policy or set(self.policy) - set("bgcx"):
            raise ValueError(
                f"policy {self.policy!r} is invalid: use any of the letters "
                "b (blitting), g (geometry), c (color) and x (cutout), such as bgc"
            )
        # One policy has one spelling, and thus one identity in a grid.
        object.__setattr__(self, "policy", "".join(s for s in "bgcx" if s in self.policy))

    def problem(self, data: DataSpec) -> str | None:
        if data.kind == "points":
            return f"ada changes images, not {data}: leave it out"
        return None

    def initial_state(self, device: torch.device) -> dict[str, Tensor]:
        """``p``, and the sum of mean ``signs`` and the ``count`` of updates since p last changed."""
        start = {"p": self.p, "signs": 0.0, "count": 0.0}
        return {name: torch.full((), value, device=device) for name, value in start.items()}

    def apply(
        self, images: Tensor, random: torch.Generator, state: MutableMapping[str, Tensor]
    ) -> Tensor:
        draws, p = Draws(images, random), state["p"]
        images = self._moved(images, draws, p)
        if "c" in self.policy:
            images = color.drawn(draws, self.color_rate * p).apply(images)
        if "x" in self.policy:
            images = images * _uncovered(images, draws, p)
        return images

    def observe(self, real_logits: Tensor, state: MutableMapping[str, Tensor]) -> None:
        if self.target is None or self.p_final is not None:
            return
        signs, count = state["signs"], state["count"]
        signs.add_(real_logits.sign().mean())
        count.add_(1)
        due = count >= self.interval
        change = len(real_logits) * self.interval / self.adjust_images
        direction = (signs / count - self.target).sign()
        state["p"].add_(torch.where(due, change * direction, 0.0)).clamp_(min=0.0)
        signs.masked_fill_(due, 0.0)
        count.masked_fill_(due, 0.0)

    @property
    def follows_budget(self) -> bool:
        return self.p_final is not None

    def advance(self, state: MutableMapping[str, Tensor], progress: Progress) -> None:
        if self.p_final is None:
            return
        done = (1 - math.cos(math.pi * min(progress.share / self.anneal, 1.0))) / 2
        state["p"].fill_(self.p + (self.p_final - self.p) * done)

    def _moved(self, images: Tensor, draws: Draws, p: Tensor) -> Tensor:
        """Images after the geometric sets: one map for each, executed once."""
        height, width = images.shape[2:]
        maps, moved = geometry.identity(images), images
        if "b" in self.policy:
            maps = geometry.blit(draws, p, height, width)
            moved = copied(images, maps)
        if "g" in self.policy:
            further, changed = geometry.general(draws, p, height, width)
            anywhere = resampled(images, geometry.product(maps, further))
            # Images that were only blitted, or not moved at all, keep their exact pixels.
            moved = torch.where(changed[:, None, None, None], anywhere, moved)
        return moved


def _uncovered(images: Tensor, draws: Draws, p: Tensor) -> Tensor:
    """(batch, 1, h, w): 0 in a rectangle of half the size around any place, for chosen images."""
    covered = draws.chosen(p)[:, None, None, None]
    for size, shape in zip(images.shape[2:], ((-1, 1), (1, -1)), strict=True):
        place = (torch.arange(size, device=images.device, dtype=images.dtype) + 0.5) / size
        near = (place - draws.uniform(0.0, 1.0)[:, None]).abs() < CUTOUT / 2
        covered = covered & near.view(len(images), 1, *shape)
    return (~covered).to(images.dtype)
