"""A GAN's training as one writes it by hand: what the trainer's speed is compared with."""

from __future__ import annotations

import contextlib
from typing import Any

import torch
from torch.nn.functional import softplus

from ganbench.components.architecture import Architecture, Critique
from ganbench.components.data import ImageData
from ganbench.grid.cell import Cell
from ganbench.training.precision import memory_format


class PlainLoop:
    """A GAN trained on data in memory with nothing measured, averaged or recorded.

    Networks, batch size, rates, precision and layout are the cell's. The loss is the non-saturating
    one, and Adam is PyTorch's default implementation.

    :param data: lies on the device.
    """

    def __init__(self, cell: Cell, data: ImageData, device: torch.device) -> None:
        assert cell.data is not None
        torch.manual_seed(0)
        architecture: Architecture = cell.architecture.component
        settings = cell.training.settings
        self.layout = memory_format(settings, device)
        self.generator, self.discriminator = (
            network.to(device, memory_format=self.layout).train()  # type: ignore[call-overload]
            for network in architecture.build(cell.data)
        )
        self.g_optimizer = torch.optim.Adam(
            self.generator.parameters(), lr=settings.g_lr, betas=settings.g_betas
        )
        self.d_optimizer = torch.optim.Adam(
            self.discriminator.parameters(), lr=settings.d_lr, betas=settings.d_betas
        )
        self.images = data.images
        self.order = torch.randperm(len(self.images), device=device)
        self.position = 0
        self.batch_size, self.latent_dim = settings.batch_size, architecture.latent_dim
        self.device, self.bf16 = device, settings.precision == "bf16"

    def train(self, steps: int) -> None:
        """Do some steps."""
        for _ in range(steps):
            self._step()

    def _step(self) -> None:
        real = self._next_batch()
        with torch.no_grad(), self._autocast():
            fake = self.generator(self._latents())
        self.d_optimizer.zero_grad()
        d_loss = softplus(-self._logits(real)).mean() + softplus(self._logits(fake)).mean()
        d_loss.backward()
        self.d_optimizer.step()

        self.g_optimizer.zero_grad()
        with self._autocast():
            fake = self.generator(self._latents())
        g_loss = softplus(-self._logits(fake)).mean()
        g_loss.backward()
        self.g_optimizer.step()

    def _logits(self, images: torch.Tensor) -> torch.Tensor:
        with self._autocast():
            answer = self.discriminator(images)
        logits: torch.Tensor = answer.logits if isinstance(answer, Critique) else answer
        return logits.float()

    def _autocast(self) -> contextlib.AbstractContextManager[Any]:
        if not self.bf16:
            return contextlib.nullcontext()
        return torch.autocast(self.device.type, dtype=torch.bfloat16)

    def _next_batch(self) -> torch.Tensor:
        if self.position + self.batch_size > len(self.order):
            self.order = torch.randperm(len(self.images), device=self.device)
            self.position = 0
        chosen = self.order[self.position : self.position + self.batch_size]
        self.position += self.batch_size
        return (self.images[chosen].float() / 127.5 - 1).contiguous(memory_format=self.layout)

    def _latents(self) -> torch.Tensor:
        return torch.randn(self.batch_size, self.latent_dim, device=self.device)
