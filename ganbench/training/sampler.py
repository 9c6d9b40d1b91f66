"""Drawing samples from a generator, reproducibly and without disturbing the training."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from ganbench.components.architecture import Architecture
from ganbench.training.critic import call_with_labels
from ganbench.training.precision import Arithmetic
from ganbench.training.streams import derive_seed

#: Samples in one pass; fixed, since it decides which latents go together.
BATCH = 500


class Sampler:
    """Samples of one generator.

    :param labels: labels to draw from for a class-conditional generator, with the data's
        frequencies; None for others.
    """

    def __init__(
        self,
        architecture: Architecture,
        generator: torch.nn.Module,
        labels: torch.Tensor | None,
        seed: int,
        device: torch.device,
        arithmetic: Arithmetic,
    ) -> None:
        self._architecture, self.generator = architecture, generator
        self._labels, self._seed, self._device = labels, seed, device
        self._arithmetic = arithmetic

    def batches(self, count: int, stream: str, in_turn: bool = False) -> Iterator[torch.Tensor]:
        """``count`` images, (b, c, h, w) float32, batch by batch; a stream always gives the same."""
        training = self.generator.training
        self.generator.eval()
        try:
            for start in range(0, count, BATCH):
                seed = derive_seed(self._seed, stream, start)
                yield self._batch(min(BATCH, count - start), seed, start if in_turn else None)
        finally:
            self.generator.train(training)

    def images(self, count: int, stream: str, in_turn: bool = False) -> torch.Tensor:
        """``count`` images in one tensor; ``in_turn`` goes through the labels in their order."""
        return torch.cat(list(self.batches(count, stream, in_turn)))

    def _batch(self, count: int, seed: int, turn: int | None) -> torch.Tensor:
        cuda = [self._device] if self._device.type == "cuda" else []
        # Layers that draw noise use the global random state, which belongs to the training.
        with torch.random.fork_rng(devices=cuda), torch.no_grad(), self._arithmetic.autocast():
            torch.manual_seed(seed)
            random = torch.Generator(device=self._device).manual_seed(seed)
            latents = self._architecture.sample_latents(count, random, self._device)
            images = call_with_labels(
                self.generator, latents, self._draw_labels(count, random, turn)
            )
        assert isinstance(images, torch.Tensor)
        return images.float()

    def _draw_labels(
        self, count: int, random: torch.Generator, turn: int | None
    ) -> torch.Tensor | None:
        if self._labels is None:
            return None
        if turn is not None:
            return self._labels[
                (turn + torch.arange(count, device=self._device)) % len(self._labels)
            ]
        picks = torch.randint(len(self._labels), (count,), generator=random, device=self._device)
        return self._labels[picks]
