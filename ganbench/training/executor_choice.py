"""Which executor a trial gets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from ganbench.components.architecture import Architecture
from ganbench.components.base import overrides
from ganbench.grid.cell import Cell
from ganbench.training.capture import Capture, CudaCapture
from ganbench.training.executor import Eager, Executor, Graphed, StepParts
from ganbench.training.players import Players


def make_executor(
    cell: Cell, parts: StepParts, capture: Capture | None = None, replicas: int = 1
) -> Executor:
    """The executor that ``training.executor`` asks for, or the eager one with the reason.

    :param capture: how to record steps; by default as CUDA graphs, on a GPU.
    :param replicas: how many processes do a step together.
    """
    settings, device = cell.training.settings, parts.device
    reason = _eager_reason(cell, parts.players)
    if reason is None and replicas > 1:
        reason = "replicas exchange gradients and statistics within a step"
    if reason is None and capture is None and device.type != "cuda":
        reason = "a CUDA graph needs a GPU"
    if reason is not None:
        if settings.executor == "graph":
            print(f"steps are not recorded, although training.executor=graph: {reason}")
        return Eager(parts, reason)
    return Graphed(parts, capture or CudaCapture(device, parts.players.streams.generators()))


def _eager_reason(cell: Cell, players: Players) -> str | None:
    """Why the steps of a cell cannot be recorded, as far as it is known beforehand."""
    settings = cell.training.settings
    if settings.executor == "eager":
        return "training.executor=eager"
    for name, component in _components(cell):
        if component.capturable is False:
            return f"{name} says that its steps cannot be recorded (capturable = False)"
    architecture = cell.architecture.component
    grows = overrides(architecture, Architecture, "advance")
    if grows and not overrides(architecture, Architecture, "variant"):
        return f"{cell.architecture.spec} grows, but does not say which of its steps are alike (variant)"
    optimizers = (players.g_optimizer, players.d_optimizer)
    groups = [group for one in optimizers for group in one.param_groups]
    on_host = any("betas" in g and not isinstance(g["betas"][1], torch.Tensor) for g in groups)
    if settings.beta2_final is not None and on_host:
        return "beta2_final changes a beta that the optimizer reads on the host"
    return None


def _components(cell: Cell) -> Iterator[tuple[str, Any]]:
    """The components that take part in a step, with their specs."""
    parts = (cell.architecture, cell.loss, *cell.regularizers, *cell.augmentations)
    optimizers = (cell.training.component(name) for name in ("g_optimizer", "d_optimizer"))
    for bound in (*parts, *optimizers):
        yield bound.spec, bound.component
    for penalty in cell.loss.component.penalties():
        yield f"{type(penalty).__name__} of {cell.loss.spec}", penalty


def recorded_on(device: torch.device, capture: Capture | None) -> bool:
    """Whether a step has to read everything from tensors, so that it can be recorded.

    On a GPU always: an eager step then gives the bits of a recorded one.
    """
    return device.type == "cuda" or capture is not None
