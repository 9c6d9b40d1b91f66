"""Adam and its relatives, by PyTorch's fastest implementation for the device.

One fused kernel for all parameters, where PyTorch has one, is also several times faster on the CPU than
its default loop over parameters.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import TYPE_CHECKING, Any, ClassVar

from ganbench import OptimizerSettings, option
from ganbench_optimizers.decayed import Decayed

if TYPE_CHECKING:  # a grid names optimizers before anything needs torch
    import torch


class AdamLike(Decayed):
    """What Adam and its relatives share."""

    betas: tuple[float, float] | None = option(
        None, "rates of the two averages; none: the settings g_betas and d_betas", ge=0, lt=1
    )
    eps: float = option(1e-8, "added to the denominator", gt=0)

    def arguments(self, settings: OptimizerSettings) -> dict[str, Any]:
        """The arguments that the torch classes have in common."""
        betas = settings.betas if self.betas is None else self.betas
        decay = self.decay(settings)
        return {"lr": settings.lr, "betas": betas, "weight_decay": decay, "eps": self.eps}


class ForEach(AdamLike):
    """Those without a fused kernel, which take all parameters of a kind at once."""

    def takes_tensor_rate(self, device: torch.device) -> bool:
        return device.type == "cuda"  # PyTorch has none of them capturable on the CPU

    def arguments(self, settings: OptimizerSettings) -> dict[str, Any]:
        more = {"foreach": True, "capturable": settings.capturable}
        return super().arguments(settings) | more


class Adam(AdamLike):
    """Adam; weight decay is part of the gradient, as in L2 regularization."""

    paper: ClassVar[str] = "Kingma and Ba 2015, arXiv:1412.6980"

    amsgrad: bool = option(False, "the largest average so far (Reddi et al. 2018)")

    def build(
        self, parameters: list[torch.nn.Parameter], settings: OptimizerSettings
    ) -> torch.optim.Optimizer:
        import torch
        from torch.optim import Adam

        given = self.arguments(settings)
        if isinstance(settings.betas[1], torch.Tensor):
            from ganbench_optimizers.moving_adam import MovingAdam

            beta1, beta2 = given["betas"]
            moving = settings.betas[1].clone().fill_(beta2)
            lr = torch.as_tensor(settings.lr, dtype=torch.float32).to(moving.device)
            return MovingAdam(parameters, lr, beta1, moving, given["weight_decay"])
        kernel: dict[str, Any] = {"fused": True, "capturable": settings.capturable}
        return Adam(parameters, **given, amsgrad=self.amsgrad, **kernel)

    def takes_tensor_beta2(self) -> bool:
        return not self.amsgrad and self.eps == type(self).eps


class AdamW(AdamLike):
    """Adam whose weight decay is apart from the gradient, and scaled by the learning rate."""

    paper: ClassVar[str] = "Loshchilov and Hutter 2019, arXiv:1711.05101"

    amsgrad: bool = option(False, "the largest average so far (Reddi et al. 2018)")

    def build(
        self, parameters: list[torch.nn.Parameter], settings: OptimizerSettings
    ) -> torch.optim.Optimizer:
        from torch.optim import AdamW

        kernel: dict[str, Any] = {"fused": True, "capturable": settings.capturable}
        return AdamW(parameters, **self.arguments(settings), amsgrad=self.amsgrad, **kernel)


class RAdam(ForEach):
    """Adam that begins as gradient descent with momentum, until its variance can be trusted."""

    paper: ClassVar[str] = "Liu et al. 2020, arXiv:1908.03265"

    decoupled: bool = option(False, "weight decay as AdamW has it")

    def build(
        self, parameters: list[torch.nn.Parameter], settings: OptimizerSettings
    ) -> torch.optim.Optimizer:
        from torch.optim import RAdam

        decoupled: dict[str, Any] = {"decoupled_weight_decay": self.decoupled}
        return RAdam(parameters, **self.arguments(settings), **decoupled)


class NAdam(ForEach):
    """Adam with Nesterov's momentum, which grows in the first steps."""

    paper: ClassVar[str] = "Dozat 2016"

    decoupled: bool = option(False, "weight decay as AdamW has it")
    momentum_decay: float = option(4e-3, "how fast the momentum grows", ge=0)

    def build(
        self, parameters: list[torch.nn.Parameter], settings: OptimizerSettings
    ) -> torch.optim.Optimizer:
        from torch.optim import NAdam

        more: dict[str, Any] = {
            "decoupled_weight_decay": self.decoupled,
            "momentum_decay": self.momentum_decay,
        }
        return NAdam(parameters, **self.arguments(settings), **more)

    def reset(self, kept: MutableMapping[str, Any]) -> None:
        super().reset(kept)
        if "mu_product" in kept:
            kept["mu_product"].fill_(1.0)


class Adamax(ForEach):
    """Adam with the largest of past gradients in place of their mean square."""

    paper: ClassVar[str] = "Kingma and Ba 2015, arXiv:1412.6980"

    def build(
        self, parameters: list[torch.nn.Parameter], settings: OptimizerSettings
    ) -> torch.optim.Optimizer:
        from torch.optim import Adamax

        return Adamax(parameters, **self.arguments(settings))
