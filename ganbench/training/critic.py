"""Calling a discriminator: labels bound, precision chosen, the answer always a Critique."""

from __future__ import annotations

import torch

from ganbench.components.architecture import Critique
from ganbench.training.precision import Arithmetic


class Critic:
    """A discriminator with labels bound to it."""

    def __init__(
        self,
        discriminator: torch.nn.Module,
        labels: torch.Tensor | None,
        arithmetic: Arithmetic,
    ) -> None:
        self._discriminator, self._labels, self._arithmetic = discriminator, labels, arithmetic

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        """Logits in full precision: what penalties differentiate."""
        return self.judge(images, full_precision=True).logits

    def judge(self, images: torch.Tensor, full_precision: bool = False) -> Critique:
        """The whole answer, with float32 logits."""
        with self._arithmetic.autocast(enabled=not full_precision):
            answer = call_with_labels(self._discriminator, images, self._labels)
        if isinstance(answer, Critique):
            return Critique(answer.logits.float(), answer.features, answer.class_logits)
        return Critique(answer.float())


def call_with_labels(
    network: torch.nn.Module, inputs: torch.Tensor, labels: torch.Tensor | None
) -> torch.Tensor | Critique:
    """``network(inputs, labels)``, or ``network(inputs)`` where there are no labels to give."""
    answer: torch.Tensor | Critique = network(inputs) if labels is None else network(inputs, labels)
    return answer
