"""The contract of optimizers: how a player's weights follow their gradients."""

from __future__ import annotations

import abc
from collections.abc import MutableMapping
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from ganbench.components.base import Component

if TYPE_CHECKING:
    import torch


class OptimizerSettings(NamedTuple):
    """What the training settings say to the optimizer of one player.

    An option of the optimizer goes before a setting.

    :ivar lr: the learning rate: a tensor where it changes from step to step and the steps are recorded.
    :ivar betas: of Adam and its relatives; the second is a tensor where ``beta2_final`` changes it and
        the optimizer takes one.
    :ivar momentum: of SGD and RMSprop.
    :ivar weight_decay: as strong as the optimizer understands it.
    :ivar capturable: whether a CUDA graph may record its steps: what a step reads then lies on the GPU.
        Most of torch's optimizers have an argument of this name.
    """

    lr: float | torch.Tensor
    betas: tuple[float, float | torch.Tensor]
    momentum: float
    weight_decay: float
    capturable: bool


class Optimizer(Component):
    """How the weights of a player follow their gradients.

    Its steps must not wait for the device, and what it keeps between them belongs into
    ``optimizer.state``, or as numbers into ``optimizer.param_groups``: checkpoints hold both.

    :cvar capturable: whether a step with it can be replayed as one CUDA graph: False if it counts on
        the host; None to find out. A graph is compared with steps without one before it is used.
    """

    capturable: ClassVar[bool | None] = None

    @abc.abstractmethod
    def build(
        self, parameters: list[torch.nn.Parameter], settings: OptimizerSettings
    ) -> torch.optim.Optimizer:
        """The torch optimizer of a player's trainable and other parameters, in one group."""

    def takes_tensor_rate(self, device: torch.device) -> bool:
        """Whether the learning rate may be a tensor there; if not, it is a number that changes."""
        return True

    def takes_tensor_beta2(self) -> bool:
        """Whether the second beta may be a tensor; if not, steps with one that changes are eager."""
        return False

    def reset(self, kept: MutableMapping[str, Any]) -> None:
        """Bring what the torch optimizer keeps of a parameter back to its beginning, in place.

        By default all tensors become zero, and all numbers.
        """
        for name, value in kept.items():
            if hasattr(value, "zero_"):
                value.zero_()
            elif isinstance(value, (int, float)) and not isinstance(value, bool):
                kept[name] = type(value)(0)
