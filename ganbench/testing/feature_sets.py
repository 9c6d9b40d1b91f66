"""Feature sets of made-up samples: good ones, and ones that are visibly damaged."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ganbench.components.data import Modes
from ganbench.components.extractor import FeatureNetwork, Features
from ganbench.components.metric import NEEDS, FeatureSet
from ganbench.evaluation.moments import Moments
from ganbench.testing.partners import CPU

_CLASSES = 4
_WIDTH = 12  # features
_STANDARD = 50_000  # samples that the moments claim, so that no column has to be missing
#: Noise on every sample, all samples brighter, one class shown as others, three samples again and again.
DAMAGES = ("noise", "shift", "lost mode", "repeats")


def feature_set(
    *, extractor: FeatureNetwork | None = None, count: int | None = None, **parts: Any
) -> FeatureSet:
    """A feature set of these parts, such as ``features=…`` and ``images=…``, as a metric gets them.

    Moments that are not given are those of the features.

    :param extractor: the network of the features; by default one that nothing is known of.
    :param count: samples behind the moments; as many as there are by default.
    """
    features = parts.get("features")
    if features is not None and len(features) > 1:
        parts.setdefault("moments", Moments.from_features(features))
    sizes = [len(part) for part in parts.values() if isinstance(part, Tensor)]
    size = sizes[0] if sizes else 0
    network = extractor or FeatureNetwork("made-up", lambda x: Features(x.flatten(1).float()))
    ready = {name: lambda part=part: part for name, part in parts.items()}
    return FeatureSet(size if count is None else count, size, network, CPU, ready, {})


def on_device(samples: FeatureSet, device: torch.device) -> FeatureSet:
    """The same samples on another device; the modes, which no network makes, stay."""
    there = [need for need in NEEDS if samples.lacks(need) is None]
    parts = {need: _moved(getattr(samples, need), device) for need in there}
    ready = {need: lambda part=part: part for need, part in parts.items()}
    return FeatureSet(samples.count, samples.size, samples.extractor, device, ready, {})


def _moved(part: Any, device: torch.device) -> Any:
    if isinstance(part, Tensor):
        return part.to(device)
    if isinstance(part, Moments):
        if part.rows is not None:
            return Moments(part.n, part.mean.to(device), rows=part.rows.to(device))
        return Moments(part.n, part.mean.to(device), part.cov.to(device))
    if callable(part):
        return lambda latents, *labels: part(latents.cpu(), *labels).to(device)
    return part


@dataclass(frozen=True)
class Samples:
    """Samples with what belongs to each.

    :ivar images: (n, c, h, w) float32: pixel values from 0 to 255, or points.
    :ivar labels: (n,) the class, or mode, of each.
    :ivar pairs: (n, c, h, w) the image that each sample should show.
    """

    images: Tensor
    labels: Tensor
    pairs: Tensor

    def __getitem__(self, rows: Tensor) -> Samples:
        return Samples(self.images[rows], self.labels[rows], self.pairs[rows])

    def showing(self, rows: Tensor) -> Samples:
        """The images of other rows, where those of these rows were asked for."""
        return dataclasses.replace(self, images=self.images[rows])


class MadeUpWorld:
    """A distribution of samples in four classes, and a network that looks at them.

    :param shape: (channels, height, width) of images; None for points in the plane.
    :param width: the number of features.
    """

    def __init__(self, shape: tuple[int, int, int] | None, width: int = _WIDTH) -> None:
        random = _random(0)
        self.points = shape is None
        self.shape = shape or (2, 1, 1)
        if self.points:
            self.centers = torch.tensor([[0.5, 0.5], [-0.5, 0.5], [0.5, -0.5], [-0.5, -0.5]])
            self.spread, self.unit = 0.02, 1.0
        else:
            self.centers = self._blocks(_CLASSES, random, 60, 200)
            self.spread, self.unit = 8.0, 255.0
        self.modes = Modes(self.centers.double(), self.spread)
        entries = self.centers.shape[1]
        self._mixing = torch.randn(entries, width, generator=random) / entries**0.5

    def draw(self, count: int, seed: int) -> Samples:
        """Fresh samples."""
        random = _random(1000 + seed)
        labels = torch.randint(_CLASSES, (count,), generator=random)
        meant = self.centers[labels]
        if not self.points:
            meant = meant + self._blocks(count, random, -25, 25)
        flat = meant + self.spread * torch.randn(meant.shape, generator=random)
        return Samples(self._shown(flat), labels, self._shown(meant))

    def seen(self, samples: Samples, held_out: Samples | None = None) -> FeatureSet:
        """Everything that a metric may ask for; labels are those that were asked for."""
        features, logits = self._network(samples.images)
        parts: dict[str, Any] = {
            "images": samples.images if self.points else samples.images.byte(),
            "features": features,
            "class_logits": logits,
            "labels": samples.labels,
            "pairs": samples.pairs if self.points else samples.pairs.byte(),
            "modes": self.modes,
            "generator": _generator_of(samples.images / self.unit * (1 if self.points else 2)),
        }
        if held_out is not None:
            parts["held_out"] = self._network(held_out.images)[0]
        network = FeatureNetwork(
            "made-up", lambda x: Features(*self._network(x)), standard_fid=True, classifies=True
        )
        return feature_set(extractor=network, count=_STANDARD, **parts)

    def damaged(self, samples: Samples, damage: str) -> Samples:
        """The samples after one of the `DAMAGES`."""
        if damage == "noise":
            return self.moved(samples, 8 * torch.randn(samples.images.shape, generator=_random(1)))
        if damage == "shift":
            return self.moved(samples, 6.0)
        rows = torch.arange(len(samples.labels))
        if damage == "repeats":
            return samples.showing(rows % 3)
        kept = (samples.labels != 0).nonzero()[:, 0]
        other = kept[torch.randint(len(kept), rows.shape, generator=_random(2))]
        return samples.showing(rows.where(samples.labels != 0, other))

    def moved(self, samples: Samples, by: Tensor | float) -> Samples:
        """The samples with something added, in units of a class's spread."""
        images = (samples.images + self.spread * by).flatten(1)
        return dataclasses.replace(samples, images=self._shown(images))

    def _network(self, images: Tensor) -> tuple[Tensor, Tensor]:
        flat = images.flatten(1).float()
        distances = torch.cdist(flat, self.centers) / self.spread / flat.shape[1] ** 0.5
        center = 0.0 if self.points else 0.5
        return (flat / self.unit - center) @ self._mixing, -distances.square()

    def _shown(self, flat: Tensor) -> Tensor:
        images = flat.view(len(flat), *self.shape)
        return images if self.points else images.round().clamp(0, 255)

    def _blocks(self, count: int, random: torch.Generator, low: float, high: float) -> Tensor:
        """(count, entries) images of 2x2 blocks of color."""
        channels, height, width = self.shape
        small = torch.rand(count, channels, 2, 2, generator=random) * (high - low) + low
        return torch.nn.functional.interpolate(small, (height, width)).flatten(1)


def _random(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _generator_of(images: Tensor) -> Callable[..., Tensor]:
    """Latents to the images, each to the one with its number modulo theirs."""

    def generate(latents: Tensor, labels: Tensor | None = None) -> Tensor:
        places = (latents.flatten(1)[:, 0].double() * 2**20).long() % len(images)
        return images[places]

    return generate
