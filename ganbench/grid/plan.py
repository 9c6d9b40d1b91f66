"""Expand a grid into cells, find out for each whether it can work, and find trials by a spec."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from ganbench.base.errors import UsageError
from ganbench.components.data import DataSpec
from ganbench.grid.cell import Cell, Trial
from ganbench.grid.compatibility import (
    Answer,
    ask,
    augmentation_problem,
    missing_capability,
    objection,
    recommended,
    required,
    task_problem,
    typed,
)
from ganbench.grid.grid import Grid
from ganbench.grid.metrics import bind_metrics
from ganbench.grid.settings import ResolvedSettings, resolve_training
from ganbench.registry.guard import quiet_stdout
from ganbench.registry.lookup import Registry, ResolvedComponent, default_registry
from ganbench.registry.specs import Spec, parse_spec, split_combined

#: Axes on which ``a+b`` stands for both.
COMBINED = ("regularizer", "augmentation")

Components: TypeAlias = tuple[ResolvedComponent, ...]
Needs: TypeAlias = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Plan:
    """A grid, expanded."""

    grid: Grid
    cells: tuple[Cell, ...]

    @property
    def runnable(self) -> tuple[Cell, ...]:
        """The cells that can work."""
        return tuple(cell for cell in self.cells if cell.reason is None)

    @property
    def skipped(self) -> tuple[Cell, ...]:
        """The cells that cannot work."""
        return tuple(cell for cell in self.cells if cell.reason is not None)

    def trials(self) -> Iterator[Trial]:
        """All trials, those of skipped cells too; the seeds of a cell follow each other."""
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


def matching(trials: Sequence[Trial], text: str) -> list[Trial]:
    """The trials that a spec names: those with that component, or the one whose id begins so.

    A bare name stands for the component with any options, and a spec with options for these options.

    :raises UsageError: if no trial has the component, or the text is not a spec.
    """
    if not text.strip():
        raise UsageError("--rerun is empty; name a component or a trial, or leave the option out")
    found = [trial for trial in trials if trial.id.startswith(text)]
    if not found:
        spec = parse_spec(text)
        cells = {id(trial.cell): trial.cell for trial in trials}
        fits = {
            key
            for key, cell in cells.items()
            if any(_is(component, spec) for component in (cell.asked, *cell.components))
        }
        found = [trial for trial in trials if id(trial.cell) in fits]
    if not found:
        raise UsageError(f"--rerun {text}: no trial of this grid has this component or this id")
    return found


def _is(component: ResolvedComponent, spec: Spec) -> bool:
    info = component.info
    if spec.name != info.bare_name or spec.provider not in (None, info.provider):
        return False
    if info.kind == "metric":  # every trial has the same ones
        return False
    return not spec.options or default_registry().bind(info.kind, spec).spec == component.spec


class _Expansion:
    """One expansion, which works out once what depends on a part of a cell only.

    Each answer comes with the reason why a cell with that part cannot work, or None.
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
        self.recommended = functools.cache(recommended)
        self.training_of = functools.cache(self._training_of)
        self.resolved: dict[str, Answer[ResolvedSettings]] = {}

    def cells(self) -> Iterator[Cell]:
        kinds = ("dataset", "architecture", "loss", *COMBINED)
        for (dataset,), (architecture,), (loss,), regularizers, augmentations in itertools.product(
            *map(self._axis, kinds)
        ):
            yield self._cell(dataset, architecture, loss, regularizers, augmentations)

    def _axis(self, kind: str) -> list[Components]:
        """The components on an axis, each once, however they are written."""
        found: dict[tuple[str, ...], Components] = {}
        for text in self.grid.axes[kind]:
            parts = split_combined(text) if kind in COMBINED else [text]
            components = tuple(self.bind(kind, part) for part in parts)
            _refuse_repetition(text, components)
            found.setdefault(tuple(component.spec for component in components), components)
        return list(found.values())

    def _cell(
        self,
        dataset: ResolvedComponent,
        asked: ResolvedComponent,
        loss: ResolvedComponent,
        regularizers: Components,
        augmentations: Components,
    ) -> Cell:
        data, no_data = self.data_of(dataset)
        fingerprint, no_fingerprint = self.fingerprint_of(dataset)
        needs, no_needs = self.needs_of((*augmentations, *regularizers, loss))
        architecture, no_fit = self.fitted(asked, data, needs)
        extractors, no_features = self.extractors_of(dataset, data)
        training, no_settings = self.training_of(dataset, architecture, loss)
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
            needs=frozenset(capability for capability, _ in needs),
            reason=next((str(reason) for reason in reasons if reason), None),
            names=self.grid.names,
        )

    def _data_of(self, dataset: ResolvedComponent) -> Answer[DataSpec | None]:
        split = self.evaluation.reference_split

        def shape(component: Any) -> Answer[DataSpec | None]:
            if split not in component.splits:
                way_out = f"evaluation.reference_split = {' or '.join(component.splits)}"
                return None, f"{dataset.spec} has no {split} split; way out: {way_out}"
            return typed(component.spec(self.root), DataSpec), None

        return ask(dataset, shape, None)

    def _fingerprint_of(self, dataset: ResolvedComponent) -> Answer[str]:
        return ask(dataset, lambda it: (typed(it.fingerprint(self.root), str), None), "")

    def _needs_of(self, components: Components) -> Answer[Needs]:
        needs: dict[str, str] = {}
        for component in components:
            found, problem = required(component)
            if problem is not None:
                return (), problem
            needs |= found
        return tuple(sorted(needs.items())), None

    def _fitted(
        self, asked: ResolvedComponent, data: DataSpec | None, needs: Needs
    ) -> Answer[ResolvedComponent]:
        """The architecture with options such as ``auto`` resolved for the data and the needs."""
        if data is None:
            return asked, None

        def fit(component: Any) -> Answer[ResolvedComponent]:
            problem = task_problem(asked, data) or objection(component, data)
            if problem:
                return asked, problem
            resolved = component.resolve(frozenset(dict(needs)), data)
            architecture = asked.replaced(typed(resolved, type(component)))
            return architecture, missing_capability(architecture, data, dict(needs))

        return ask(asked, fit, asked)

    def _extractors_of(
        self, dataset: ResolvedComponent, data: DataSpec | None
    ) -> Answer[Components]:
        own = dataset.component.extractor
        specs = self.evaluation.extractor_specs
        components = tuple(
            self._automatic(own) if s == "auto" else self.bind("extractor", s) for s in specs
        )
        _refuse_repetition(" and ".join(specs), components)
        problem = None
        for component in components if data is not None else ():
            found = ask(component, lambda it: (None, objection(it, data)), None)[1]
            problem = problem or found
        return components, problem

    def _automatic(self, spec: str) -> ResolvedComponent:
        """A data set's own extractor, or what was chosen in its place for this run."""
        component = self.bind("extractor", spec)
        chosen = self.grid.auto.get(component.spec)
        return component if chosen is None else self.bind("extractor", chosen)

    def _training_of(
        self, dataset: ResolvedComponent, architecture: ResolvedComponent, loss: ResolvedComponent
    ) -> Answer[ResolvedSettings]:
        """Training settings: the grid's over what the components recommend."""
        layers: list[tuple[str, Mapping[str, Any]]] = []
        problem = None
        for component in (dataset, architecture, loss):
            layer, fault = self.recommended(component)
            layers.append((component.info.kind, layer))
            problem = problem or fault
        key = repr(layers)  # few components recommend anything, so that most cells share theirs
        if key not in self.resolved:
            self.resolved[key] = self._laid_over(layers)
        training, conflict = self.resolved[key]
        return training, problem or conflict

    def _laid_over(self, layers: list[tuple[str, Mapping[str, Any]]]) -> Answer[ResolvedSettings]:
        """The grid's settings over ``layers``; a conflict between these alone is a reason to skip."""
        grid = ("grid", self.grid.training)
        try:
            return resolve_training([*layers, grid]), None
        except UsageError:
            try:
                resolve_training(layers)
            except UsageError as error:
                what = "what architecture, loss and data set recommend does not go together"
                return resolve_training([grid]), f"{what}: {error}"
            raise


def _refuse_repetition(text: str, components: Components) -> None:
    specs = [component.spec for component in components]
    if len(set(specs)) < len(specs):
        raise UsageError(f"bad spec {text!r}: it names the same component twice")
    if len(specs) > 1 and "none" in specs:
        raise UsageError(f"bad spec {text!r}: 'none' cannot be combined with another component")


def _changeable(
    augmentations: Components, architecture: ResolvedComponent, data: DataSpec | None
) -> str | None:
    """Why the images of a cell cannot be augmented, or None."""

    def problem(component: Any) -> Answer[None]:
        return None, augmentation_problem(component, architecture, data)

    answers = (ask(component, problem, None)[1] for component in augmentations)
    return next((str(answer) for answer in answers if answer), None)
