"""The evaluation of a trial's ticks: what is measured when, under which settings."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch

from ganbench.components.column import Column
from ganbench.errors import UsageError
from ganbench.evaluation.features import NotFiniteError
from ganbench.evaluation.film import WIDTH
from ganbench.evaluation.measuring import Measurement, Measurer, Reading
from ganbench.evaluation.neighbours import nearest_real
from ganbench.evaluation.real_side import RealSide
from ganbench.evaluation.sources import Source
from ganbench.grid.settings import EvaluationSettings

#: Real images that stand beside a sample.
NEIGHBOURS = 4


@dataclass(frozen=True)
class Evaluator:
    """Everything that is equal for all evaluations of one data set, its extractors and settings.

    :ivar samples: how many there are for each evaluation: a translation has no more than sources.
    :ivar failed: metrics whose code failed in the newest evaluation, with the reason.
    """

    measurer: Measurer
    settings: EvaluationSettings
    samples: int
    split: str
    failed: dict[str, str] = field(default_factory=dict)

    @property
    def identities(self) -> list[str]:
        """``network:fake/real:split`` of every extractor."""
        found = []
        for side in self.measurer.sides:
            real = 0 if side.real is None else side.real.count
            found.append(f"{side.network.identity}:{self.samples}/{real}:{self.split}")
        return found

    @property
    def extractor(self) -> str:
        """The full identity of the metrics: ``network:fake/real:split`` of the first extractor."""
        return self.identities[0]

    @property
    def primary(self) -> str:
        """The column that the curve columns are of."""
        return self.settings.primary

    @property
    def primary_column(self) -> Column:
        """What is known of it."""
        return next(c for c in self.primary_reading.columns if c.name == self.primary)

    @property
    def mode_columns(self) -> list[str]:
        """The columns whose fall means lost modes."""
        return [column.name for column in self.measurer.columns if column.lost_modes]

    @property
    def primary_reading(self) -> Reading:
        """The metric of that column."""
        return self.measurer.reading_of(self.primary)

    def at_tick(self, samples: Source) -> dict[str, float]:
        """The metrics of every tick, without those that do not apply."""
        measured = self._measure(samples, lambda r: r.metric.component.every_tick)
        return self._values(measured)

    def of_ticks(self, values: Mapping[str, float]) -> dict[str, float]:
        """Those of all values that every tick has."""
        every = {
            column.name
            for reading in self.measurer.readings
            if reading.metric.component.every_tick
            for column in reading.columns
        }
        return {name: value for name, value in values.items() if name in every}

    def at_end(self, samples: Source) -> tuple[dict[str, float], torch.Tensor | None]:
        """All metrics, their floors, the distances to the test split, and the primary one's noise.

        With them come the real images nearest to the first samples, see `nearest_real`.
        """
        measured = self._measure(samples, lambda reading: True)
        if measured is None:
            return self._values(None), None
        real = self.measurer.sides[0].real
        near = None
        if isinstance(real, RealSide) and not samples.points:
            near = nearest_real(measured.passed.sets[0], real, WIDTH, NEIGHBOURS)
        values = {
            **self._values(measured),
            **self.measurer.floors(measured),
            **self.measurer.held_out(measured),
            f"{self.primary}_noise": self.measurer.noise(self.primary, measured.passed),
        }
        return values, near

    def of_best(self, samples: Source) -> tuple[float, float]:
        """The primary metric of fresh samples, and its noise."""
        measured = self._measure(samples, lambda reading: reading == self.primary_reading)
        if measured is None:
            return math.nan, math.nan
        noise = self.measurer.noise(self.primary, measured.passed)
        return measured.values[self.primary], noise

    def _measure(self, samples: Source, chosen: Callable[[Reading], bool]) -> Measurement | None:
        """None for samples or features that are not finite."""
        self.failed.clear()  # evaluators outlive trials
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
                f"the primary metric {self.primary!r} has no value for such samples "
                f"({self.primary_column.meaning}); choose another evaluation.primary"
            )
        self.failed.update(measured.failed)
        for key, reason in measured.failed.items():
            print(f"metric {key} failed, its columns are missing: {reason}")
        return measured

    def _values(self, measured: Measurement | None) -> dict[str, float]:
        if measured is None:
            return {column.name: math.nan for column in self.measurer.columns}
        return measured.there
