"""Expanding a grid into cells, each of them settled and checked for whether it can work."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from ganbench.components.data import DataSpec
from ganbench.errors import UsageError
from ganbench.grid.cell import Cell, Trial
from ganbench.grid.compatibility import augmentation_problem, missing_capability, task_problem
from ganbench.grid.grid import Grid
from ganbench.grid.metrics import bind_metrics
from ganbench.grid.settings import Settled, settle_training
from ganbench.registry.guard import one_line, quiet_stdout
from ganbench.registry.lookup import Bound, Registry, default_registry
from ganbench.registry.specs import split_combined

#: Axes on which ``a+b`` stands for both.
COMBINED = ("regularizer", "augmentation")

T = TypeVar("T")
Answer: TypeAlias = tuple[T, str | None]
Bounds: TypeAlias = tuple[Bound, ...]
Needs: TypeAlias = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Plan:
    """A grid, expanded."""

    grid: Grid
    cells: tuple[Cell, ...]

    @property
    def runnable(self) -> tuple[Cell, ...]:
        return tuple(cell for cell in self.cells if cell.reason is None)

    @property
    def skipped(self) -> tuple[Cell, ...]:
        return tuple(cell for cell in self.cells if cell.reason is not None)

    def trials(self) -> Iterator[Trial]:
        """All trials, skipped ones too; a seed's trials of a cell follow each other."""
        for cell in self.cells:
            for seed in self.grid.seeds:
                yield Trial(cell, seed)


def expand(grid: Grid, root: Path, registry: Registry | None = None) -> Plan:
    """The cells of a grid.

    :param root: the data folder, since some data sets learn their shape from their files.
    :raises UsageError: for a spec that names no component or has a bad option, and for data that
        is not there.
    """
    with quiet_stdout():
        cells = tuple(_Expansion(grid, root, registry or default_registry()).cells())
    return Plan(grid, cells)


class _Expansion:
    """One expansion; what depends on a part of a cell only is worked out once for that part.

    What was worked out comes with the reason why a cell with that part cannot work, or None.
    """

    def __init__(self, grid: Grid, root: Path, registry: Registry) -> None:
        self.grid, self.root = grid, root
        self.evaluation = grid.evaluation_settings
        self.bind = functools.cache(registry.bind)
        self.metrics = bind_metrics(self.evaluation.metrics, registry, self.evaluation.primary)
        self.data_of = functools.cache(self._data_of)
        self.fingerprint_of = functools.cache(self._fingerprint_of)
        self.needs_of = functools.cache(self._needs_of)
        self.fitted = functools.cache(self._fitted)
        self.changeable = functools.cache(_changeable)
        self.extractors_of = functools.cache(self._extractors_of)
        self.recommended = functools.cache(_recommended)
        self.settled = functools.cache(self._settled)
        self.settlements: dict[str, Answer[Settled]] = {}

    def cells(self) -> Iterator[Cell]:
        for dataset, architecture, loss, regularizers, augmentations in itertools.product(
            *(self._axis(kind) for kind in ("dataset", "architecture", "loss")),
            *(self._axis(kind) for kind in ("regularizer", "augmentation")),
        ):
            yield self._cell(dataset[0], architecture[0], loss[0], regularizers, augmentations)

    def _axis(self, kind: str) -> list[Bounds]:
        """The components on an axis; what was written in two ways appears once."""
        found: dict[tuple[str, ...], Bounds] = {}
        for text in self.grid.axes[kind]:
            parts = split_combined(text) if kind in COMBINED else [text]
            bounds = tuple(self.bind(kind, part) for part in parts)
            _refuse_repetition(text, bounds)
            found.setdefault(tuple(bound.spec for bound in bounds), bounds)
        return list(found.values())

    def _cell(
        self,
        dataset: Bound,
        asked: Bound,
        loss: Bound,
        regularizers: Bounds,
        augmentations: Bounds,
    ) -> Cell:
        data, no_data = self.data_of(dataset)
        fingerprint, no_fingerprint = self.fingerprint_of(dataset)
        needs, no_needs = self.needs_of((*augmentations, *regularizers, loss))
        architecture, no_fit = self.fitted(asked, data, needs)
        extractors, no_features = self.extractors_of(dataset, data)
        training, no_settings = self.settled(dataset, architecture, loss)
        no_change = self.changeable(augmentations, architecture, data)
        reasons = (no_data, no_fingerprint, no_needs, no_fit, no_change, no_features, no_settings)
        return Cell(
            architecture=architecture,
            loss=loss,
            dataset=dataset,
            regularizers=regularizers,
            augmentations=augmentations,
            extractors=extractors,
            metrics=self.metrics,
            data=data,
            fingerprint=fingerprint,
            training=training,
            evaluation=self.evaluation,
            budget=self.grid.budget,
            asked=asked,
            reason=next((str(reason) for reason in reasons if reason), None),
        )

    def _data_of(self, dataset: Bound) -> Answer[DataSpec | None]:
        split = self.evaluation.reference_split

        def shape(component: Any) -> Answer[DataSpec | None]:
            if split not in component.splits:
                way_out = f"evaluation.reference_split = {' or '.join(component.splits)}"
                return None, f"{dataset.spec} has no {split} split; way out: {way_out}"
            return _typed(component.spec(self.root), DataSpec), None

        return _asked(dataset, shape, None)

    def _fingerprint_of(self, dataset: Bound) -> Answer[str]:
        return _asked(dataset, lambda it: (_typed(it.fingerprint(self.root), str), None), "")

    def _needs_of(self, bounds: Bounds) -> Answer[Needs]:
        needs: dict[str, str] = {}
        for bound in bounds:
            found, problem = _required(bound)
            if problem is not None:
                return (), problem
            needs |= found
        return tuple(sorted(needs.items())), None

    def _fitted(self, asked: Bound, data: DataSpec | None, needs: Needs) -> Answer[Bound]:
        """The architecture with options such as ``auto`` settled for the data and the needs."""
        if data is None:
            return asked, None

        def fit(component: Any) -> Answer[Bound]:
            problem = task_problem(asked, data) or component.problem(data)
            if problem:
                return asked, problem
            resolved = component.resolve(frozenset(dict(needs)), data)
            bound = asked.replaced(_typed(resolved, type(component)))
            return bound, missing_capability(bound, data, dict(needs))

        return _asked(asked, fit, asked)

    def _extractors_of(self, dataset: Bound, data: DataSpec | None) -> Answer[Bounds]:
        own = dataset.component.extractor
        specs = self.evaluation.extractor_specs
        bounds = tuple(
            self._automatic(own) if s == "auto" else self.bind("extractor", s) for s in specs
        )
        _refuse_repetition(" and ".join(specs), bounds)
        problem = None
        for bound in bounds if data is not None else ():
            found = _asked(bound, lambda it: (None, it.problem(data)), None)[1]
            problem = problem or found
        return bounds, problem

    def _automatic(self, spec: str) -> Bound:
        """A data set's own extractor, or what was chosen in its place for this run."""
        bound = self.bind("extractor", spec)
        chosen = self.grid.auto.get(bound.spec)
        return bound if chosen is None else self.bind("extractor", chosen)

    def _settled(self, dataset: Bound, architecture: Bound, loss: Bound) -> Answer[Settled]:
        """Training settings: the grid's over what the components recommend."""
        layers: list[tuple[str, Mapping[str, Any]]] = []
        problem = None
        for bound in (dataset, architecture, loss):
            layer, fault = self.recommended(bound)
            layers.append((bound.info.kind, layer))
            problem = problem or fault
        key = repr(layers)  # few components recommend anything, so that most cells share theirs
        if key not in self.settlements:
            self.settlements[key] = self._laid_over(layers)
        settled, conflict = self.settlements[key]
        return settled, problem or conflict

    def _laid_over(self, layers: list[tuple[str, Mapping[str, Any]]]) -> Answer[Settled]:
        """The grid's settings over ``layers``, whose own conflicts are no fault of the grid's."""
        grid = ("grid", self.grid.training)
        try:
            return settle_training([*layers, grid]), None
        except UsageError:
            try:
                settle_training(layers)
            except UsageError as error:
                what = "what architecture, loss and data set recommend does not go together"
                return settle_training([grid]), f"{what}: {error}"
            raise


