"""The contract of metrics, as tests."""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from ganbench.components.column import Column
from ganbench.components.metric import (
    NEEDS,
    FeatureSet,
    Measured,
    Metric,
    NotThereError,
    UndeclaredNeedError,
)
from ganbench.testing.components import ComponentTests
from ganbench.testing.feature_sets import DAMAGES, MadeUpWorld, on_device
from ganbench.testing.gpu_checks import gpu_of_tests
from ganbench.testing.harness import own_randomness

_FRESH = 5  # draws of good samples, whose values are compared with those of damaged ones


class MetricTests(ComponentTests):
    """Inherit, and name the metric::

        class TestMyMetric(MetricTests):
            component = MyMetric()
            blind = {"my_column": ["lost mode"]}

    Samples are made up: images of four classes, or points in four modes for a metric that needs the
    modes. Good samples are fresh draws; damaged ones have noise on every sample (``"noise"``), are
    all brighter (``"shift"``), show other classes in place of one (``"lost mode"``), or show the same
    three samples again and again (``"repeats"``).

    :cvar component: the metric under test, with options that suit some hundred samples.
    :cvar ordered: whether the order of the samples may change the values.
    :cvar blind: column -> the damages that it takes for no damage, or even for an improvement.
    :cvar samples: how many there are on either side.
    :cvar shape: (channels, height, width) of the images.
    """

    component: Metric
    ordered: ClassVar[bool] = False
    blind: ClassVar[Mapping[str, Collection[str]]] = {}
    samples: ClassVar[int] = 240
    shape: ClassVar[tuple[int, int, int]] = (3, 8, 8)

    def test_its_needs_are_parts_of_feature_sets(self) -> None:
        """`Metric.needs` and, among them, `Metric.optional`."""
        needs, optional = set(self.component.needs), set(self.component.optional)
        assert needs, "needs is empty: name the parts that the metric reads"
        assert needs <= set(NEEDS), f"needs are of {', '.join(NEEDS)}, not {sorted(needs)}"
        assert optional <= needs, f"optional needs are needs as well, but for {optional - needs}"

    def test_its_columns_describe_themselves(self) -> None:
        """Readers of results know only what a column says about itself."""
        columns, names = self.component.columns, self._names()
        assert columns, "columns are empty: a metric has at least one"
        for column in columns:
            assert isinstance(column, Column), f"{column!r} must be a Column"
            assert column.problem() is None, column.problem()
            assert column.meaning, f"column {column.name!r}: say in meaning what the number means"
            assert column.spread_of in ("", *names), (
                f"column {column.name!r}: spread_of={column.spread_of!r} is not a column of this metric"
            )
        assert len(set(names)) == len(names), f"two columns have one name: {names}"

    def test_every_column_has_a_value_on_normal_samples(self) -> None:
        """Finite floats in the range of the column's scale, with details in JSON's types."""
        found = self._measured(self._real(), self._fake(1))
        for column in self.component.columns:
            value = found.values[column.name]
            assert math.isfinite(value), f"{column.name} is {value} on normal samples"
            assert column.scale != "share" or 0 <= value <= 1, f"share {column.name} is {value}"
            assert column.scale != "count" or value == int(value), f"count {column.name} is {value}"
            assert column.scale != "log" or value > 0, (
                f"{column.name} is {value}, which has no logarithm: scale='linear'"
            )
        assert not found.reason, (
            f"the metric gives values and a reason why they are missing: {found.reason}"
        )
        json.dumps(found.details, allow_nan=False)

    def test_it_reads_what_its_needs_name_and_no_more(self) -> None:
        """Every evaluation prepares the named parts, and refuses the others."""
        read: set[str] = set()
        real, fake = (_watched(side, read) for side in (self._real(), self._fake(1)))
        try:
            self._measured(real, fake)
        except UndeclaredNeedError as error:
            raise AssertionError(str(error)) from None
        unread = set(self.component.needs) - read
        assert not unread, f"needs name {', '.join(sorted(unread))}, which it does not read"

    def test_it_works_without_what_is_optional(self) -> None:
        """Ask ``fake.lacks("class_logits")`` before reading it."""
        optional = self.component.optional
        if not optional:
            return
        kept = [need for need in NEEDS if need not in optional]
        real, fake = (_watched(side, set(), kept) for side in (self._real(), self._fake(1)))
        try:
            self._measured(real, fake)
        except NotThereError as error:
            raise AssertionError(f"it reads an optional part that is missing: {error}") from None

    def test_few_samples_are_no_error(self) -> None:
        """For too few samples, give NaN and a `Measured.reason` to show."""
        world = self._world()
        few = world.draw(2, 1)
        self._measured(self._real(), world.seen(few))
        self._measured(world.seen(few, world.draw(2, 2)), self._fake(1))

    def test_the_same_sets_give_the_same_values(self) -> None:
        """Random choices have a seed of their own."""
        with own_randomness("the metric"):
            first = self._values(self._real(), self._fake(1))
        again = self._values(self._real(), self._fake(1))
        _check_same(first, again, 0, "the next time")

    def test_it_gives_the_same_values_on_a_gpu(self) -> None:
        """On a simulated GPU: samples and references lie where the networks run."""
        here = self._values(self._real(), self._fake(1))
        real, fake = self._real(), self._fake(1)
        with gpu_of_tests() as gpu, gpu.watching() as report:
            there = self._values(on_device(real, gpu.device), on_device(fake, gpu.device))
        _check_same(here, there, 1e-5, "on a GPU")
        assert not report.nondeterministic, f"on a GPU:\n{report.nondeterministic[0]}"

    def test_the_order_of_the_samples_does_not_matter(self) -> None:
        """Unless ``ordered`` says so."""
        if self.ordered:
            return
        world = self._world()
        real, held_out, fake = (world.draw(self.samples, seed) for seed in (0, 100, 1))
        turned = torch.arange(self.samples).roll(7).flip(0)
        first = self._values(world.seen(real, held_out), world.seen(fake))
        again = self._values(world.seen(real[turned], held_out), world.seen(fake[turned]))
        _check_same(
            *(first, again, 1e-5),
            "with the samples in another order; a fixed choice of some samples does that: choose all "
            "of few, or say ordered = True",
        )

    def test_damaged_samples_are_worse(self) -> None:
        """`Column.better` is true: damage makes a column worse, and none makes it better."""
        good = [self._values(self._real(), self._fake(seed)) for seed in range(1, 1 + _FRESH)]
        damaged = {damage: self._values(self._real(), self._fake(1, damage)) for damage in DAMAGES}
        for column in self.component.columns:
            if column.better is not None:
                _check_direction(
                    column,
                    [values[column.name] for values in good],
                    {damage: values[column.name] for damage, values in damaged.items()},
                    self.blind.get(column.name, ()),
                )

    def test_sets_and_references_stay_as_they_are(self) -> None:
        """Other metrics read the same tensors."""
        real, fake = self._real(), self._fake(1)
        before = [_copies(side, self.component.needs) for side in (real, fake)]
        reference = self._reference(real)
        kept = {name: tensor.clone() for name, tensor in reference.items()}
        self._computed(fake, reference)
        for name, tensor in kept.items():
            assert _equal(reference[name], tensor), f"compute changes {name!r} of the reference"
        for side, copies, word in zip((real, fake), before, ("real", "fake"), strict=True):
            for need, tensor in copies.items():
                assert _equal(getattr(side, need), tensor), f"it changes the {word} {need}"

    def test_a_reference_can_be_stored(self) -> None:
        """It is computed once; later evaluations read it from a file."""
        reference = self._reference(self._real())
        for name, tensor in reference.items():
            assert isinstance(tensor, Tensor), (
                f"reference {name!r} must be a tensor, not {tensor!r}"
            )
        again = self._reference(self._real())
        assert again.keys() == reference.keys(), "two calls of reference give other names"
        for name, tensor in reference.items():
            assert _equal(again[name], tensor), f"two calls of reference give another {name!r}"
        ready = {name: tensor.contiguous() for name, tensor in reference.items()}
        with tempfile.TemporaryDirectory() as folder:
            save_file(ready, Path(folder) / "reference.safetensors")
            loaded = load_file(Path(folder) / "reference.safetensors")
        fresh = self._computed(self._fake(1), reference).values
        stored = self._computed(self._fake(1), loaded).values
        _check_same(fresh, stored, 1e-9, "with a reference from a file")

    def _world(self) -> MadeUpWorld:
        return MadeUpWorld(None if "modes" in self.component.needs else self.shape)

    def _real(self) -> FeatureSet:
        world = self._world()
        return world.seen(world.draw(self.samples, 0), world.draw(self.samples, 100))

    def _fake(self, seed: int, damage: str = "") -> FeatureSet:
        world = self._world()
        samples = world.draw(self.samples, seed)
        return world.seen(world.damaged(samples, damage) if damage else samples)

    def _names(self) -> list[str]:
        return [column.name for column in self.component.columns]

    def _values(self, real: FeatureSet, fake: FeatureSet) -> Mapping[str, float]:
        return self._measured(real, fake).values

    def _measured(self, real: FeatureSet, fake: FeatureSet) -> Measured:
        return self._computed(fake, self._reference(real))

    def _reference(self, real: FeatureSet) -> Mapping[str, Tensor]:
        reference = self.component.reference(real.only(self.component.needs, self._called()))
        assert isinstance(reference, Mapping), f"reference gives {type(reference).__name__}"
        return reference

    def _computed(self, fake: FeatureSet, reference: Mapping[str, Tensor]) -> Measured:
        found = self.component.compute(fake.only(self.component.needs, self._called()), reference)
        measured = found if isinstance(found, Measured) else Measured(found)
        names, given = set(self._names()), set(measured.values)
        assert given == names, f"compute gives {sorted(given)}, and the columns are {sorted(names)}"
        for name, value in measured.values.items():
            assert isinstance(value, float), f"{name} is {type(value).__name__} {value}: a float"
        return measured

    def _called(self) -> str:
        return type(self.component).__name__


