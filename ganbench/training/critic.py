"""Call a discriminator with its condition and precision; the answer is always a Critique."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch

from ganbench.components.architecture import Critique
from ganbench.training.precision import Arithmetic


class Critic:
    """A discriminator with a condition bound to it, such as labels.

    :param call: the discriminator, where nothing is differentiated twice: it may be compiled.
    :param judged_plainly: learns that a penalty called the discriminator itself.
    """

    def __init__(
        self,
        discriminator: torch.nn.Module,
        call: Callable[..., Any],
        arithmetic: Arithmetic,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
        judged_plainly: Callable[[], None] = lambda: None,
    ) -> None:
        self._discriminator, self._call, self._arithmetic = discriminator, call, arithmetic
        self._args, self._kwargs = args, kwargs or {}
        self._judged_plainly = judged_plainly

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        """Logits in full precision, for penalties to differentiate."""
        self._judged_plainly()
        return self.judge(images, full_precision=True).logits

    def judge(self, images: torch.Tensor, full_precision: bool = False) -> Critique:
        """The whole answer, in float32.

        :param full_precision: where a penalty differentiates the answer.
        """
        network = self._discriminator if full_precision else self._call
        with self._arithmetic.autocast(enabled=not full_precision):
            answer = network(images, *self._args, **self._kwargs)
        if isinstance(answer, Critique):
            return Critique(
                answer.logits.float(), _float(answer.features), _float(answer.class_logits)
            )
        return Critique(answer.float())


def call_with_labels(
    network: Callable[..., Any], inputs: torch.Tensor, labels: torch.Tensor | None
) -> torch.Tensor | Critique:
    """``network(inputs, labels)``, or ``network(inputs)`` without labels."""
    answer: torch.Tensor | Critique = network(inputs) if labels is None else network(inputs, labels)
    return answer


def _float(tensor: torch.Tensor | None) -> torch.Tensor | None:
    return None if tensor is None else tensor.float()
