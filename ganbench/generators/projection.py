"""Projection: latents from which a generator makes images as near as possible to given ones."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ganbench.base.errors import UsageError
from ganbench.base.files import replacing, storage_errors
from ganbench.base.pixels import to_float, to_uint8
from ganbench.generators.trained import Trained
from ganbench.training.sampler import LatentSampler, pass_size
from ganbench.training.streams import derive_seed

_STREAM = "projection"
_AT_ONCE = 64  # candidates in one pass, at the most
_CPU = torch.device("cpu")


@dataclass(frozen=True)
class Search:
    """How latents are searched.

    Of random candidates the nearest few begin. Adam moves each of them, with a rate that falls to 0
    as a cosine, down the mean squared difference of the pixels plus ``prior`` times the mean square
    of the latents, which keeps them where the generator was trained. The nearest image of all counts.

    :ivar steps: of Adam; 0 for the nearest candidate.
    :ivar candidates: random latents for each image, at least one of each class.
    :ivar starts: candidates that are moved.
    :ivar rate: of Adam at the start.
    """

    steps: int = 200
    candidates: int = 256
    starts: int = 4
    rate: float = 0.1
    prior: float = 1e-3


@dataclass(frozen=True)
class Projection:
    """What a projection reached.

    :ivar targets: (n, c, h, w) uint8: the given images.
    :ivar images: (n, c, h, w) uint8: the generator's.
    :ivar latents: (n, latent_dim) from which it makes them.
    :ivar labels: (n,) their classes, or None.
    :ivar begun: the distance of each image to the nearest random candidate.
    :ivar distances: to the image reached: the root of the mean squared difference of the pixels, where
        black is 0 and white is 1.
    """

    targets: torch.Tensor
    images: torch.Tensor
    latents: torch.Tensor
    labels: torch.Tensor | None
    begun: tuple[float, ...]
    distances: tuple[float, ...]

    def save(self, path: Path) -> None:
        """Write the latents, and labels if there are any, into an .npz file."""
        arrays = {"latents": self.latents.numpy()}
        if self.labels is not None:
            arrays["labels"] = self.labels.numpy()
        with storage_errors(path), replacing(path) as temporary, temporary.open("wb") as file:
            np.savez(file, allow_pickle=False, **arrays)

    def records(self) -> list[dict[str, Any]]:
        """For each image its distances and the PSNR in decibels; None where the images are equal."""
        return [
            {
                "image": number,
                "class": None if self.labels is None else int(self.labels[number]),
                "nearest_random": begun,
                "distance": reached,
                "psnr_db": -20 * math.log10(reached) if reached else None,
            }
            for number, (begun, reached) in enumerate(zip(self.begun, self.distances, strict=True))
        ]


def check_projectable(trained: Trained) -> None:
    """Raise UsageError for a generator that makes no images from latents."""
    if trained.translates or trained.data.kind == "points":
        what = "translates images" if trained.translates else f"makes {trained.data}"
        raise UsageError(
            f"the generator of trial {trained.trial} {what}; project needs one that makes images from "
            "latents"
        )


def project(
    trained: Trained,
    targets: torch.Tensor,
    seed: int = 0,
    search: Search = Search(),
    classes: Sequence[int] | None = None,
    tell: Callable[[], None] = lambda: None,
) -> Projection:
    """The latents of each image; an image's result does not depend on the others.

    :param targets: (n, c, h, w) uint8.
    :param classes: to try, for a class-conditional generator; all by default.
    :param tell: called after each image.
    :raises UsageError: for a generator without latents, or images of another shape.
    """
    check_projectable(trained)
    if tuple(targets.shape[1:]) != trained.data.shape:
        raise UsageError(
            f"the images are {tuple(targets.shape[1:])}, but trial {trained.trial} makes "
            f"{trained.data}: {trained.data.shape}"
        )
    sampler = trained.sampler(seed, classes)
    assert isinstance(sampler, LatentSampler)
    parameters = [(p, p.requires_grad) for p in sampler.generator.parameters()]
    found = []
    try:
        sampler.generator.requires_grad_(False)
        with sampler.ready(_STREAM):
            for target in targets:
                found.append(_Descent(sampler, target, seed, search).result())
                tell()
    finally:
        for parameter, before in parameters:
            parameter.requires_grad_(before)
    latents, labels, images = zip(*found, strict=True)
    reached = torch.cat([image for image, _ in images])
    return Projection(
        targets=targets,
        images=reached,
        latents=torch.stack(latents),
        labels=None if labels[0] is None else torch.stack(labels),
        begun=tuple(begun for _, begun in images),
        distances=tuple(
            _distance(mine, target) for mine, target in zip(reached, targets, strict=True)
        ),
    )


class _Descent:
    """The search for one image."""

    def __init__(
        self, sampler: LatentSampler, target: torch.Tensor, seed: int, search: Search
    ) -> None:
        self._sampler, self._search = sampler, search
        self._target = to_float(target[None].to(sampler.device))
        self._noise = derive_seed(seed, _STREAM, "noise")
        self._seed = derive_seed(seed, _STREAM, "candidates")

    def result(self) -> tuple[torch.Tensor, torch.Tensor | None, tuple[torch.Tensor, float]]:
        """The latents, their label, and the (1, c, h, w) uint8 image with the first distance."""
        latents, labels, begun = self._nearest()
        if self._search.steps:
            latents, labels = self._moved(latents, labels)
        else:
            latents, labels = latents[:1], None if labels is None else labels[:1]
        image = to_uint8(self._made(latents, labels)).cpu()
        label = None if labels is None else labels[0].cpu()
        return latents[0].detach().cpu(), label, (image, begun)

    def _nearest(self) -> tuple[torch.Tensor, torch.Tensor | None, float]:
        """The nearest candidates, the first one first, and its distance."""
        sampler, search = self._sampler, self._search
        turns = sampler.turns if sampler.turns is not None else sampler.known_labels
        count = max(search.candidates, search.starts, 0 if turns is None else len(turns))
        random = torch.Generator().manual_seed(self._seed)
        latents = sampler.architecture.sample_latents(count, random, _CPU)
        labels = None if turns is None else turns[torch.arange(count) % len(turns)]
        errors, size = [], min(_AT_ONCE, pass_size(sampler.architecture, sampler.data))
        for start in range(0, count, size):
            part = slice(start, start + size)
            made = self._made(latents[part], None if labels is None else labels[part])
            errors.append(self._errors(made).cpu())
        order = torch.cat(errors).argsort(stable=True)[: search.starts]
        chosen = None if labels is None else labels[order]
        first = to_uint8(self._made(latents[order[:1]], None if chosen is None else chosen[:1]))
        begun = _distance(first.cpu(), to_uint8(self._target).cpu())
        return latents[order], chosen, begun

    def _moved(
        self, latents: torch.Tensor, labels: torch.Tensor | None
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """The latents of the nearest image on all ways, and their label."""
        search = self._search
        moving = latents.to(self._sampler.device).clone().requires_grad_()
        best = moving.detach().clone()
        least = torch.full((len(best),), math.inf, device=best.device)
        optimizer = torch.optim.Adam([moving], lr=search.rate)
        for step in range(search.steps + 1):
            with torch.enable_grad():
                errors = self._errors(self._made(moving, labels, grad=True))
                loss = errors.sum() + search.prior * moving.square().mean(1).sum()
            nearer = errors.detach() < least
            least = torch.where(nearer, errors.detach(), least)
            best = torch.where(nearer[:, None], moving.detach(), best)
            if step < search.steps:
                share = (1 + math.cos(math.pi * step / search.steps)) / 2
                optimizer.param_groups[0]["lr"] = search.rate * share
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
        place = int(least.argmin())
        chosen = None if labels is None else labels[place : place + 1]
        return best[place : place + 1], chosen

    def _made(
        self, latents: torch.Tensor, labels: torch.Tensor | None, grad: bool = False
    ) -> torch.Tensor:
        return self._sampler.generate(latents, labels, self._noise, grad=grad)

    def _errors(self, images: torch.Tensor) -> torch.Tensor:
        """(b,) mean squared differences, of values in [-1, 1]."""
        return (images.clamp(-1, 1) - self._target).square().flatten(1).mean(1)


def _distance(image: torch.Tensor, target: torch.Tensor) -> float:
    """Of uint8 images, in units of white."""
    difference = (image.double() - target.double()) / 255
    return float(difference.square().mean().sqrt())
