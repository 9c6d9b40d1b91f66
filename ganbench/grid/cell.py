"""Cells and trials: one combination of components, and one seed of it."""

from __future__ import annotations

import functools
import hashlib
import json
from dataclasses import dataclass
from typing import Any

from ganbench.components.data import DataSpec
from ganbench.grid.budget import Budget
from ganbench.grid.metrics import options_of
from ganbench.grid.settings import EvaluationSettings, Settled, plain
from ganbench.protocol import PROTOCOL as PROTOCOL
from ganbench.registry.lookup import Bound


@dataclass(frozen=True, eq=False)
class Cell:
    """One combination of components with its settings and budget.

    :ivar extractors: of the features that metrics use; the first is the primary one.
    :ivar metrics: in the order of their columns.
    :ivar data: the shape of the data set's samples.
    :ivar asked: the architecture as the grid names it.
    :ivar fingerprint: the data set's own word for its content.
    :ivar architecture: the same with options such as ``d_norm=auto`` resolved for this cell.
    :ivar reason: why the cell cannot work, with a way out; None if it can.
    """

    architecture: Bound
    loss: Bound
    dataset: Bound
    regularizers: tuple[Bound, ...]
    augmentations: tuple[Bound, ...]
    extractors: tuple[Bound, ...]
    metrics: tuple[Bound, ...]
    data: DataSpec | None
    fingerprint: str
    training: Settled
    evaluation: EvaluationSettings
    budget: Budget
    asked: Bound
    reason: str | None = None

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
    def task(self) -> str:
        """The architecture's task."""
        return str(self.architecture.component.task)

    @property
    def label(self) -> str:
        """A short text for a person: the specs that are not ``none``."""
        return " × ".join(spec for spec in self.columns.values() if spec != "none")

    @functools.cached_property
    def identity(self) -> dict[str, Any]:
        """Everything that decides a trial's result, but for its seed."""
        return {
            "protocol": PROTOCOL,
            "task": self.task,
            # What was asked for names the cell in tables, so it tells one row from another.
            "architecture": self.architecture.identity()
            | {"asked": self.asked.identity()["options"]},
            "loss": self.loss.identity(),
            "dataset": self.dataset.identity() | {"fingerprint": self.fingerprint},
            "regularizers": [bound.identity() for bound in self.regularizers],
            "augmentations": [bound.identity() for bound in self.augmentations],
            "extractor": self.extractors[0].identity(),
            "extractors": [bound.identity() for bound in self.extractors],
            "metrics": [bound.identity() for bound in self.metrics],
            "training": self.training.as_dict(),
            "evaluation": self.evaluation_record,
            "budget": self.budget.as_dict(),
        }

    @property
    def evaluation_record(self) -> dict[str, Any]:
        """Every evaluation setting, options of the metrics among them, as it was resolved."""
        named = {
            "extractor": self.extractors[0].spec,
            "extractors": [bound.spec for bound in self.extractors],
            "metrics": [bound.info.name for bound in self.metrics],
        }
        return plain(self.evaluation) | options_of(self.metrics) | named

    @property
    def components(self) -> tuple[Bound, ...]:
        """Everything that a trial is made of."""
        parts = (self.architecture, self.loss, self.dataset, *self.extractors, *self.metrics)
        return (*parts, *self.regularizers, *self.augmentations)

    @functools.cached_property
    def sources(self) -> dict[str, str]:
        """Component -> digest of the files that define it, sorted.

        It is not part of the identity: a changed comment makes no other trial. What it means for
        results that are there is decided when a run begins.
        """
        found = {bound.info.owned: bound.info.source for bound in self.components}
        return dict(sorted(found.items()))

    @functools.cached_property
    def providers(self) -> str:
        """``distribution==version`` of every component, sorted."""
        found = {f"{b.info.provider}=={b.info.version}" for b in self.components}
        return " ".join(sorted(found))

    @functools.cached_property
    def digest(self) -> str:
        """Hash of the identity: equal for the seeds of a cell, and for nothing else."""
        text = json.dumps(self.identity, sort_keys=True, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, eq=False)
class Trial:
    """A cell with one seed."""

    cell: Cell
    seed: int

    @functools.cached_property
    def id(self) -> str:
        """A readable name that ends in a hash of the trial's whole identity."""
        digest = hashlib.sha256(f"{self.cell.digest}:{self.seed}".encode()).hexdigest()[:10]
        bounds = (self.cell.architecture, self.cell.loss, self.cell.dataset)
        names = "-".join(bound.info.bare_name for bound in bounds)
        return f"{names[:60]}-s{self.seed}-{digest}"

    def identity(self) -> dict[str, Any]:
        """The content of trial.json: identity, seed, names, where settings and code came from."""
        return {
            "trial": self.id,
            "seed": self.seed,
            **self.cell.identity,
            "columns": self.cell.columns,
            "resolved_architecture": self.cell.architecture.spec,
            "setting_sources": dict(self.cell.training.sources),
            "providers": self.cell.providers,
            "sources": self.cell.sources,
        }


def _joined(bounds: tuple[Bound, ...]) -> str:
    return "+".join(bound.spec for bound in bounds)
