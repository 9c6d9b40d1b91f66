"""Adam whose second beta changes while it trains, in a step that is recorded."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch

_EPS = 1e-8  # as in torch.optim.Adam


class MovingAdam(torch.optim.Optimizer):
    """Adam (Kingma & Ba 2015, arXiv:1412.6980) with the learning rate and beta 2 in tensors.

    PyTorch's Adam takes a beta as a number, or reads a tensor's value on the host; a recording would
    keep the first one. State has the names and shapes that `torch.optim.Adam` gives it.

    :param lr: 0-dimensional, on the parameters' device; so is ``beta2``.
    """

    def __init__(
        self,
        parameters: Iterable[torch.nn.Parameter],
        lr: torch.Tensor,
        beta1: float,
        beta2: torch.Tensor,
        weight_decay: float,
    ) -> None:
        settings = {"lr": lr, "betas": (beta1, beta2), "weight_decay": weight_decay}
        super().__init__(parameters, settings | {"capturable": True})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """One update of every parameter that has a gradient."""
        for group in self.param_groups:
            trained: list[torch.Tensor] = [p for p in group["params"] if p.grad is not None]
            if trained:
                self._update(group, trained)

    def _update(self, group: dict[str, Any], trained: list[torch.Tensor]) -> None:
        lr, (beta1, beta2) = group["lr"], group["betas"]
        states = [self._kept(parameter) for parameter in trained]
        steps, means, squares = (
            [state[name] for state in states] for name in ("step", "exp_avg", "exp_avg_sq")
        )
        slopes: Any = [parameter.grad for parameter in trained]
        if group["weight_decay"]:
            slopes = torch._foreach_add(slopes, trained, alpha=group["weight_decay"])
        torch._foreach_add_(steps, 1)
        torch._foreach_lerp_(means, slopes, 1 - beta1)
        fresh = torch._foreach_mul(slopes, slopes)
        torch._foreach_mul_(fresh, 1 - beta2)
        torch._foreach_mul_(squares, beta2)
        torch._foreach_add_(squares, fresh)
        count = torch.stack(steps)
        sizes = lr / (1 - beta1**count)
        roots = torch._foreach_sqrt(squares)
        torch._foreach_div_(roots, [*(1 - beta2**count).sqrt().unbind()])
        torch._foreach_add_(roots, _EPS)
        torch._foreach_div_(roots, [*sizes.neg().unbind()])
        torch._foreach_addcdiv_(trained, means, roots)

    def _kept(self, parameter: torch.Tensor) -> dict[str, torch.Tensor]:
        state: dict[str, torch.Tensor] = self.state[parameter]
        if not state:
            state["step"] = torch.zeros((), device=parameter.device)
            for name in ("exp_avg", "exp_avg_sq"):
                state[name] = torch.zeros_like(parameter, memory_format=torch.preserve_format)
        return state
