"""Optimizers by name, with the fastest implementation that the device has."""

from __future__ import annotations

from collections.abc import Iterable

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


class LinearDecay:
    """Learning rates that fall linearly to zero over the budget; ``share`` is how much is done."""

    def __init__(self, optimizers: Iterable[torch.optim.Optimizer], enabled: bool) -> None:
        # Groups are looked up anew each time: loading an optimizer's state replaces them.
        self._rates = (
            [(optimizer, optimizer.param_groups[0]["lr"]) for optimizer in optimizers]
            if enabled
            else []
        )

    def apply(self, share: float) -> None:
        """Set the rates for a step that begins when ``share`` (0 to 1) of the budget is used."""
        for optimizer, rate in self._rates:
            for group in optimizer.param_groups:
                group["lr"] = rate * max(0.0, 1.0 - share)
