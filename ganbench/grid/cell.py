"""Cells and trials: one combination of components, and one seed of it."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ganbench.base.protocol import PROTOCOL as PROTOCOL
from ganbench.components.data import DataSpec
from ganbench.grid import identity
from ganbench.grid.budget import Budget
from ganbench.grid.metrics import options_of
from ganbench.grid.settings import (
    PLANNING,
    EvaluationSettings,
    ResolvedSettings,
    settings_values,
)
from ganbench.registry.lookup import ResolvedComponent
from ganbench.store.display_names import display_name


class Names(NamedTuple):
    """The id of a trial, and what the column ``cell`` holds for it."""

    trial: str
    cell: str


@dataclass(frozen=True, eq=False)
class Cell:
    """One combination of components with its settings and budget.

    :ivar extractors: of the features that metrics use; the first is the primary one.
    :ivar metrics: in the order of their columns.
    :ivar data: the shape of the data set's samples.
    :ivar asked: the architecture as the grid names it.
    :ivar fingerprint: what the data set says of its content (`Dataset.fingerprint`).
    :ivar needs: the capabilities that the loss, the regularizers and the augmentations need.
    :ivar architecture: the same with options such as ``d_norm=auto`` resolved for this cell.
    :ivar reason: why the cell cannot work, with a way out; None if it can.
    :ivar names: spec -> the name that people read in its place.
    """

    architecture: ResolvedComponent
    loss: ResolvedComponent
    dataset: ResolvedComponent
    regularizers: tuple[ResolvedComponent, ...]
    augmentations: tuple[ResolvedComponent, ...]
    extractors: tuple[ResolvedComponent, ...]
    metrics: tuple[ResolvedComponent, ...]
    data: DataSpec | None
    fingerprint: str
    training: ResolvedSettings
    evaluation: EvaluationSettings
    budget: Budget
    asked: ResolvedComponent
    needs: frozenset[str]
    reason: str | None = None
    names: Mapping[str, str] = field(default_factory=dict)

    @functools.cached_property
    def columns(self) -> dict[str, str]:
        """The specs that name the cell in tables, as the grid gives them."""
        return {
            "architecture": self.asked.spec,
            "loss": self.loss.spec,
            "dataset": self.dataset.spec,
            "regularizer": _joined(self.regularizers),
            "augmentation": _joined(self.augmentations),
        }

    @property
    def shown(self) -> dict[str, str]:
        """The same for a person: with names in place of specs."""
        return {axis: display_name(spec, self.names) for axis, spec in self.columns.items()}

    @property
    def task(self) -> str:
        """The architecture's task."""
        return str(self.architecture.component.task)

    @property
    def label(self) -> str:
        """A short text for a person: the components that are not ``none``."""
        return " × ".join(name for name in self.shown.values() if name != "none")

    @functools.cached_property
    def identity(self) -> dict[str, Any]:
        """Everything that decides a trial's result, but for its seed."""
        return identity.record(self)

    @property
    def evaluation_record(self) -> dict[str, Any]:
        """Every evaluation setting, options of the metrics among them, as it was resolved."""
        named = {
            "extractor": self.extractors[0].spec,
            "extractors": [component.spec for component in self.extractors],
            "metrics": [component.info.name for component in self.metrics],
        }
        settings = settings_values(self.evaluation)
        settings = {name: value for name, value in settings.items() if name not in PLANNING}
        return settings | options_of(self.metrics) | named

    @property
    def components(self) -> tuple[ResolvedComponent, ...]:
        """Everything that a trial is made of."""
        parts = (self.architecture, self.loss, self.dataset, *self.extractors, *self.metrics)
        more = (*self.regularizers, *self.augmentations)
        return (*parts, *more, *self.training.components.values())

    @functools.cached_property
    def sources(self) -> dict[str, str]:
        """Component -> digest of the files that define it, sorted.

        The id does not hash it: a changed comment makes no other trial. A run decides at its begin
        what it means for earlier results.
        """
        found = {component.info.owned: component.info.source for component in self.components}
        return dict(sorted(found.items()))

    @functools.cached_property
    def providers(self) -> str:
        """``distribution==version`` of every component, sorted."""
        found = {f"{c.info.provider}=={c.info.version}" for c in self.components}
        return " ".join(sorted(found))

    @functools.cached_property
    def id(self) -> str:
        """Equal for the seeds of a cell, and for nothing else."""
        return identity.cell_id(self)


@dataclass(frozen=True, eq=False)
class Trial:
    """A cell with one seed.

    :ivar stored: how the run folder names the trial, where an earlier version of ganbench chose the
        names.
    """

    cell: Cell
    seed: int
    stored: Names | None = None

    @property
    def id(self) -> str:
        """The name of the trial's folder."""
        return self.names.trial

    @property
    def names(self) -> Names:
        """How rows and folders name the trial and its cell."""
        return self.stored or Names(self.planned_id, self.cell.id[:16])

    @functools.cached_property
    def planned_id(self) -> str:
        """A readable name that ends in a hash."""
        return identity.trial_id(self.cell, self.seed)

    def identity(self) -> dict[str, Any]:
        """The content of trial.json: identity, seed, names, where settings and code came from."""
        settings = self.cell.training.settings
        return {
            "trial": self.id,
            "seed": self.seed,
            **self.cell.identity,
            "columns": self.cell.columns,
            "resolved_architecture": self.cell.architecture.spec,
            "setting_sources": dict(self.cell.training.sources),
            "providers": self.cell.providers,
            "sources": self.cell.sources,
            **({"init": settings.init} if settings.init else {}),
        }


def _joined(components: tuple[ResolvedComponent, ...]) -> str:
    return "+".join(component.spec for component in components)
