"""The averaged generator: an exponential moving average of weights, by half-life in images."""

from __future__ import annotations

import copy

import torch
from torch.nn.utils.parametrizations import _SpectralNorm


class AveragedGenerator:
    """Keeps ``module``, a copy of the generator whose weights trail the trained ones.

    The half-life is ``images`` images, and at most ``rampup`` times the images seen so far, so that
    the first random weights are forgotten soon (Karras et al. 2020, arXiv:2006.06676, appendix).
    Until ``start`` images it is a plain copy.
    Floating-point buffers such as batch norm's running statistics are averaged as well, because they
    must fit the averaged weights. Integer buffers are copied, and so are spectral norm's vectors: a
    mean of unit vectors is shorter than one and would enlarge the weights.

    :param kept_on: the device of a step that is recorded: the share of the average that a step keeps is
        then a tensor there, which `prepare` sets.
    """

    def __init__(
        self,
        generator: torch.nn.Module,
        images: float,
        rampup: float,
        start: int = 0,
        kept_on: torch.device | None = None,
    ) -> None:
        self._images, self._rampup, self._start = images, rampup, start
        self._weight = 0.0
        self._kept = None if kept_on is None else torch.zeros((), device=kept_on)
        self._source = generator
        self.module = generator if images == 0 else copy.deepcopy(generator).requires_grad_(False)
        self._averaged: list[torch.Tensor] = []
        self._trained: list[torch.Tensor] = []
        self._copies: list[tuple[torch.Tensor, torch.Tensor]] = []
        if self.module is not generator:
            self._collect()

    def prepare(self, images: int, batch: int) -> None:
        """Choose the weight of the next `update`, in a step that uses ``batch`` of ``images`` images."""
        half_life = min(self._images, self._rampup * images) if self._rampup else self._images
        weight = 1.0 - 0.5 ** (batch / max(half_life, 1e-8))
        if images <= self._start:
            weight = 1.0
        if self._kept is None:
            self._weight = weight
        else:
            self._kept.fill_(1.0 - weight)

    def update(self) -> None:
        """Move towards the trained weights."""
        if not self._averaged:
            return
        if self._kept is None:
            torch._foreach_lerp_(self._averaged, self._trained, self._weight)
        else:  # in place, and a weight of 1 copies exactly
            torch._foreach_sub_(self._averaged, self._trained)
            torch._foreach_mul_(self._averaged, self._kept)
            torch._foreach_add_(self._averaged, self._trained)
        for mine, theirs in self._copies:
            mine.copy_(theirs)

    def copy(self) -> None:
        """Begin again from the trained weights."""
        with torch.no_grad():
            for averaged, trained in zip(self._averaged, self._trained, strict=True):
                averaged.copy_(trained)
            for mine, theirs in self._copies:
                mine.copy_(theirs)

    def _collect(self) -> None:
        mine = [*self.module.parameters(), *self.module.buffers()]
        theirs = [*self._source.parameters(), *self._source.buffers()]
        unit = {
            id(buffer)
            for part in self.module.modules()
            if isinstance(part, _SpectralNorm)
            for buffer in part.buffers()
        }
        for averaged, trained in zip(mine, theirs, strict=True):
            if averaged.is_floating_point() and id(averaged) not in unit:
                self._averaged.append(averaged.detach())
                self._trained.append(trained.detach())
            else:
                self._copies.append((averaged.detach(), trained.detach()))
