"""From samples to numbers: the shared path of trials, ``measure`` and ``eval``."""

from __future__ import annotations

import functools
import json
import math
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, TypeVar

import numpy as np
import torch

from ganbench.base.errors import BrokenComponentError, UsageError, one_line
from ganbench.base.pixels import to_float
from ganbench.base.process_state import guarded_torch
from ganbench.base.stop_requests import check_stop
from ganbench.base.text import first_of
from ganbench.components.column import Column
from ganbench.components.data import Modes
from ganbench.components.dataset import Dataset
from ganbench.components.metric import (
    ChangedSamplesError,
    FeatureSet,
    Measured,
    Metric,
    NotThereError,
    Versions,
)
from ganbench.evaluation.feature_space import FeatureSpace, kept_parts
from ganbench.evaluation.features import SEED, Passed, part_of, run_pass
from ganbench.evaluation.metric_references import changed_samples
from ganbench.evaluation.sources import Source
from ganbench.registry.info import ResolvedComponent

T = TypeVar("T")
#: Parts that depend on the extractor; a metric that needs none of them is measured once.
_OF_EXTRACTOR = frozenset({"features", "moments", "class_logits", "held_out"})
#: The part that only real samples have: a reference reads it.
_OF_REAL = frozenset({"held_out"})
#: Groups of the jackknife that finds the spread of a metric at fixed weights.
_GROUPS = 10


@dataclass(frozen=True)
class Reading:
    """One metric in one extractor.

    :ivar suffix: the suffix of its columns; empty for the first extractor.
    """

    metric: ResolvedComponent
    space: FeatureSpace
    suffix: str = ""

    @property
    def key(self) -> str:
        """The metric's name, with the extractor where it is not the first."""
        return self.metric.info.name + self.suffix

    @property
    def columns(self) -> tuple[Column, ...]:
        """The metric's columns, named as in rows."""
        declared: tuple[Column, ...] = self.metric.component.columns
        return tuple(
            replace(c, name=c.name + self.suffix, spread_of=c.spread_of and c.spread_of + self.suffix)
            for c in declared
        )  # fmt: skip


@dataclass(frozen=True)
class Measurement:
    """The result of a measurement.

    :ivar found: `Reading.key` -> values.
    :ivar failed: `Reading.key` -> why the metric's code failed.
    :ivar passed: the pass over the fake samples.
    """

    found: Mapping[str, Measured]
    passed: Passed
    failed: Mapping[str, str] = field(default_factory=dict)

    @property
    def values(self) -> dict[str, float]:
        """Column -> value."""
        return {name: value for one in self.found.values() for name, value in one.values.items()}

    @property
    def there(self) -> dict[str, float]:
        """The values without metrics that do not apply or failed."""
        known = (one for one in self.found.values() if not one.reason)
        return {name: value for one in known for name, value in one.values.items()}

    def check(self) -> None:
        """Raise UsageError if no metric could be measured."""
        if all(one.reason for one in self.found.values()):
            reasons = "; ".join(f"{name}: {one.reason}" for name, one in self.found.items())
            raise UsageError(f"nothing can be measured: {reasons}")


