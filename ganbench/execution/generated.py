"""A trial's generator as a source of images to be measured."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from ganbench.errors import UsageError
from ganbench.evaluation.sources import Batch, Source, in_channels
from ganbench.execution.trained import Trained, held_out_images, load_trained
from ganbench.grid.settings import TrainingSettings
from ganbench.results.store import TrialFolder
from ganbench.training.batches import to_uint8
from ganbench.training.precision import Arithmetic
from ganbench.training.sampler import LatentSampler, Sampler, TranslationSampler

_STREAM = "samples"  # that of `ganbench sample`: the same seed gives the same images


class TrialSource(Source):
    """Samples of a trial's averaged generator, classes in turn; or translations of held-out images.

    :param count: how many; translations are no more than there are images to translate.
    :param root: the data folder, for what is translated.
    """

    kind = "trial"

    def __init__(
        self,
        label: str,
        folder: TrialFolder,
        count: int,
        seed: int,
        device: torch.device,
        root: Path,
    ) -> None:
        trained = load_trained(folder)
        self._sampler = _sampler(trained, folder, seed, device, root)
        data = trained.data
        number = self._sampler.available(count)
        super().__init__(label, number, data.channels, {(data.height, data.width): number})
        self.notes += [] if trained.doubt is None else [trained.doubt]
        self.points, self.trial, self.seed = data.kind == "points", folder.id, seed

    def content(self) -> None:
        """Not known before the images have been made."""

    def batches(self, positions: np.ndarray, channels: int, size: int) -> Iterator[Batch]:
        start = 0
        for made in self._sampler.batches(self.count, _STREAM, in_turn=True):
            if not bool(made.isfinite().all()):
                raise UsageError(
                    f"the generator of trial {self.trial} makes values that are not finite"
                )
            ready = made if self.points else in_channels(to_uint8(made), channels)
            for part in ready.split(size):
                yield Batch(np.arange(start, start + len(part)), part)
                start += len(part)


def _sampler(
    trained: Trained, folder: TrialFolder, seed: int, device: torch.device, root: Path
) -> Sampler:
    generator = trained.generator.to(device)
    plain = Arithmetic(TrainingSettings(), device)
    parts = (trained.architecture, trained.data, generator, seed, device, plain, trained.progress)
    if trained.translates:
        sources = held_out_images(folder, root).sources
        assert sources is not None
        return TranslationSampler(*parts, sources)
    labels = None
    if trained.architecture.task == "class-conditional":
        labels = torch.arange(trained.data.classes, device=device)
    return LatentSampler(*parts, labels)