def _check_direction(
    column: Column, good: list[float], damaged: Mapping[str, float], blind: Collection[str]
) -> None:
    """Fail where damage is an improvement by more than good samples differ, or nothing is worse."""
    unknown = set(blind) - set(damaged)
    assert not unknown, f"blind[{column.name!r}]: the damages are {', '.join(damaged)}"
    sign = 1 if column.better == "lower" else -1
    best, worst = (sign * pick(sign * value for value in good) for pick in (min, max))
    spread, usual = abs(worst - best), f"{min(good):g} to {max(good):g}"
    worse = False
    for damage in damaged.keys() - set(blind):
        value = damaged[damage]
        if math.isnan(value):  # it says that it is not defined there
            continue
        assert sign * (best - value) <= spread, (
            f"{column.name} has better={column.better!r}, and is {value:g} on samples with damage "
            f"({damage}) where it is {usual} on good ones; if that is its nature, say "
            f"blind = {{{column.name!r}: [{damage!r}]}}"
        )
        worse |= sign * (value - worst) > spread
    assert worse, (
        f"{column.name} has better={column.better!r}, and no damage makes it worse than the {usual} "
        f"of good samples: {', '.join(f'{k} {v:g}' for k, v in damaged.items())}"
    )


def _watched(side: FeatureSet, read: set[str], needs: Sequence[str] = NEEDS) -> FeatureSet:
    """These parts of the set, which notes in ``read`` what is read."""

    def part(need: str) -> Any:
        read.add(need)
        return getattr(side, need)

    parts = {need: lambda need=need: part(need) for need in needs if side.lacks(need) is None}
    return FeatureSet(side.count, side.size, side.extractor, side.device, parts, {})


def _copies(side: FeatureSet, needs: Sequence[str]) -> dict[str, Tensor]:
    parts = {need: getattr(side, need) for need in needs if side.lacks(need) is None}
    return {need: part.clone() for need, part in parts.items() if isinstance(part, Tensor)}


def _check_same(
    first: Mapping[str, float], again: Mapping[str, float], tolerance: float, where: str
) -> None:
    for name, value in first.items():
        both_missing = math.isnan(value) and math.isnan(again[name])
        close = math.isclose(value, again[name], rel_tol=tolerance, abs_tol=tolerance / 100)
        assert both_missing or close, f"{name} is {value}, and {again[name]} {where}"


def _equal(one: Tensor, other: Tensor) -> bool:
    return one.shape == other.shape and torch.allclose(one, other, rtol=0, atol=0, equal_nan=True)
