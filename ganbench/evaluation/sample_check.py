"""Samples that cannot be a result: a constant, noise, or copies of training images.

Their distances and shares may look good, above all with weak features. So the images themselves are
compared with real ones: how much they differ from each other, whether neighboring pixels are related,
and how near the nearest training image is.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from ganbench.evaluation.features import choice
from ganbench.evaluation.sources import Source

#: Generated samples that are looked at, and training images that they are compared with.
SAMPLES, REAL = 512, 60_000
#: Of the real images' spread, under which samples count as constant.
_CONSTANT = 0.05
#: Of the real images' correlation, and at all, under which neighbors count as unrelated.
_UNRELATED, _UNRELATED_AT_ALL, _RELATED = 0.25, 0.15, 0.3
#: Of the usual distance between a training image and its nearest other one, under which it is a copy.
_NEAR = 0.2
#: The share of copies that is named, and the fewest copies.
_COPIES, _FEWEST = 0.2, 5
_SIDE = 8  # pixels of the images whose distances are compared, and of the smallest scale
_ROWS = 4096


class FewImages:
    """Keeps the first images of a stream.

    :param most: how many.
    """

    def __init__(self, most: int = SAMPLES) -> None:
        self._left, self._parts = most, list[Tensor]()

    def see(self, images: Tensor) -> None:
        """(b, c, h, w) uint8 on any device."""
        if self._left > 0:
            self._parts.append(images[: self._left].cpu())
            self._left -= len(images)

    def images(self) -> Tensor:
        """(n, c, h, w) uint8; raises RuntimeError if nothing was seen."""
        return torch.cat(self._parts)


@dataclass(frozen=True)
class RealLook:
    """What real images look like.

    :ivar spread: mean standard deviation of a pixel over images; ``detail`` that within an image.
    :ivar related: correlation of neighboring pixels at each scale.
    :ivar small: (n, d) the images at `_SIDE` pixels a side.
    :ivar near: the distance under which two of these count as copies.
    :ivar share: of the real images that have a copy among themselves.
    :ivar covered: the part of the real images that ``small`` holds.
    """

    spread: float
    detail: float
    related: list[float]
    small: Tensor
    near: float
    share: float
    covered: float

    @classmethod
    def of(cls, source: Source, channels: int) -> RealLook | None:
        """The look of a source's images; None for images of several sizes, or fewer than 3."""
        if source.points or len(source.sizes) > 1 or source.count < 3:
            return None
        some, small = FewImages(), []
        places = choice(source.count, REAL)
        for batch in source.batches(places, channels, SAMPLES):
            some.see(batch.images)
            small.append(_small(batch.images.cpu()))
        images, vectors = some.images(), torch.cat(small)
        if len(vectors) < 3:
            return None
        asked = choice(len(vectors), SAMPLES)
        own = _nearest(vectors[asked], vectors, torch.from_numpy(asked))
        known = own[own > 0]
        near = _NEAR * float(known.median()) if len(known) else 0.0
        share = float((own < near).double().mean()) if near else 1.0
        covered = len(vectors) / source.count
        spread, detail, related = _looks(images)
        return cls(spread, detail, related, vectors, near, share, covered)


def remark(samples: Tensor, real: RealLook, may_copy: bool = True) -> str | None:
    """What is wrong with samples, beginning with ``constant``, ``noise`` or ``copies``; else None.

    :param samples: (n, c, h, w) uint8, n at least 2, of the size and channels of the real ones.
    :param may_copy: whether to look for copies.
    """
    spread, detail, related = _looks(samples)
    if spread < _CONSTANT * real.spread:
        return "constant: the samples hardly differ from each other"
    if detail < _CONSTANT * real.detail:
        return "constant: every sample is of about one color"
    for mine, theirs in zip(related, real.related, strict=True):
        if theirs > _RELATED and mine < min(_UNRELATED * theirs, _UNRELATED_AT_ALL):
            return (
                f"noise: neighboring pixels of the samples are unrelated (correlation {mine:.2f}, and "
                f"{theirs:.2f} in real images)"
            )
    return _copies(samples, real) if may_copy and real.near else None


def _copies(samples: Tensor, real: RealLook) -> str | None:
    mine = _small(samples)
    # A mirrored copy is a copy.
    side = mine.reshape(len(mine), -1, _SIDE, _SIDE).flip(3).flatten(1)
    distance = torch.minimum(_nearest(mine, real.small), _nearest(side, real.small))
    copies = int((distance < real.near).sum())
    share = min(1.0, copies / len(samples) / real.covered)
    if copies < _FEWEST or share < max(_COPIES, 3 * real.share):
        return None
    return f"copies: about {share:.0%} of the samples are copies of training images"


def _looks(images: Tensor) -> tuple[float, float, list[float]]:
    """Spread over images, spread within an image, and neighbors' correlation at each scale."""
    x = images.double()
    spread, detail = float(x.std(0).mean()), float(x.std((2, 3)).mean())
    related = []
    while True:
        related.append(_related(x))
        if min(x.shape[2:]) < 2 * _SIDE:
            return spread, detail, related
        x = F.avg_pool2d(x, 2)


def _related(x: Tensor) -> float:
    """The correlation of neighboring pixels, in what no other image and no whole image has."""
    x = x - x.mean(0)
    x = x - x.mean((2, 3), keepdim=True)
    power = float(x.square().mean())
    if power == 0:
        return 1.0
    across = float((x[..., 1:] * x[..., :-1]).mean())
    down = float((x[..., 1:, :] * x[..., :-1, :]).mean())
    return (across + down) / 2 / power


def _small(images: Tensor) -> Tensor:
    """(n, c · `_SIDE`²) float32."""
    return F.adaptive_avg_pool2d(images.float(), _SIDE).flatten(1)


def _nearest(points: Tensor, among: Tensor, itself: Tensor | None = None) -> Tensor:
    """(n,) distances to the nearest, by differences: products would hide how near copies are.

    :param itself: the row of ``among`` that each point is, which does not count.
    """
    found = torch.full((len(points),), torch.inf)
    for start in range(0, len(among), _ROWS):
        part = among[start : start + _ROWS]
        distances = torch.cdist(points, part, compute_mode="donot_use_mm_for_euclid_dist")
        if itself is not None:
            here = (itself >= start) & (itself < start + len(part))
            distances[here, itself[here] - start] = torch.inf
        found = torch.minimum(found, distances.min(1).values)
    return found
