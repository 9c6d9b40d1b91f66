"""Naming trials of a plan by what is in them."""

from __future__ import annotations

from collections.abc import Sequence

from ganbench.errors import UsageError
from ganbench.grid.cell import Cell, Trial
from ganbench.registry.lookup import Bound, default_registry
from ganbench.registry.specs import Spec, parse_spec


def matching(trials: Sequence[Trial], text: str) -> list[Trial]:
    """The trials that a spec names: those with that component, or the one whose id begins so.

    A bare name stands for the component with any options, and a spec with options for these options.

    :raises UsageError: if no trial has it, or the spec is none.
    """
    found = [trial for trial in trials if trial.id.startswith(text)]
    if not found:
        spec = parse_spec(text)
        cells = {id(trial.cell): trial.cell for trial in trials}
        fits = {key for key, cell in cells.items() if any(_is(b, spec) for b in _bounds(cell))}
        found = [trial for trial in trials if id(trial.cell) in fits]
    if not found:
        raise UsageError(f"--rerun {text}: no trial of this grid has it")
    return found


def _bounds(cell: Cell) -> tuple[Bound, ...]:
    parts = (cell.asked, cell.architecture, cell.loss, cell.dataset, *cell.extractors)
    return (*parts, *cell.regularizers, *cell.augmentations)


def _is(bound: Bound, spec: Spec) -> bool:
    info = bound.info
    if spec.name != info.bare_name or spec.provider not in (None, info.provider):
        return False
    return not spec.options or default_registry().bind(info.kind, spec).spec == bound.spec
