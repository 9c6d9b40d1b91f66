"""Drawing samples from a generator, reproducibly and without disturbing the training."""

from __future__ import annotations

import abc
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

import torch

from ganbench.base.pixels import to_float
from ganbench.base.stop_requests import check_stop
from ganbench.base.transfers import to_device
from ganbench.components.architecture import TRANSLATION, Architecture
from ganbench.components.data import DataSpec
from ganbench.components.progress import Progress
from ganbench.training.critic import call_with_labels
from ganbench.training.precision import Arithmetic
from ganbench.training.streams import derive_seed, seed_torch

#: Samples in one pass at the most, and those of a translation, whose networks keep many maps of the
#: images' full size.
BATCH, TRANSLATED = 500, 50
_CPU = torch.device("cpu")
#: Latents, and labels for a class-conditional generator.
_Drawn = tuple[torch.Tensor, torch.Tensor | None]


def pass_size(architecture: Architecture, data: DataSpec) -> int:
    """The number of samples of such data in one pass.

    It decides which latents go together, so it follows from the design and the data, never from the
    device. Each doubling of the size quarters it, so that a pass needs at most a few GiB.
    """
    most = TRANSLATED if architecture.task in TRANSLATION else BATCH
    return max(1, min(most, architecture.sampling_pixels // (data.height * data.width)))


@dataclass(eq=False)
class Sampler(abc.ABC):
    """Samples of one generator.

    :ivar data: the shape of the samples.
    :ivar progress: the training's progress at which the weights were taken.
    """

    architecture: Architecture
    data: DataSpec
    generator: torch.nn.Module
    seed: int
    device: torch.device
    arithmetic: Arithmetic
    progress: Progress

    def available(self, count: int) -> int:
        """The number of samples, at most ``count``, that the sampler can make."""
        return count

    def labels(self, count: int, stream: str, in_turn: bool = False) -> torch.Tensor | None:
        """(count,) the labels for which `batches` makes its samples, or None."""
        return None

    def batches(
        self,
        count: int,
        stream: str,
        in_turn: bool = False,
        truncation: float | None = None,
    ) -> Iterator[torch.Tensor]:
        """``count`` images, (b, c, h, w) float32, batch by batch; a stream always gives the same.

        :param in_turn: go through the labels in their order.
        :param truncation: for an architecture that truncates.
        """
        with self.ready(stream):
            for start, size, seed in self._parts(self.available(count), stream):
                check_stop()
                with self._sampling(seed):
                    images = self._made(start, size, seed, in_turn, truncation)
                yield images

    def images(
        self,
        count: int,
        stream: str,
        in_turn: bool = False,
        truncation: float | None = None,
    ) -> torch.Tensor:
        """``count`` images in one tensor, see `batches`."""
        return torch.cat(list(self.batches(count, stream, in_turn, truncation)))

    @contextlib.contextmanager
    def ready(self, stream: str) -> Iterator[None]:
        """The generator ready to draw samples; its state is restored afterwards.

        It is set to the progress, in evaluation mode, and prepared by its architecture.
        """
        with self._evaluating():
            self._settle(stream)
            yield

    @abc.abstractmethod
    def _made(
        self, start: int, size: int, seed: int, in_turn: bool, truncation: float | None
    ) -> torch.Tensor:
        """The samples from number ``start`` on."""

    def _settle(self, stream: str) -> None:
        """Let the architecture prepare its generator."""
        return

    def _parts(self, count: int, stream: str) -> Iterator[tuple[int, int, int]]:
        """(start, size, seed) of each pass."""
        most = pass_size(self.architecture, self.data)
        for start in range(0, count, most):
            yield start, min(most, count - start), derive_seed(self.seed, stream, start)

    @contextlib.contextmanager
    def _sampling(self, seed: int, grad: bool = False) -> Iterator[None]:
        """Layers that draw noise use the global random state, which belongs to the training."""
        cuda = [self.device] if self.device.type == "cuda" else []
        with (
            torch.random.fork_rng(devices=cuda),
            torch.set_grad_enabled(grad),
            self.arithmetic.sampling(),
        ):
            seed_torch(seed, self.device)
            yield

    @contextlib.contextmanager
    def _evaluating(self) -> Iterator[None]:
        """The generator in evaluation mode; its mode and its buffers are restored afterwards."""
        generator, training = self.generator, self.generator.training
        kept = [(buffer, buffer.clone()) for buffer in generator.buffers()]
        self.architecture.advance(generator, self.progress)
        generator.eval()
        try:
            yield
        finally:
            generator.train(training)
            with torch.no_grad():
                for buffer, value in kept:
                    buffer.copy_(value)


@dataclass(eq=False)
class LatentSampler(Sampler):
    """Samples from latents, which are drawn on the CPU: every device gets the same.

    Layers that draw noise use the device's own random numbers.

    :ivar known_labels: labels to draw from for a class-conditional generator, with the data's
        frequencies; None for others.
    :ivar turns: the labels to go through in turn; by default all known labels.
    """

    known_labels: torch.Tensor | None
    turns: torch.Tensor | None = None

    def __post_init__(self) -> None:
        self.known_labels, self.turns = _on_cpu(self.known_labels), _on_cpu(self.turns)

    def generate(
        self,
        latents: torch.Tensor,
        labels: torch.Tensor | None,
        seed: int,
        truncation: float | None = None,
        grad: bool = False,
    ) -> torch.Tensor:
        """(n, c, h, w) float32 images of given latents, with the generator made `ready`.

        :param latents: on any device; likewise ``labels``.
        :param seed: of the generator's own random numbers, such as noise at every pixel.
        :param grad: whether gradients of the latents are needed.
        """
        with self._sampling(seed, grad):
            return self._generate(latents, labels, truncation)

    def labels(self, count: int, stream: str, in_turn: bool = False) -> torch.Tensor | None:
        """On the CPU."""
        if self.known_labels is None:
            return None
        parts = self._parts(count, stream)
        drawn = [self._draw(size, seed, at if in_turn else None)[1] for at, size, seed in parts]
        return torch.cat([labels for labels in drawn if labels is not None])

    def _made(
        self, start: int, size: int, seed: int, in_turn: bool, truncation: float | None
    ) -> torch.Tensor:
        return self._generate(*self._draw(size, seed, start if in_turn else None), truncation)

    def _settle(self, stream: str) -> None:
        """Let the architecture prepare its generator, as with standing statistics."""
        seed = derive_seed(self.seed, stream, "before sampling")
        random = torch.Generator().manual_seed(seed)

        def draw(count: int) -> _Drawn:
            latents, labels = self._draw_from(random, count, None)
            return self._moved(latents), None if labels is None else self._moved(labels)

        with self._sampling(seed):
            self.architecture.before_sampling(self.generator, draw)

    def _draw(self, count: int, seed: int, turn: int | None) -> _Drawn:
        return self._draw_from(torch.Generator().manual_seed(seed), count, turn)

    def _draw_from(self, random: torch.Generator, count: int, turn: int | None) -> _Drawn:
        latents = self.architecture.sample_latents(count, random, _CPU)
        if self.known_labels is None:
            return latents, None
        if turn is None:
            number = len(self.known_labels)
            picks = torch.randint(number, (count,), generator=random)
            return latents, self.known_labels[picks]
        turns = self.known_labels if self.turns is None else self.turns
        picks = (turn + torch.arange(count)) % len(turns)
        return latents, turns[picks]

    def _generate(
        self, latents: torch.Tensor, labels: torch.Tensor | None, truncation: float | None
    ) -> torch.Tensor:
        latents, labels = self._moved(latents), None if labels is None else self._moved(labels)
        if truncation is None:
            images = call_with_labels(self.generator, latents, labels)
        else:
            images = self.architecture.truncated(self.generator, latents, labels, truncation)
        assert isinstance(images, torch.Tensor)
        return images.float()

    def _moved(self, drawn: torch.Tensor) -> torch.Tensor:
        return to_device(drawn, self.device)


@dataclass(eq=False)
class TranslationSampler(Sampler):
    """Translations of given images, in their order.

    :ivar sources: (n, c', h, w) uint8, on any device.
    """

    sources: torch.Tensor

    def available(self, count: int) -> int:
        return min(count, len(self.sources))

    def _made(
        self, start: int, size: int, seed: int, in_turn: bool, truncation: float | None
    ) -> torch.Tensor:
        return self._translated(
            to_float(to_device(self.sources[start : start + size], self.device))
        )

    def translate(self, sources: torch.Tensor, seed: int) -> torch.Tensor:
        """(n, c, h, w) float32 translations of float sources, with the generator made `ready`.

        :param seed: of the generator's own random numbers, such as dropout.
        """
        with self._sampling(seed):
            return self._translated(sources)

    def _translated(self, sources: torch.Tensor) -> torch.Tensor:
        images: torch.Tensor = self.generator(to_device(sources, self.device))
        return images.float()


def _on_cpu(labels: torch.Tensor | None) -> torch.Tensor | None:
    return None if labels is None else labels.cpu()
