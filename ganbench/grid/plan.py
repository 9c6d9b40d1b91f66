"""Expanding a grid into cells, each of them settled and checked for whether it can work."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ganbench.components.data import DataSpec
from ganbench.errors import UsageError
from ganbench.grid.cell import Cell, Trial
from ganbench.grid.grid import Grid
from ganbench.grid.settings import Settled, settle_training
from ganbench.registry.lookup import Bound, Registry, default_registry

#: Tasks that the trainer can train so far.
TRAINABLE_TASKS = ("unconditional", "class-conditional")


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
    :raises UsageError: for a spec that names no component or has a bad option.
    """
    return Plan(grid, tuple(_Expansion(grid, root, registry or default_registry()).cells()))


class _Expansion:
    """One expansion; what depends on a part of a cell only is worked out once for that part."""

    def __init__(self, grid: Grid, root: Path, registry: Registry) -> None:
        self.grid, self.root, self.registry = grid, root, registry
        self.evaluation = grid.evaluation_settings
        self.bind = functools.cache(registry.bind)
        self.data_of = functools.cache(self._data_of)
        self.resolved = functools.cache(self._resolved)
        self.settled = functools.cache(self._settled)

    def cells(self) -> Iterator[Cell]:
        axes = self.grid.axes
        architectures = [self.bind("architecture", spec) for spec in axes["architecture"]]
        losses = [self.bind("loss", spec) for spec in axes["loss"]]
        datasets = [self.bind("dataset", spec) for spec in axes["dataset"]]
        regularizers = [self._combined("regularizer", spec) for spec in axes["regularizer"]]
        augmentations = [self._combined("augmentation", spec) for spec in axes["augmentation"]]
        for parts in itertools.product(
            datasets, architectures, losses, regularizers, augmentations
        ):
            yield self._cell(*parts)

    def _combined(self, kind: str, specs: str) -> tuple[Bound, ...]:
        return tuple(self.bind(kind, spec) for spec in split_combined(specs))

    def _cell(
        self,
        dataset: Bound,
        asked: Bound,
        loss: Bound,
        regularizers: tuple[Bound, ...],
        augmentations: tuple[Bound, ...],
    ) -> Cell:
        data, data_problem = self.data_of(dataset)
        needs = cell_needs(loss, regularizers, augmentations)
        resolved = self.resolved(asked, frozenset(needs), data)
        extractor = self.bind("extractor", self._extractor_spec(dataset))
        reason = data_problem
        if data is not None:
            reason = (
                _task_problem(resolved, data)
                or resolved.component.problem(data)
                or _missing_capability(resolved, data, needs)
                or extractor.component.problem(data)
            )
        return Cell(
            architecture=resolved,
            loss=loss,
            dataset=dataset,
            regularizers=regularizers,
            augmentations=augmentations,
            extractor=extractor,
            data=data,
            training=self.settled(dataset, resolved, loss),
            evaluation=self.evaluation,
            budget=self.grid.budget,
            asked=asked,
            reason=reason,
        )

    def _data_of(self, dataset: Bound) -> tuple[DataSpec | None, str | None]:
        split = self.evaluation.reference_split
        if split not in dataset.component.splits:
            return None, f"{dataset.spec} has no {split} split; set evaluation.reference_split"
        try:
            return dataset.component.spec(self.root), None
        except UsageError:
            raise
        except Exception as error:  # a third party's fault is its own cells' problem
            text = " ".join(f"{type(error).__name__}: {error}".split())
            return None, f"{dataset.spec} cannot tell the shape of its data: {text}"

    def _resolved(self, bound: Bound, needs: frozenset[str], data: DataSpec | None) -> Bound:
        if data is None or bound.component.problem(data):
            return bound
        return bound.replaced(bound.component.resolve(needs, data))

    def _settled(self, dataset: Bound, architecture: Bound, loss: Bound) -> Settled:
        return settle_training(
            [
                ("dataset", dataset.component.recommends),
                ("architecture", architecture.component.recommends),
                ("loss", loss.component.recommends),
                ("grid", self.grid.training),
            ]
        )

    def _extractor_spec(self, dataset: Bound) -> str:
        asked = self.evaluation.extractor
        return str(dataset.component.extractor) if asked == "auto" else asked


def cell_needs(
    loss: Bound, regularizers: tuple[Bound, ...], augmentations: tuple[Bound, ...]
) -> dict[str, str]:
    """Capability -> why it is needed, over everything in a cell, penalties of the loss included."""
    needs: dict[str, str] = {}
    for bound in (*augmentations, *regularizers, loss):
        penalties = bound.component.penalties() if bound is loss else ()
        for part in (bound.component, *penalties):
            for capability, why in part.needs.items():
                needs[capability] = f"{bound.info.name}: {why}"
    return needs


def split_combined(specs: str) -> list[str]:
    """Split ``r1[gamma=1]+r2`` at the plus signs outside brackets."""
    parts, depth, start = [], 0, 0
    for position, char in enumerate(specs):
        depth += (char == "[") - (char == "]")
        if char == "+" and depth == 0:
            parts.append(specs[start:position])
            start = position + 1
    return [*parts, specs[start:]]


def _task_problem(architecture: Bound, data: DataSpec) -> str | None:
    task = architecture.component.task
    if task not in TRAINABLE_TASKS:
        return f"{architecture.info.name} is for {task}, which this version does not train"
    if task == "class-conditional" and not data.classes:
        return f"{architecture.info.name} is class-conditional and the data has no classes"
    return None


def _missing_capability(architecture: Bound, data: DataSpec, needs: dict[str, str]) -> str | None:
    missing = needs.keys() - architecture.component.capabilities(data)
    for capability in sorted(missing):
        advice = architecture.component.advice(capability)
        way_out = f"; {advice}" if advice else ""
        return f"{needs[capability]}, and {architecture.spec} is no {capability}{way_out}"
    return None
