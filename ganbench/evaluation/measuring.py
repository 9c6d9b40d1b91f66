"""From samples to numbers: the one path that trials, ``measure`` and ``eval`` take."""

from __future__ import annotations

import contextlib
import functools
import json
import math
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
import torch

from ganbench.components.column import Column
from ganbench.components.data import Modes
from ganbench.components.dataset import Dataset
from ganbench.components.extractor import FeatureNetwork
from ganbench.components.metric import (
    ChangedSamplesError,
    FeatureSet,
    Measured,
    Metric,
    NotThereError,
    Versions,
)
from ganbench.errors import BrokenComponentError
from ganbench.evaluation.features import SEED, Passed, part_of, run_pass
from ganbench.evaluation.real_side import PublishedSide, RealSide, changed_samples
from ganbench.evaluation.sources import Source
from ganbench.registry.guard import one_line
from ganbench.registry.info import Bound
from ganbench.training.batches import to_float

#: Parts that depend on the extractor; a metric of other parts alone is measured once.
_OF_EXTRACTOR = frozenset({"features", "moments", "class_logits", "held_out"})
#: The part that only real samples have: a reference reads it.
_OF_REAL = frozenset({"held_out"})
#: Groups of the jackknife that finds the spread of a metric at fixed weights.
_GROUPS = 10


@dataclass(frozen=True)
class Side:
    """One extractor with the real samples in it.

    :ivar name: behind an ``@`` in the columns of all extractors but the first.
    :ivar real: None where no metric needs real samples.
    """

    name: str
    network: FeatureNetwork
    real: RealSide | PublishedSide | None


@dataclass(frozen=True)
class Reading:
    """One metric in one extractor.

    :ivar suffix: of its columns: empty for the first extractor.
    """

    metric: Bound
    side: Side
    suffix: str = ""

    @property
    def key(self) -> str:
        """The metric's name, with the extractor where it is not the first."""
        return self.metric.info.name + self.suffix

    @property
    def columns(self) -> tuple[Column, ...]:
        """The metric's columns as they are called in rows."""
        declared: tuple[Column, ...] = self.metric.component.columns
        return tuple(
            replace(c, name=c.name + self.suffix, spread_of=c.spread_of and c.spread_of + self.suffix)
            for c in declared
        )  # fmt: skip