def _asked(bound: Bound, question: Callable[[Any], Answer[T]], otherwise: T) -> Answer[T]:
    """What a component answers; what its code raises is a reason against its own cells only."""
    try:
        return question(bound.component)
    except UsageError:
        raise
    except (Exception, SystemExit) as error:
        info = bound.info
        where = f"{info.kind} {bound.spec} of {info.provider} {info.version}"
        return otherwise, f"{where} does not keep its contract: {one_line(error)}"


def _typed(value: Any, cls: type[T]) -> T:
    if not isinstance(value, cls):
        raise TypeError(f"expected a {cls.__name__}, got {value!r}")
    return value


def _recommended(bound: Bound) -> Answer[Mapping[str, Any]]:
    def checked(component: Any) -> Answer[Mapping[str, Any]]:
        try:
            settle_training([("", component.recommends)])
        except UsageError as error:
            raise ValueError(f"recommends: {error}") from None
        return component.recommends, None

    return _asked(bound, checked, {})


def _required(bound: Bound) -> Answer[Mapping[str, str]]:
    return _asked(bound, lambda component: (component_needs(bound), None), {})


def cell_needs(loss: Bound, regularizers: Bounds, augmentations: Bounds) -> dict[str, str]:
    """Capability -> why it is needed, over everything in a cell, penalties of the loss included."""
    needs: dict[str, str] = {}
    for bound in (*augmentations, *regularizers, loss):
        needs |= component_needs(bound)
    return needs


def component_needs(bound: Bound) -> dict[str, str]:
    """Capability -> why a component and its penalties need it."""
    component = bound.component
    penalties = component.penalties() if bound.info.kind == "loss" else ()
    return {
        str(capability): f"{bound.info.name}: {why}"
        for part in (component, *penalties)
        for capability, why in part.needs.items()
    }


def _refuse_repetition(text: str, bounds: Bounds) -> None:
    specs = [bound.spec for bound in bounds]
    if len(set(specs)) < len(specs):
        raise UsageError(f"bad spec {text!r}: the same component stands in it twice")
    if len(specs) > 1 and "none" in specs:
        raise UsageError(f"bad spec {text!r}: 'none' combines with nothing")


def _changeable(augmentations: Bounds, architecture: Bound, data: DataSpec | None) -> str | None:
    """Why the images of a cell cannot be augmented, or None."""

    def problem(component: Any) -> Answer[None]:
        return None, augmentation_problem(component, architecture, data)

    answers = (_asked(bound, problem, None)[1] for bound in augmentations)
    return next((str(answer) for answer in answers if answer), None)
