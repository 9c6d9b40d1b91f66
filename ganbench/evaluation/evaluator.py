"""The evaluation of a trial's ticks: which metrics at which tick, with which settings."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch

from ganbench.base.errors import UsageError
from ganbench.components.column import Column
from ganbench.components.metric import FeatureSet
from ganbench.evaluation.feature_quality import weakness
from ganbench.evaluation.features import POOL, NotFiniteError, choice, full_precision
from ganbench.evaluation.measurer import Measurement, Measurer, Reading
from ganbench.evaluation.real_features import RealFeatures
from ganbench.evaluation.sample_check import RealLook, remark
from ganbench.evaluation.sample_timeline import WIDTH
from ganbench.evaluation.sources import Source
from ganbench.grid.settings import EvaluationSettings

#: Real images in the row of a sample.
NEIGHBORS = 4
_ROWS = 8192  # of real features, compared at a time


class TickMetrics(NamedTuple):
    """The evaluation of one tick.

    :ivar values: column -> value, without metrics that do not apply; NaN for non-finite samples.
    :ivar failed: metric -> why its code failed.
    :ivar nearest: (`WIDTH`, `NEIGHBORS`, c, h, w) uint8: the real images nearest to the first samples.
    """

    values: dict[str, float]
    failed: Mapping[str, str] = {}
    nearest: torch.Tensor | None = None


@dataclass(frozen=True)
class Evaluator:
    """Evaluates trials of one data set with the same extractors and settings.

    :ivar samples: the number of each evaluation; a translation has no more samples than sources.
    :ivar split: of the real samples.
    """

    measurer: Measurer
    settings: EvaluationSettings
    samples: int
    split: str

    @property
    def identities(self) -> list[str]:
        """``network:fake/real:split`` of every extractor."""
        found = []
        for space in self.measurer.spaces:
            real = 0 if space.real is None else space.real.count
            found.append(f"{space.network.identity}:{self.samples}/{real}:{self.split}")
        return found

    @property
    def extractor(self) -> str:
        """``network:fake/real:split`` of the first extractor."""
        return self.identities[0]

    @property
    def primary(self) -> str:
        """The name of the primary metric's column, which has the curve columns."""
        return self.settings.primary

    @property
    def primary_column(self) -> Column:
        """The primary metric's column."""
        return next(c for c in self.primary_reading.columns if c.name == self.primary)

    @property
    def mode_columns(self) -> list[str]:
        """The columns that fall when modes are lost."""
        return [column.name for column in self.measurer.columns if column.lost_modes]

    @property
    def primary_reading(self) -> Reading:
        """The primary metric in its extractor."""
        return self.measurer.reading_of(self.primary)

    @property
    def features_note(self) -> str | None:
        """Why features cannot carry a ranking, or None."""
        found = (weakness(space.network) for space in self.measurer.spaces)
        return "; ".join(filter(None, found)) or None

    @functools.cached_property
    def _real_look(self) -> RealLook | None:
        real = self.measurer.spaces[0].real
        if not isinstance(real, RealFeatures):
            return None
        return RealLook.of(real.source, self.measurer.channels)

    def samples_note(self, samples: torch.Tensor, may_copy: bool) -> str | None:
        """What makes samples no result: a constant, noise or copies; else None.

        :param samples: (n, c, h, w) uint8 on the CPU, n at least 2.
        :param may_copy: whether to look for copies of training images.
        """
        real = self._real_look
        return None if real is None else remark(samples, real, may_copy)

    def at_tick(self, samples: Source) -> TickMetrics:
        """The metrics of every tick."""
        measured = self._measure(samples, _is_of_every_tick)
        return (
            self._not_finite() if measured is None else TickMetrics(measured.there, measured.failed)
        )

    def of_ticks(self, values: Mapping[str, float]) -> dict[str, float]:
        """The columns of every tick, taken from the values of the last tick."""
        every = {
            column.name
            for reading in self.measurer.readings
            if _is_of_every_tick(reading)
            for column in reading.columns
        }
        return {name: value for name, value in values.items() if name in every}

    def at_end(self, samples: Source) -> TickMetrics:
        """All metrics, their floors, the distances to the test split, and the primary one's noise."""
        measured = self._measure(samples, lambda reading: True)
        if measured is None:
            return self._not_finite()
        real, nearest = self.measurer.spaces[0].real, None
        if isinstance(real, RealFeatures) and not samples.points:
            nearest = _nearest_real(measured.passed.sets[0], real, WIDTH, NEIGHBORS)
        values = {
            **measured.there,
            **self.measurer.floors(measured),
            **self.measurer.held_out(measured),
            f"{self.primary}_noise": self.measurer.noise(self.primary, measured.passed),
        }
        return TickMetrics(values, measured.failed, nearest)

    def of_best(self, samples: Source) -> tuple[float, float]:
        """The primary metric of fresh samples, and its noise; NaN for samples that are not finite."""
        measured = self._measure(samples, lambda reading: reading == self.primary_reading)
        if measured is None:
            return math.nan, math.nan
        noise = self.measurer.noise(self.primary, measured.passed)
        return measured.values[self.primary], noise

    def _measure(self, samples: Source, chosen: Callable[[Reading], bool]) -> Measurement | None:
        """None for samples or features that are not finite."""
        try:
            measured = self.measurer.measure(samples, chosen=chosen)
        except NotFiniteError:
            return None
        if not samples.finite():
            return None
        primary = measured.found[self.primary_reading.key]
        if primary.reason:
            raise UsageError(
                f"the primary metric {self.primary!r} cannot be measured: {primary.reason}"
            )
        if math.isnan(primary.values[self.primary]):
            raise UsageError(
                f"the primary metric {self.primary!r} has no value for these samples "
                f"({self.primary_column.meaning}); choose another evaluation.primary"
            )
        for key, reason in measured.failed.items():
            print(f"metric {key} failed, its columns are missing: {reason}")
        return measured

    def _not_finite(self) -> TickMetrics:
        return TickMetrics({column.name: math.nan for column in self.measurer.columns})


def _is_of_every_tick(reading: Reading) -> bool:
    every_tick: bool = reading.metric.component.every_tick
    return every_tick


def _nearest_real(
    samples: FeatureSet, real: RealFeatures, count: int, k: int
) -> torch.Tensor | None:
    """The ``k`` real images nearest to each of the first samples, in the extractor's features.

    :returns: (count, k, c, h, w) uint8 on the CPU, the nearest first; None for images of several sizes,
        or fewer than ``k``.
    """
    features = real.samples.features
    if len(features) < k or len(real.source.sizes) > 1:
        return None
    ours = samples.features[:count]
    with full_precision():
        parts = [torch.cdist(ours, part) for part in features.split(_ROWS)]
    nearest = torch.cat(parts, 1).topk(k, largest=False).indices.cpu().numpy()
    pool = real.places[choice(len(real.places), POOL)]
    wanted, inverse = np.unique(pool[nearest], return_inverse=True)
    batches = real.source.batches(wanted, real.settings.channels, len(wanted))
    images = torch.cat([batch.images.cpu() for batch in batches])
    return images[torch.from_numpy(inverse.reshape(nearest.shape))]