@dataclass(frozen=True)
class Measurement:
    """What was found.

    :ivar found: by `Reading.key`.
    :ivar failed: why the code of a metric broke down, likewise.
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
        """The same without metrics that do not apply or failed."""
        known = (one for one in self.found.values() if not one.reason)
        return {name: value for one in known for name, value in one.values.items()}


class Measurer:
    """Measures fake samples in some extractors against the real ones.

    :param metrics: in the order of their columns.
    :param sides: the first extractor is the primary one.
    :param channels: of the images as the networks see them.
    :param dataset: for its own statistics and modes; None where the real side is no data set.
    """

    def __init__(
        self,
        metrics: Sequence[Bound],
        sides: Sequence[Side],
        channels: int,
        device: torch.device,
        dataset: Bound | None = None,
    ) -> None:
        self.sides, self.channels, self.device = sides, channels, device
        self.modes: Modes | None = None if dataset is None else dataset.component.mixture()
        self.readings = list(readings(metrics, sides, dataset))
        self.keep = kept_parts(reading.metric for reading in self.readings) | {"features"}

    @property
    def columns(self) -> list[Column]:
        """Of all metrics in all extractors."""
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

        :param chosen: which of the readings.
        :param tell: told the number of samples of each batch.
        :param about: told what is being computed.
        :raises NotFiniteError: for features that are not finite.
        """
        wanted = [reading for reading in self.readings if chosen(reading)]
        asked = [side for side in self.sides if any(reading.side is side for reading in wanted)]
        passed = run_pass(
            fake,
            fake.places() if places is None else places,
            self.channels,
            [side.network for side in asked or self.sides[:1]],
            self.keep,
            self.device,
            modes=self.modes,
            watch_sameness=watch_sameness,
            tell=tell,
        )
        found: dict[str, Measured] = {}
        failed: dict[str, str] = {}
        for reading in wanted:
            about(f"computing {reading.key}")
            try:
                found[reading.key] = self._read(reading, self._set_of(reading, passed))
            except (MemoryError, torch.OutOfMemoryError, ChangedSamplesError):
                raise
            except (Exception, SystemExit) as error:  # a third party's code must not end the trial
                traceback.print_exception(error)
                reason = one_line(error)
                names = [column.name for column in reading.columns]
                found[reading.key] = Measured(dict.fromkeys(names, math.nan), reason=reason)
                failed[reading.key] = reason
        return Measurement(found, passed, failed)

    def floors(self, measured: Measurement) -> dict[str, float]:
        """For each column with a floor: real samples against real ones, at the same number."""
        found = {}
        samples = measured.passed.sets[0].size
        for reading in self._there(measured):
            wanted = [column.name for column in reading.metric.component.columns if column.floor]
            if wanted and reading.side.real is not None:
                floor = functools.partial(reading.side.real.floor, reading.metric, samples)
                values = _survived(f"the floor of {reading.key}", floor)
                for name in wanted:
                    found[f"{name}_floor{reading.suffix}"] = values.get(name, math.nan)
        return found

    def held_out(self, measured: Measurement) -> dict[str, float]:
        """For each column that asks for it: the samples against the test split."""
        found = {}
        for reading in self._there(measured):
            wanted = [column.name for column in reading.metric.component.columns if column.held_out]
            real = reading.side.real
            if wanted and real is not None and real.held_out is not None:
                other = replace(reading, side=replace(reading.side, real=real.held_out))
                samples = self._set_of(reading, measured.passed)
                read = functools.partial(self._values, other, samples)
                values = _survived(f"{reading.key} against the test split", read)
                for name in wanted:
                    value = values.get(name + reading.suffix, math.nan)
                    found[f"{name}_test{reading.suffix}"] = value
        return found

    def noise(self, column: str, passed: Passed) -> float:
        """The standard deviation that new samples of the same generator would give a column.

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
        """Whose column it is; raises KeyError."""
        for reading in self.readings:
            if any(column == known.name for known in reading.columns):
                return reading
        raise KeyError(column)

    def _jackknife(self, reading: Reading, samples: FeatureSet, column: str) -> Mapping[str, float]:
        order = torch.from_numpy(np.random.RandomState(SEED).permutation(samples.size))
        group = torch.arange(samples.size) * _GROUPS // samples.size
        values = []
        for left_out in range(_GROUPS):
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
        return next(one for one in passed.sets if one.extractor is reading.side.network)

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
                if reading.side.real is None:
                    raise NotThereError("there are no real samples to compare with")
                with _own_switches():
                    reference = reading.side.real.reference(reading.metric)
            found = _computed(reading, samples, reference)
        except NotThereError as error:
            found = Measured(dict.fromkeys(names, math.nan), reason=str(error))
        measured = _checked(reading, found)
        values = {str(name): float(value) for name, value in measured.values.items()}
        if set(values) != set(names) and not isinstance(metric, _Statistics):
            raise BrokenComponentError(
                f"metric {reading.metric.spec} gives {sorted(values)}, and its columns are "
                f"{sorted(names)}: compute must give a number for each column and no other"
            )
        return replace(
            measured, values={name + reading.suffix: value for name, value in values.items()}
        )


def _computed(reading: Reading, samples: FeatureSet, reference: Mapping[str, torch.Tensor]) -> Any:
    """What the metric gives, without having changed what others read."""
    metric, before = reading.metric, Versions()
    for name, tensor in reference.items():
        before.note(name, tensor)
    view = samples.only(metric.component.needs, metric.spec)
    with _own_switches():
        found = metric.component.compute(view, reference)
    changed = [*view.changed(), *before.changed()]
    if changed:
        if reading.side.real is not None:
            reading.side.real.forget()
        raise changed_samples(metric, changed)
    return found


@contextlib.contextmanager
def _own_switches() -> Iterator[None]:
    """Put back what a metric sets for its process: the training that goes on depends on it."""
    gradients, dtype = torch.is_grad_enabled(), torch.get_default_dtype()
    threads = torch.get_num_threads()
    try:
        yield
    finally:
        torch.set_grad_enabled(gradients)
        torch.set_default_dtype(dtype)
        if torch.get_num_threads() != threads:
            torch.set_num_threads(threads)


def _checked(reading: Reading, found: Any) -> Measured:
    """What the metric gives, if it is of the right kind."""
    measured = found if isinstance(found, Measured) else Measured(found)
    problem = ""
    if not isinstance(measured.values, Mapping):
        problem = f"a dict of column -> number, or a Measured, not {found!r:.200}"
    try:
        json.dumps(dict(measured.details))
    except (TypeError, ValueError) as error:
        problem = f"details in JSON's types: {one_line(error)}"
    if problem:
        raise BrokenComponentError(f"metric {reading.metric.spec}: compute must give {problem}")
    return measured


def readings(
    metrics: Iterable[Bound], sides: Sequence[Side], dataset: Bound | None = None
) -> Iterator[Reading]:
    """Every metric in every extractor; those that need none, and a data set's own, once."""
    for metric in metrics:
        for number, side in enumerate(sides):
            if number and not of_extractor(metric.component):
                continue
            yield Reading(metric, side, f"@{side.name}" if number else "")
    if dataset is not None and type(dataset.component).statistics is not Dataset.statistics:
        yield Reading(Bound(dataset.info, _Statistics.of(dataset.component)), sides[0])


def of_extractor(metric: Metric) -> bool:
    """Whether another extractor gives another value."""
    return bool(_OF_EXTRACTOR & set(metric.needs))


def kept_parts(metrics: Iterable[Bound]) -> frozenset[str]:
    """What metrics read, of the parts that take memory."""
    return frozenset().union(*(m.component.needs for m in metrics))


def _survived(what: str, read: Callable[[], Mapping[str, float]]) -> Mapping[str, float]:
    """What stands beside a metric; nothing where the metric's code breaks down."""
    try:
        with _own_switches():
            return read()
    except (MemoryError, torch.OutOfMemoryError, ChangedSamplesError):
        raise
    except (Exception, SystemExit) as error:  # a third party's code must not end the trial
        traceback.print_exception(error)
        print(f"{what} is missing: {one_line(error)}")
        return {}


def _divisible(metric: Metric) -> bool:
    """Whether it can be computed of some of the samples."""
    return not {"generator", "pairs"} & set(metric.needs)


class _Statistics(Metric):
    """What a data set measures itself, as a metric."""

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
        images = fake.images if fake.images.is_floating_point() else to_float(fake.images)
        return dict(self._dataset.statistics(images.cpu()))  # type: ignore[attr-defined]
