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
    """

    def __init__(
        self, generator: torch.nn.Module, images: float, rampup: float, start: int = 0
    ) -> None:
        self._images, self._rampup, self._start = images, rampup, start
        self._source = generator
        self.module = generator if images == 0 else copy.deepcopy(generator).requires_grad_(False)
        self._averaged: list[torch.Tensor] = []
        self._trained: list[torch.Tensor] = []
        self._copies: list[tuple[torch.Tensor, torch.Tensor]] = []
        if self.module is not generator:
            self._collect()

    def update(self, images: int, batch: int) -> None:
        """Move towards the trained weights after a step that used ``batch`` of ``images`` images."""
        if not self._averaged:
            return
        half_life = min(self._images, self._rampup * images) if self._rampup else self._images
        weight = 1.0 - 0.5 ** (batch / max(half_life, 1e-8))
        if images <= self._start:
            weight = 1.0
        torch._foreach_lerp_(self._averaged, self._trained, weight)
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