class Measurer:
    """Measures fake samples in some extractors against the real ones.

    :param metrics: in the order of their columns.
    :param spaces: the first extractor is the primary one.
    :param channels: of the images as the networks see them.
    :param dataset: of the real samples, for its own statistics and modes, or None.
    """

    def __init__(
        self,
        metrics: Sequence[ResolvedComponent],
        spaces: Sequence[FeatureSpace],
        channels: int,
        device: torch.device,
        dataset: ResolvedComponent | None = None,
    ) -> None:
        self.spaces, self.channels, self.device = spaces, channels, device
        self.modes: Modes | None = None if dataset is None else dataset.component.mixture()
        self.readings = list(readings(metrics, spaces, dataset))
        self.keep = kept_parts(reading.metric for reading in self.readings) | {"features"}

    @property
    def columns(self) -> list[Column]:
        """The columns of all metrics in all extractors."""
        return [column for reading in self.readings for column in reading.columns]

    def measure(
        self,
        fake: Source,
        places: np.ndarray | None = None,
        *,
        chosen: Callable[[Reading], bool] = lambda reading: True,
        watch_sameness: bool = False,
        tell: Callable[[int], None] = lambda count: None,
        about: Callable[[str], None] = lambda title: None,
    ) -> Measurement:
        """Run the samples through the networks, and compute the metrics.

        :param chosen: whether to compute a reading.
        :param tell: receives the number of samples of each batch.
        :param about: receives the title of each computation.
        :raises NotFiniteError: for features that are not finite.
        """
        wanted = [reading for reading in self.readings if chosen(reading)]
        asked = [space for space in self.spaces if any(one.space is space for one in wanted)]
        passed = run_pass(
            fake,
            fake.places() if places is None else places,
            self.channels,
            [space.network for space in asked or self.spaces[:1]],
            self.keep,
            self.device,
            modes=self.modes,
            watch_sameness=watch_sameness,
            tell=tell,
        )
        return self.computed(passed, wanted, about)

    def computed(
        self,
        passed: Passed,
        wanted: Sequence[Reading],
        about: Callable[[str], None] = lambda title: None,
    ) -> Measurement:
        """The metrics of samples that have passed the networks."""
        found: dict[str, Measured] = {}
        failed: dict[str, str] = {}
        for reading in wanted:
            check_stop()
            about(f"computing {first_of([column.name for column in reading.columns], 4)}")
            read = functools.partial(self._read, reading, self._set_of(reading, passed))
            one, reason = _attempted(read)
            if one is None:
                names = [column.name for column in reading.columns]
                one = Measured(dict.fromkeys(names, math.nan), reason=reason)
                failed[reading.key] = reason
            found[reading.key] = one
        return Measurement(found, passed, failed)

    def floors(self, measured: Measurement) -> dict[str, float]:
        """The floors: the same number of real samples against the other real ones."""
        found = {}
        samples = measured.passed.sets[0].size
        for reading in self._there(measured):
            wanted = [column.name for column in reading.metric.component.columns if column.floor]
            if wanted and reading.space.real is not None:
                floor = functools.partial(reading.space.real.floor, reading.metric, samples)
                values = _survived(f"the floor of {reading.key}", floor)
                for name in wanted:
                    found[f"{name}_floor{reading.suffix}"] = values.get(name, math.nan)
        return found

    def held_out(self, measured: Measurement) -> dict[str, float]:
        """The columns that compare with the test split as well."""
        found = {}
        for reading in self._there(measured):
            wanted = [column.name for column in reading.metric.component.columns if column.held_out]
            real = reading.space.real
            if wanted and real is not None and real.held_out is not None:
                other = replace(reading, space=replace(reading.space, real=real.held_out))
                samples = self._set_of(reading, measured.passed)
                read = functools.partial(self._values, other, samples)
                values = _survived(f"{reading.key} against the test split", read)
                for name in wanted:
                    value = values.get(name + reading.suffix, math.nan)
                    found[f"{name}_test{reading.suffix}"] = value
        return found

    def noise(self, column: str, passed: Passed) -> float:
        """The standard deviation of a column over new samples of the same generator.

        A jackknife over 10 groups of samples (Quenouille 1956); NaN where samples cannot be left out.
        """
        reading = self.reading_of(column)
        samples = self._set_of(reading, passed)
        size = samples.size
        if size < 2 * _GROUPS or size < samples.count or not _divisible(reading.metric.component):
            return math.nan
        jackknife = functools.partial(self._jackknife, reading, samples, column)
        return _survived(f"the noise of {column}", jackknife).get(column, math.nan)

    def reading_of(self, column: str) -> Reading:
        """The reading of a column; raises KeyError."""
        for reading in self.readings:
            if any(column == known.name for known in reading.columns):
                return reading
        raise KeyError(column)

    def _jackknife(self, reading: Reading, samples: FeatureSet, column: str) -> Mapping[str, float]:
        order = torch.from_numpy(np.random.RandomState(SEED).permutation(samples.size))
        group = torch.arange(samples.size) * _GROUPS // samples.size
        values = []
        for left_out in range(_GROUPS):
            check_stop()
            part = part_of(samples, order[group != left_out].sort().values)
            values.append(self._values(reading, part)[column])
        return {column: float(np.std(values) * math.sqrt(_GROUPS - 1))}

    def _there(self, measured: Measurement) -> Iterator[Reading]:
        """The readings that gave values."""
        for reading in self.readings:
            one = measured.found.get(reading.key)
            if one is not None and not one.reason:
                yield reading

    def _set_of(self, reading: Reading, passed: Passed) -> FeatureSet:
        return next(one for one in passed.sets if one.extractor is reading.space.network)

    def _values(self, reading: Reading, samples: FeatureSet) -> Mapping[str, float]:
        return self._read(reading, samples).values

    def _read(self, reading: Reading, samples: FeatureSet) -> Measured:
        metric: Metric = reading.metric.component
        names = [column.name for column in metric.columns]
        try:
            for need in set(metric.needs) - set(metric.optional) - _OF_REAL:
                reason = samples.lacks(need)
                if reason is not None:
                    raise NotThereError(reason)
            reference: Mapping[str, torch.Tensor] = {}
            if metric.compares:
                if reading.space.real is None:
                    raise NotThereError("the comparison needs real samples")
                with guarded_torch():
                    reference = reading.space.real.reference(reading.metric)
            found = _computed(reading, samples, reference)
        except NotThereError as error:
            found = Measured(dict.fromkeys(names, math.nan), reason=str(error))
        measured = _checked(reading, found)
        values = {str(name): float(value) for name, value in measured.values.items()}
        if set(values) != set(names) and not isinstance(metric, _Statistics):
            raise BrokenComponentError(
                f"metric {reading.metric.spec} gives {sorted(values)}, but its columns are "
                f"{sorted(names)}: compute must return one number for each column"
            )
        return replace(
            measured, values={name + reading.suffix: value for name, value in values.items()}
        )


