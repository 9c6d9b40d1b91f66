"""The optimizers of both players, and their learning rates over a training."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from typing import Any

import torch

from ganbench.components.optimizer import Optimizer, OptimizerSettings
from ganbench.components.progress import Progress
from ganbench.components.schedule import Schedule, Window, number_of
from ganbench.grid.settings import ResolvedSettings, TrainingSettings

#: What the schedule sets in the groups of an optimizer, beside the parameters.
_SCHEDULED = ("params", "lr", "betas")


class PlayerOptimizer:
    """The optimizer of one player: what steps, and how it goes back to its beginning.

    Tensors stay where they are, so that recorded steps go on.
    """

    def __init__(self, component: Optimizer, optimizer: torch.optim.Optimizer) -> None:
        self._component, self.torch = component, optimizer
        self._first = self.numbers()

    @property
    def state(self) -> Mapping[Any, dict[str, Any]]:
        """What it keeps of each parameter."""
        return self.torch.state

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        return self.torch.param_groups

    def step(self) -> None:
        self.torch.step()

    def zero_grad(self) -> None:
        self.torch.zero_grad(set_to_none=True)

    def state_dict(self) -> dict[str, Any]:
        return self.torch.state_dict()

    def numbers(self) -> list[tuple[MutableMapping[str, Any], dict[str, Any]]]:
        """What it counts on the host, in its groups and beside its tensors: where, and the values."""
        return [(place, dict(_numbers(place))) for place in self._places()]

    def set_numbers(self, then: list[tuple[MutableMapping[str, Any], dict[str, Any]]]) -> None:
        """Put back what `numbers` found, and take away what has come since."""
        for place, values in then:
            for name in [name for name, _ in _numbers(place) if name not in values]:
                del place[name]
            place.update(values)

    def reset(self, kept: MutableMapping[str, Any]) -> None:
        """Bring what it keeps of a parameter back to the beginning."""
        self._component.reset(kept)

    def begin_again(self) -> None:
        """As before the first step."""
        self.zero_grad()
        for kept in self.state.values():
            self.reset(kept)
        self.set_numbers(self._first)

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on where `state_dict` was taken, in place where it can.

        State of a parameter's shape takes the parameter's layout in memory: fused kernels go through
        both in the order of memory, and a checkpoint does not keep the layout. Learning rates and the
        like follow from the settings and the progress.
        """
        owners = [(p, group) for group in self.param_groups for p in group["params"]]
        for kept in self.state.values():
            self.reset(kept)
        for index, saved in state["state"].items():
            parameter, group = owners[index]
            kept = self.torch.state[parameter]
            for name, value in saved.items():
                if isinstance(kept.get(name), torch.Tensor):
                    kept[name].copy_(value)
                else:
                    kept[name] = _placed(name, value, parameter, group)
        for group, saved in zip(self.param_groups, state["param_groups"], strict=True):
            group.update(_numbers(saved))

    def _places(self) -> Iterator[MutableMapping[str, Any]]:
        yield from self.param_groups
        yield from self.state.values()


def make_optimizer(
    player: str,
    parameters: Iterable[torch.nn.Parameter],
    training: ResolvedSettings,
    device: torch.device,
    recorded: bool = False,
) -> PlayerOptimizer:
    """The optimizer of ``"g"`` or ``"d"``.

    On a GPU, counts of steps and a learning rate that changes lie there, so that a graph can record
    the step.
    """
    component: Optimizer = training.component(f"{player}_optimizer").component
    settings, constant = training.settings, training.component("lr_decay").component.constant
    rate = getattr(settings, f"{player}_lr")
    given = OptimizerSettings(
        lr=rate if constant else _changing(rate, component, device, recorded),
        betas=_betas(getattr(settings, f"{player}_betas"), component, settings, device, recorded),
        momentum=settings.momentum,
        weight_decay=settings.weight_decay,
        capturable=device.type == "cuda",
    )
    return PlayerOptimizer(component, component.build([*parameters], given))


def _changing(
    rate: float, component: Optimizer, device: torch.device, recorded: bool
) -> float | torch.Tensor:
    """A learning rate that changes; as a tensor, if steps are recorded and the optimizer takes one."""
    if not component.takes_tensor_rate(device):
        return rate
    if device.type == "cuda":  # fused kernels read it as float32 there
        return torch.tensor(rate, device=device)
    return torch.tensor(rate, dtype=torch.float64) if recorded else rate


def _betas(
    betas: tuple[float, float],
    component: Optimizer,
    settings: TrainingSettings,
    device: torch.device,
    recorded: bool,
) -> tuple[float, float | torch.Tensor]:
    """The betas; the second is a tensor, if it changes in recorded steps and the optimizer takes one."""
    moves = settings.beta2_final is not None and (recorded or device.type == "cuda")
    if not (moves and component.takes_tensor_beta2()):
        return betas
    return betas[0], torch.tensor(betas[1], device=device)


def _numbers(place: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Numbers that an optimizer may count: neither switches, nor what the schedule sets."""
    for name, value in place.items():
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if number and name not in _SCHEDULED:
            yield name, value


def _placed(name: str, value: Any, parameter: torch.nn.Parameter, group: Mapping[str, Any]) -> Any:
    """A saved value where the optimizer expects it."""
    if not isinstance(value, torch.Tensor):
        return value
    if name != "step" and value.shape == parameter.shape:
        return torch.empty_like(parameter, dtype=value.dtype).copy_(value)
    # A count of steps lies on the device for kernels that read it there.
    there = name != "step" or group.get("capturable") or group.get("fused")
    return value.to(parameter.device if there else value.device, copy=True)


class LearningRates:
    """Learning rates, and the second beta of Adam, that move as the schedule says."""

    def __init__(
        self,
        optimizers: Iterable[PlayerOptimizer],
        schedule: Schedule,
        settings: TrainingSettings,
    ) -> None:
        self._schedule, self._beta2 = schedule, settings.beta2_final
        self._window = Window(settings.lr_decay_from, settings.lr_decay_to, settings.lr_final)
        moving = () if schedule.constant else optimizers
        groups = (group for optimizer in moving for group in optimizer.param_groups)
        self._bases = [(group, _base(group)) for group in groups]

    def apply(self, progress: Progress) -> None:
        """Set the values for a step that begins at this progress."""
        if not self._bases:
            return
        schedule, window = self._schedule, self._window
        factor = number_of(schedule, "factor", progress, window)
        way = 0.0 if self._beta2 is None else number_of(schedule, "way", progress, window)
        for group, base in self._bases:
            lr = base["lr"] * factor
            if isinstance(group["lr"], torch.Tensor):
                group["lr"].fill_(lr)
            else:
                group["lr"] = lr
            if self._beta2 is not None and "betas" in base:
                beta1, beta2, *more = base["betas"]
                beta2 += way * (self._beta2 - beta2)
                if isinstance(group["betas"][1], torch.Tensor):
                    group["betas"][1].fill_(beta2)
                else:
                    group["betas"] = (beta1, beta2, *more)


def _base(group: dict[str, Any]) -> dict[str, Any]:
    """The values at the start, as numbers: read before any training, when no device is busy."""
    numbers: dict[str, Any] = {"lr": float(group["lr"])}
    if "betas" in group:
        numbers["betas"] = tuple(map(float, group["betas"]))
    return group | numbers
