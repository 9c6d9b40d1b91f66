"""The meaning of an evaluation's columns, for readers of a run without its plugins."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ganbench.components.column import Column
from ganbench.evaluation.measurer import of_extractor
from ganbench.execution.resources import Evaluated
from ganbench.grid.plan import Plan
from ganbench.store.primary import curve_columns, derived_columns


def described(evaluated: Evaluated) -> list[Column]:
    """Every metric's columns in every extractor, with the columns derived from them."""
    found: list[Column] = []
    for metric in evaluated.metrics:
        for number, extractor in enumerate(evaluated.extractors):
            if number and not of_extractor(metric.component):
                continue
            suffix = f"@{extractor.mark}" if number else ""
            for place, column in enumerate(metric.component.columns):
                own = _named(column, suffix)
                if place == 0 and not metric.component.default:  # a person asked for it
                    own = replace(own, shown=True)
                found += [own, *derived_columns(own)]
    return [*found, *evaluated.dataset.component.columns]


def described_plan(plan: Plan) -> list[Column]:
    """The columns of all cells of a plan, each once, with those of the primary metric's curve."""
    found: dict[str, Column] = {}
    for cell in plan.cells:
        columns = described(cell)
        primary = cell.evaluation.primary
        curve = [one for c in columns if c.name == primary for one in curve_columns(c)]
        _add(found, [*columns, *curve])
    return list(found.values())


def _add(found: dict[str, Column], columns: Iterable[Column]) -> None:
    for column in columns:
        found.setdefault(column.name, column)


def _named(column: Column, suffix: str) -> Column:
    if not suffix:
        return column
    label = f"{column.title}, {suffix[1:]}"
    spread = column.spread_of and column.spread_of + suffix
    return replace(column, name=column.name + suffix, label=label, spread_of=spread)