def _computed(reading: Reading, samples: FeatureSet, reference: Mapping[str, torch.Tensor]) -> Any:
    """The metric's result; raises ChangedSamplesError if it changed shared tensors."""
    metric, before = reading.metric, Versions()
    for name, tensor in reference.items():
        before.note(name, tensor)
    view = samples.only(metric.component.needs, metric.spec)
    with guarded_torch():
        found = metric.component.compute(view, reference)
    changed = [*view.changed(), *before.changed()]
    if changed:
        if reading.space.real is not None:
            reading.space.real.forget()
        raise changed_samples(metric, changed)
    return found


def _checked(reading: Reading, found: Any) -> Measured:
    """The metric's result, checked."""
    measured = found if isinstance(found, Measured) else Measured(found)
    problem = ""
    if not isinstance(measured.values, Mapping):
        problem = f"a dict of column -> number, or a Measured, not {found!r:.200}"
    try:
        json.dumps(dict(measured.details))
    except (TypeError, ValueError) as error:
        problem = f"details in JSON's types: {one_line(error)}"
    if problem:
        raise BrokenComponentError(f"metric {reading.metric.spec}: compute must return {problem}")
    return measured


def readings(
    metrics: Iterable[ResolvedComponent],
    spaces: Sequence[FeatureSpace],
    dataset: ResolvedComponent | None = None,
) -> Iterator[Reading]:
    """Every metric in every extractor. Metrics without features, and the data set's own, occur once."""
    for metric in metrics:
        for number, space in enumerate(spaces):
            if number and not of_extractor(metric.component):
                continue
            yield Reading(metric, space, f"@{space.name}" if number else "")
    if dataset is not None and type(dataset.component).statistics is not Dataset.statistics:
        yield Reading(ResolvedComponent(dataset.info, _Statistics.of(dataset.component)), spaces[0])


def of_extractor(metric: Metric) -> bool:
    """Whether the value depends on the extractor."""
    return bool(_OF_EXTRACTOR & set(metric.needs))


def _attempted(read: Callable[[], T]) -> tuple[T | None, str]:
    """The result of third-party code; None and the reason if it fails."""
    try:
        with guarded_torch():
            return read(), ""
    except (MemoryError, torch.OutOfMemoryError, ChangedSamplesError):
        raise
    except (Exception, SystemExit) as error:  # third-party code must not end the trial
        traceback.print_exception(error)
        return None, one_line(error)


def _survived(what: str, read: Callable[[], Mapping[str, float]]) -> Mapping[str, float]:
    """Values that accompany a metric; empty if its code fails."""
    check_stop()
    found, reason = _attempted(read)
    if found is None:
        print(f"{what} is missing: {reason}")
    return found or {}


def _divisible(metric: Metric) -> bool:
    """Whether the metric can be computed on part of the samples."""
    return not {"generator", "pairs"} & set(metric.needs)


class _Statistics(Metric):
    """A data set's own statistics, as a metric."""

    needs: ClassVar[tuple[str, ...]] = ("images",)

    @classmethod
    def of(cls, dataset: Dataset) -> _Statistics:
        own = cls()
        object.__setattr__(own, "_dataset", dataset)
        return own

    @property
    def columns(self) -> tuple[Column, ...]:  # type: ignore[override]
        return self._dataset.columns  # type: ignore[attr-defined, no-any-return]

    def compute(self, fake: FeatureSet, reference: Any) -> Mapping[str, float]:
        images = to_float(fake.stored("images").cpu())
        return dict(self._dataset.statistics(images))  # type: ignore[attr-defined]
