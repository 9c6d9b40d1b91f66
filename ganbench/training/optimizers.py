"""Optimizers by name, with the fastest implementation that the device has."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import torch

from ganbench.grid.settings import TrainingSettings
from ganbench.training.moving_adam import MovingAdam


def make_optimizer(
    player: str,
    parameters: Iterable[torch.nn.Parameter],
    settings: TrainingSettings,
    device: torch.device,
    recorded: bool = False,
) -> torch.optim.Optimizer:
    """The optimizer of ``"g"`` or ``"d"``.

    One fused kernel for all parameters where PyTorch has it for the device; it is also several
    times faster on the CPU than the default loop over parameters. On a GPU, counts of steps and a
    learning rate that changes lie there, so that a graph can record the step.
    """
    name: str = getattr(settings, f"{player}_optimizer")
    lr = _rate(name, getattr(settings, f"{player}_lr"), settings, device, recorded)
    cuda = device.type == "cuda"
    decay = settings.weight_decay
    parameters = list(parameters)
    if name == "adam":
        betas: tuple[float, float] = getattr(settings, f"{player}_betas")
        if settings.beta2_final is not None and (cuda or recorded):
            beta2 = torch.tensor(betas[1], device=device)
            return MovingAdam(parameters, _on(device, lr), betas[0], beta2, decay)
        return torch.optim.Adam(
            parameters, lr, betas, weight_decay=decay, fused=True, capturable=cuda
        )
    if name == "sgd":
        sgd = torch.optim.SGD(
            parameters, lr, momentum=settings.momentum, weight_decay=decay, fused=True
        )
        if settings.momentum:  # the fused kernel fails where only some weights have a buffer
            for parameter in parameters:
                sgd.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter)
        return sgd
    if name == "rmsprop":
        return torch.optim.RMSprop(
            parameters,
            lr,
            momentum=settings.momentum,
            weight_decay=decay,
            foreach=True,
            capturable=cuda,
        )
    raise ValueError(f"unknown optimizer {name!r}")


def _rate(
    optimizer: str, value: float, settings: TrainingSettings, device: torch.device, recorded: bool
) -> float | torch.Tensor:
    """A learning rate; where it changes from step to step and the step is recorded, as a tensor."""
    if settings.lr_decay == "none":
        return value
    if device.type == "cuda":  # fused kernels read it as float32 there
        return torch.tensor(value, device=device)
    # PyTorch has no capturable RMSprop on the CPU.
    return (
        torch.tensor(value, dtype=torch.float64) if recorded and optimizer != "rmsprop" else value
    )


def _on(device: torch.device, lr: float | torch.Tensor) -> torch.Tensor:
    """A learning rate in single precision on a device."""
    return torch.as_tensor(lr, dtype=torch.float32).to(device)


def restore_optimizer(optimizer: torch.optim.Optimizer, state: dict[str, Any]) -> None:
    """Restore what an optimizer keeps of its parameters from its ``state_dict``, in place where it can.

    Recorded steps go on, since tensors stay where they are. State of a parameter's shape takes the
    parameter's layout in memory: fused kernels go through both in the order of memory, and a checkpoint
    does not keep the layout. Learning rates and the like follow from the settings and the progress.
    """
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    for kept in optimizer.state.values():
        clear(kept)
    for index, saved in state["state"].items():
        parameter = parameters[index]
        kept = optimizer.state[parameter]
        for name, value in saved.items():
            if isinstance(kept.get(name), torch.Tensor):
                kept[name].copy_(value)
            else:
                kept[name] = _placed(name, value, parameter, optimizer)


def clear(kept: dict[str, Any]) -> None:
    """Zero what an optimizer keeps of a parameter: for all optimizers here, that is a fresh start."""
    for value in kept.values():
        if isinstance(value, torch.Tensor):
            value.zero_()


def _placed(
    name: str, value: Any, parameter: torch.nn.Parameter, optimizer: torch.optim.Optimizer
) -> Any:
    """A saved value where the optimizer expects it."""
    if not isinstance(value, torch.Tensor):
        return value
    if name != "step" and value.shape == parameter.shape:
        return torch.empty_like(parameter, dtype=value.dtype).copy_(value)
    # A count of steps lies on the device for kernels that read it there.
    (group,) = optimizer.param_groups
    there = name != "step" or group.get("capturable") or group.get("fused")
    return value.to(parameter.device if there else value.device, copy=True)


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
        self._bases = (
            [(optimizer, _base(optimizer.param_groups[0])) for optimizer in optimizers]
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
                lr = base["lr"] * (1.0 - way * (1.0 - settings.lr_final))
                if isinstance(group["lr"], torch.Tensor):
                    group["lr"].fill_(lr)
                else:
                    group["lr"] = lr
                if settings.beta2_final is not None and "betas" in base:
                    beta1, beta2 = base["betas"]
                    beta2 += way * (settings.beta2_final - beta2)
                    if isinstance(group["betas"][1], torch.Tensor):
                        group["betas"][1].fill_(beta2)
                    else:
                        group["betas"] = (beta1, beta2)

    def _way(self, share: float) -> float:
        """The share of the way from the first to the last value, 0 to 1."""
        begin, end = self._settings.lr_decay_from, self._settings.lr_decay_to
        done = min(1.0, max(0.0, (share - begin) / (end - begin)))
        return done if self._settings.lr_decay == "linear" else 0.5 - 0.5 * math.cos(math.pi * done)


def _base(group: dict[str, Any]) -> dict[str, Any]:
    """The values at the start, as numbers: read before any training, when no device is busy."""
    numbers: dict[str, Any] = {"lr": float(group["lr"])}
    if "betas" in group:
        numbers["betas"] = tuple(map(float, group["betas"]))
    return group | numbers
