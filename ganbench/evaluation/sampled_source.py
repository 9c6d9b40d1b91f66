"""A generator as a source of images."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch

from ganbench.base.errors import UsageError
from ganbench.base.pixels import to_uint8
from ganbench.base.transfers import to_device
from ganbench.evaluation.sources import Batch, Source, in_channels
from ganbench.generators.trained import held_out_images, load_trained
from ganbench.registry.specs import Spec
from ganbench.store.trial_folder import TrialFolder
from ganbench.training.sampler import Sampler

#: Streams of latents: of all ticks, which then differ by the weights alone; and of the best tick.
NOISE, FRESH_NOISE = "evaluation noise", "fresh evaluation noise"
_STREAM = "samples"  # as in `ganbench sample`: the same seed gives the same images


class SampledSource(Source):
    """Samples of a generator.

    :param count: at most the number of images to translate, for a translation.
    :param stream: of the latents, as in `Sampler.batches`; likewise ``in_turn``.
    :param pairs: (count, c, h, w) uint8: the right image of each translation, or None.
    :param see: receives every batch of samples, as the networks get them.
    """

    kind = "trial"

    def __init__(
        self,
        label: str,
        sampler: Sampler,
        count: int,
        stream: str,
        in_turn: bool = False,
        pairs: torch.Tensor | None = None,
        see: Callable[[torch.Tensor], None] | None = None,
    ) -> None:
        data = sampler.data
        number = sampler.available(count)
        super().__init__(label, number, data.channels, {(data.height, data.width): number})
        self.points, self.alpha = data.kind == "points", data.alpha
        self.pairs = None if pairs is None else pairs[:number]
        self.generator = sampler.generator
        self._sampler, self._stream, self._in_turn, self._see = sampler, stream, in_turn, see
        self._finite: list[torch.Tensor] = []

    def content(self) -> None:
        """None: the content is not known before the images are made."""

    def finite(self) -> bool:
        """Whether all values made so far are finite."""
        return not self._finite or bool(torch.stack(self._finite).all())

    def batches(self, positions: np.ndarray, channels: int, size: int) -> Iterator[Batch]:
        """All samples in their order, whatever positions are asked for: each takes part in a pass."""
        labels = self._sampler.labels(self.count, self._stream, self._in_turn)
        wanted = np.zeros(self.count, dtype=bool)
        wanted[positions] = True
        start = 0
        for made in self._sampler.batches(self.count, self._stream, self._in_turn):
            self._finite.append(made.isfinite().all())
            ready = made if self.points else in_channels(to_uint8(made), channels, self.alpha)
            if self._see is not None:
                self._see(ready)
            places = np.arange(start, start + len(ready))
            start += len(ready)
            mine = wanted[places]
            if not mine.all():
                chosen = to_device(torch.from_numpy(np.flatnonzero(mine)), ready.device)
                ready, places = ready[chosen], places[mine]
            if len(places):
                part = None if labels is None else labels[torch.from_numpy(places)]
                yield Batch(places, ready, part)


class TrialSource(SampledSource):
    """Samples of a trial's averaged generator, classes in turn; or translations of held-out images.

    :param root: the data folder, for the images to translate.
    """

    def __init__(
        self,
        label: str,
        folder: TrialFolder,
        count: int,
        seed: int,
        device: torch.device,
        root: Path,
        stream: str = _STREAM,
    ) -> None:
        trained = load_trained(folder, device=device)
        sources = pairs = None
        if trained.translates:
            data = held_out_images(folder, root)
            sources, pairs = data.sources, data.targets
        sampler = trained.sampler(seed, sources=sources)
        super().__init__(label, sampler, count, stream, in_turn=True, pairs=pairs)
        self.notes += [] if trained.doubt is None else [trained.doubt]
        self.trial, self.seed, self.identity = folder.id, seed, trained.identity
        self.run, self.row = str(folder.path.parent.parent), folder.read_row() or {}

    def own_extractors(self) -> list[Spec]:
        """The extractors that the trial was evaluated with, the primary one first."""
        known = self.identity.get("extractors") or [self.identity["extractor"]]
        return [Spec(one["name"], one["options"], one["provider"]) for one in known]

    def batches(self, positions: np.ndarray, channels: int, size: int) -> Iterator[Batch]:
        """As in `SampledSource`; raises UsageError for samples that are not finite."""
        yield from super().batches(positions, channels, size)
        if not self.finite():
            raise UsageError(f"the generator of trial {self.trial} makes non-finite values")
