"""What a trial is: the record in its trial.json, and the hash that gives it its id.

The record holds every value. The hash takes what differs from the defaults, the protocol's number and
the recipes of components, so that a new setting, option or default metric leaves the ids as they are.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ganbench.base.protocol import PROTOCOL
from ganbench.grid.metrics import default_metrics
from ganbench.grid.settings import PLANNING
from ganbench.registry.lookup import ResolvedComponent
from ganbench.registry.options import changed_options

if TYPE_CHECKING:
    from ganbench.grid.cell import Cell

#: Evaluation settings that name components, which have parts of their own in a record.
COMPONENTS_OF_EVALUATION = ("extractor", "extractors", "metrics")
_LEFT_OUT = (*COMPONENTS_OF_EVALUATION, *PLANNING)


def record(cell: Cell) -> dict[str, Any]:
    """Everything that decides the results of a cell, in JSON's types."""
    return {
        "protocol": PROTOCOL,
        "task": cell.task,
        **_parts(cell, ResolvedComponent.identity),
        "metrics": [metric.identity() for metric in cell.metrics],
        "extractor": cell.extractors[0].identity(),
        "training_components": {
            name: component.identity() for name, component in cell.training.components.items()
        },
        "training": cell.training.as_dict(),
        "evaluation": cell.evaluation_record,
        "budget": cell.budget.as_dict(),
    }


def differences(cell: Cell) -> dict[str, Any]:
    """What of the record differs from the defaults: what the ids hash."""
    evaluation = changed_options(cell.evaluation)
    return {
        "protocol": PROTOCOL,
        **_parts(cell, ResolvedComponent.differences),
        "metrics": _metrics(cell),
        "training": cell.training.changed(),
        "evaluation": {k: v for k, v in evaluation.items() if k not in _LEFT_OUT},
        "budget": cell.budget.as_dict(),
        **_training_components(cell),
    }


def cell_id(cell: Cell) -> str:
    """The hash of what differs."""
    text = json.dumps(differences(cell), sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def trial_id(cell: Cell, seed: int) -> str:
    """The names of the main components, the seed, and ten digits of a hash of both."""
    digest = hashlib.sha256(f"{cell.id}:{seed}".encode()).hexdigest()[:10]
    parts = (cell.architecture, cell.loss, cell.dataset)
    names = "-".join(component.info.bare_name for component in parts)
    return f"{names[:60]}-s{seed}-{digest}"


def _parts(cell: Cell, of: Callable[[ResolvedComponent], dict[str, Any]]) -> dict[str, Any]:
    """What a function says of each component but the metrics."""
    return {
        # What was asked for names the cell in tables, so it tells one row from another.
        "architecture": of(cell.architecture) | {"asked": of(cell.asked)["options"]},
        "loss": of(cell.loss),
        "dataset": of(cell.dataset) | {"fingerprint": cell.fingerprint},
        "regularizers": [of(component) for component in cell.regularizers],
        "augmentations": [of(component) for component in cell.augmentations],
        "extractors": [of(component) for component in cell.extractors],
    }


def _training_components(cell: Cell) -> dict[str, Any]:
    """Optimizers and schedule as far as their specs, which are settings, do not say it."""
    found = {}
    for name, component in cell.training.components.items():
        about = component.differences()
        if "recipe" in about or not component.info.builtin:
            found[name] = about
    return {"training_components": found} if found else {}


def _metrics(cell: Cell) -> Any:
    """The metrics; of the default ones those that differ from what ganbench ships."""
    found = [metric.differences() for metric in cell.metrics]
    if {metric.info.name for metric in cell.metrics} != set(default_metrics()):
        return found
    return {"default": [one for one in found if one["options"] or "recipe" in one]}
