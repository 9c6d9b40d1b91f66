"""Gradient descent, and optimizers that scale gradients without an average of them."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import TYPE_CHECKING, Any, ClassVar

from ganbench import OptimizerSettings, option
from ganbench_optimizers.decayed import Decayed

if TYPE_CHECKING:  # a grid names optimizers before anything needs torch
    import torch


class SGD(Decayed):
    """Stochastic gradient descent."""

    momentum: float | None = option(None, "none: the setting momentum", ge=0, lt=1)
    nesterov: bool = option(False, "look ahead by the momentum, which must not be 0")

    def build(
        self, parameters: list[torch.nn.Parameter], settings: OptimizerSettings
    ) -> torch.optim.Optimizer:
        import torch

        momentum = settings.momentum if self.momentum is None else self.momentum
        decay, nesterov = self.decay(settings), self.nesterov
        if nesterov and not momentum:
            raise ValueError(
                "sgd[nesterov=true] needs a momentum: give sgd the option momentum too"
            )
        sgd = torch.optim.SGD(
            parameters, settings.lr, momentum, weight_decay=decay, nesterov=nesterov, fused=True
        )
        if momentum:  # the fused kernel fails where only some weights have a buffer
            for parameter in parameters:
                sgd.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter)
        return sgd


class RMSprop(Decayed):
    """Gradients divided by the root of a moving average of their squares."""

    paper: ClassVar[str] = "Hinton 2012, lecture 6 of Neural Networks for Machine Learning"

    momentum: float | None = option(None, "none: the setting momentum", ge=0, lt=1)
    alpha: float = option(0.99, "rate of the average", ge=0, lt=1)
    eps: float = option(1e-8, "added to the denominator", gt=0)
    centered: bool = option(False, "the variance in place of the mean square")

    def takes_tensor_rate(self, device: torch.device) -> bool:
        return device.type == "cuda"  # PyTorch has none that is capturable on the CPU

    def build(
        self, parameters: list[torch.nn.Parameter], settings: OptimizerSettings
    ) -> torch.optim.Optimizer:
        from torch.optim import RMSprop

        return RMSprop(
            parameters,
            settings.lr,
            alpha=self.alpha,
            eps=self.eps,
            momentum=settings.momentum if self.momentum is None else self.momentum,
            weight_decay=self.decay(settings),
            centered=self.centered,
            foreach=True,
            capturable=settings.capturable,
        )


class Adagrad(Decayed):
    """Gradients divided by the root of the sum of their past squares."""

    paper: ClassVar[str] = "Duchi et al. 2011, JMLR 12"
    capturable: ClassVar[bool | None] = False  # PyTorch counts its steps on the host

    initial: float = option(0.0, "the sum before the first step", ge=0)
    eps: float = option(1e-10, "added to the denominator", gt=0)

    def takes_tensor_rate(self, device: torch.device) -> bool:
        return False

    def build(
        self, parameters: list[torch.nn.Parameter], settings: OptimizerSettings
    ) -> torch.optim.Optimizer:
        from torch.optim import Adagrad

        return Adagrad(
            parameters,
            settings.lr,
            weight_decay=self.decay(settings),
            initial_accumulator_value=self.initial,
            eps=self.eps,
            foreach=True,
        )

    def reset(self, kept: MutableMapping[str, Any]) -> None:
        super().reset(kept)
        kept["sum"].fill_(self.initial)


class Adadelta(Decayed):
    """Steps of the size of past steps; a learning rate of 1 is that of its paper."""

    paper: ClassVar[str] = "Zeiler 2012, arXiv:1212.5701"

    rho: float = option(0.9, "rate of the averages", ge=0, lt=1)
    eps: float = option(1e-6, "added to numerator and denominator", gt=0)

    def takes_tensor_rate(self, device: torch.device) -> bool:
        return device.type == "cuda"

    def build(
        self, parameters: list[torch.nn.Parameter], settings: OptimizerSettings
    ) -> torch.optim.Optimizer:
        from torch.optim import Adadelta

        return Adadelta(
            parameters,
            settings.lr,
            rho=self.rho,
            eps=self.eps,
            weight_decay=self.decay(settings),
            foreach=True,
            capturable=settings.capturable,
        )
