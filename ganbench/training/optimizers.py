"""Optimizers by name, with the fastest implementation that the device has."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import torch

from ganbench.grid.settings import TrainingSettings


def make_optimizer(
    player: str,
    parameters: Iterable[torch.nn.Parameter],
    settings: TrainingSettings,
    device: torch.device,
) -> torch.optim.Optimizer:
    """The optimizer of ``"g"`` or ``"d"``.

    One fused kernel for all parameters where PyTorch has it for the device; it is also several
    times faster on the CPU than the default loop over parameters.
    """
    name: str = getattr(settings, f"{player}_optimizer")
    lr: float = getattr(settings, f"{player}_lr")
    decay = settings.weight_decay
    parameters = list(parameters)
    if name == "adam":
        betas: tuple[float, float] = getattr(settings, f"{player}_betas")
        return torch.optim.Adam(parameters, lr, betas, weight_decay=decay, fused=True)
    if name == "sgd":
        return torch.optim.SGD(
            parameters, lr, momentum=settings.momentum, weight_decay=decay, fused=True
        )
    if name == "rmsprop":
        return torch.optim.RMSprop(
            parameters, lr, momentum=settings.momentum, weight_decay=decay, foreach=True
        )
    raise ValueError(f"unknown optimizer {name!r}")


def restore_optimizer(optimizer: torch.optim.Optimizer, state: dict[str, Any]) -> None:
    """Load what ``state_dict`` gave.

    State of a parameter's shape takes the parameter's layout in memory: fused kernels go through both
    in the order of memory, and a checkpoint does not keep the layout.
    """
    optimizer.load_state_dict(state)
    for parameter, kept in optimizer.state.items():
        for name, value in kept.items():
            # A number, such as the count of steps, has no layout and may live on another device.
            if isinstance(value, torch.Tensor) and value.ndim and value.shape == parameter.shape:
                kept[name] = torch.empty_like(parameter, dtype=value.dtype).copy_(value)


class Decay:
    """Learning rates, and Adam's second beta, that move to their last values over the training.

    The rate goes from its base to ``lr_final`` times that, between the shares ``lr_decay_from`` and
    ``lr_decay_to`` of the budget: in a straight line, or in half a cosine. ``beta2_final`` is
    reached along with it.
    """

    def __init__(
        self, optimizers: Iterable[torch.optim.Optimizer], settings: TrainingSettings
    ) -> None:
        self._settings = settings
        # Groups are looked up each time: loading an optimizer's state replaces them.
        self._bases = (
            [(optimizer, dict(optimizer.param_groups[0])) for optimizer in optimizers]
            if settings.lr_decay != "none"
            else []
        )

    def apply(self, share: float) -> None:
        """Set the values for a step that begins when ``share`` (0 to 1) of the budget is used."""
        if not self._bases:
            return
        settings, way = self._settings, self._way(share)
        for optimizer, base in self._bases:
            for group in optimizer.param_groups:
                group["lr"] = base["lr"] * (1.0 - way * (1.0 - settings.lr_final))
                if settings.beta2_final is not None and "betas" in base:
                    beta1, beta2 = base["betas"]
                    group["betas"] = (beta1, beta2 + way * (settings.beta2_final - beta2))

    def _way(self, share: float) -> float:
        """The share of the way from the first to the last value, 0 to 1."""
        begin, end = self._settings.lr_decay_from, self._settings.lr_decay_to
        done = min(1.0, max(0.0, (share - begin) / (end - begin)))
        return done if self._settings.lr_decay == "linear" else 0.5 - 0.5 * math.cos(math.pi * done)
