"""The augmentation of DiffAugment."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from typing import Literal

import torch
from torch import Tensor

from ganbench import Augmentation, DataSpec, option
from ganbench_augmentations.draws import Draws, shaped
from ganbench_augmentations.pixels import look_up

Part = Literal["color", "translation", "cutout"]


class DiffAugment(Augmentation):
    """Color, translation and cutout, each applied to every image (Zhao et al. 2020, section 3).

    ``color`` adds U(-0.5, 0.5) to an image, multiplies its saturation by U(0, 2) and its contrast by
    U(0.5, 1.5), in units of the range [-1, 1]; a gray image has no saturation to change.
    ``translation`` moves it by whole pixels, up to an eighth of its size each way, and ``cutout``
    blanks a rectangle of half its height and width; both leave zeros, the middle gray.

    ``policy`` names the parts in the order of their application: ``policy=color+cutout``,
    ``policy="color,cutout"`` and ``policy=[color,cutout]`` are the same.
    """

    paper = "Zhao et al. 2020, arXiv:2006.10738"

    policy: tuple[Part, ...] | str = option(
        ("color", "translation", "cutout"), "parts to apply, such as color+translation"
    )
    translation: float = option(0.125, "greatest translation, as a share of the size", ge=0, lt=1)
    cutout: float = option(
        0.5, "height and width of the cutout, as a share of the size", gt=0, lt=1
    )

    def __post_init__(self) -> None:
        # One policy has one spelling, and thus one identity in a grid.
        object.__setattr__(self, "policy", _parts(self.policy))

    def problem(self, data: DataSpec) -> str | None:
        if data.kind == "points":
            return f"diffaugment changes images, not {data}: leave it out"
        return None

    def apply(
        self, images: Tensor, random: torch.Generator, state: MutableMapping[str, Tensor]
    ) -> Tensor:
        draws = Draws(images, random)
        steps: dict[str, Callable[[Tensor], Tensor]] = {
            "color": lambda x: colored(x, draws),
            "translation": lambda x: translated(x, *self._shifts(x, draws)),
            "cutout": lambda x: x * self._kept(x, draws),
        }
        for part in self.policy:
            images = steps[part](images)
        return images

    def _shifts(self, images: Tensor, draws: Draws) -> tuple[Tensor, Tensor]:
        """(batch,) whole pixels downwards, and to the right."""
        height, width = (int(size * self.translation + 0.5) for size in images.shape[2:])
        return draws.below(2 * height + 1) - height, draws.below(2 * width + 1) - width

    def _kept(self, images: Tensor, draws: Draws) -> Tensor:
        """(batch, 1, h, w): 0 in a rectangle whose middle is anywhere in the image, 1 elsewhere."""
        rows, columns = (_stretch(size, self.cutout, draws, images) for size in images.shape[2:])
        return (~(rows[:, None, :, None] & columns[:, None, None, :])).to(images.dtype)


def colored(images: Tensor, draws: Draws) -> Tensor:
    """Brightness, saturation and contrast changed, in this order."""
    images = images + shaped(draws.uniform(-0.5, 0.5))
    if images.shape[1] > 1:
        images = torch.lerp(images.mean(1, keepdim=True), images, shaped(draws.uniform(0.0, 2.0)))
    mean = images.mean((1, 2, 3), keepdim=True)
    return torch.lerp(mean, images, shaped(draws.uniform(0.5, 1.5)))


def translated(images: Tensor, down: Tensor, right: Tensor) -> Tensor:
    """Images moved by (batch,) whole pixels, with zeros at the vacated pixels."""
    height, width = images.shape[2:]
    rows, row_there = _sources(height, down)
    columns, column_there = _sources(width, right)
    index = (rows[:, :, None] * width + columns[:, None, :]).flatten(1)
    there = row_there[:, None, :, None] & column_there[:, None, None, :]
    return look_up(images.flatten(2), index).reshape(images.shape) * there


def _sources(count: int, shift: Tensor) -> tuple[Tensor, Tensor]:
    """For the places of an axis, where each one's pixel comes from, and whether from within."""
    source = torch.arange(count, device=shift.device) - shift[:, None]
    inside = source.clamp(0, count - 1)
    return inside, source == inside


def _stretch(count: int, share: float, draws: Draws, images: Tensor) -> Tensor:
    """(batch, count) booleans: the places of an axis that a stretch of whole pixels covers."""
    length = int(count * share + 0.5)
    # A stretch of even length may have its middle at either end of the axis.
    start = draws.below(count + 1 - length % 2) - length // 2
    place = torch.arange(count, device=images.device) - start[:, None]
    return (place >= 0) & (place < length)


def _parts(policy: tuple[str, ...] | str) -> tuple[str, ...]:
    names = policy.replace("+", ",").split(",") if isinstance(policy, str) else policy
    parts = tuple(name.strip() for name in names)
    known = ("color", "translation", "cutout")
    if not parts or set(parts) - set(known) or len(set(parts)) < len(parts):
        raise ValueError(
            f"policy {policy!r} is invalid: use each of {', '.join(known)} "
            "at most once, joined by plus signs"
        )
    return parts
