"""The pictures in a trial's folder."""

from __future__ import annotations

import torch

from ganbench.components.data import ImageData
from ganbench.evaluation.pictures import (
    save_rows,
    save_samples,
    save_timeline,
    save_translations,
)
from ganbench.evaluation.sampled_source import NOISE
from ganbench.store.trial_folder import TrialFolder
from ganbench.training.trainer import Trainer

_SAMPLES = {"image": 64, "points": 2500}
_TRANSLATIONS = 24


class TrialPictures:
    """Draws one trial's pictures."""

    def __init__(self, folder: TrialFolder, trainer: Trainer) -> None:
        self._folder, self._trainer = folder, trainer

    def remove(self) -> None:
        """Remove the pictures of an earlier attempt."""
        folder = self._folder
        for path in (folder.samples_png, folder.progress_png, folder.neighbours_png):
            path.unlink(missing_ok=True)

    def draw_timeline(self, frames: dict[str, torch.Tensor]) -> None:
        """The first samples of each tick: tick -> uint8 (n, c, h, w)."""
        if frames:
            save_timeline(self._folder.progress_png, frames, self._trainer.data.spec.alpha)

    def draw_neighbors(self, nearest: torch.Tensor | None, samples: torch.Tensor | None) -> None:
        """Each sample in a row with the real images nearest to it.

        :param nearest: (n, k, c, h, w) uint8.
        :param samples: (n, c, h, w) uint8.
        """
        if nearest is not None and samples is not None:
            pairs = zip(samples, nearest, strict=False)
            rows = [torch.cat([one[None], found]) for one, found in pairs]
            alpha = self._trainer.data.spec.alpha
            save_rows(self._folder.neighbours_png, rows, alpha=alpha)

    def draw_samples(self) -> None:
        """Samples from fixed noise: images, points over the real ones, or translations."""
        data, sampler = self._trainer.data, self._trainer.sampler()
        path, kind, source = self._folder.samples_png, data.spec.kind, data.source
        if data.held_out is not None:
            held, fakes = data.held_out, sampler.images(_TRANSLATIONS, NOISE)
            assert held.sources is not None
            save_translations(path, held.sources, fakes, held.targets, data.spec.alpha)
            return
        points = isinstance(source, ImageData) and kind == "points"
        real = source.images[: _SAMPLES["points"]] if points else None
        save_samples(path, sampler.images(_SAMPLES[kind], NOISE), data.spec, real)
