"""The extractor that ``auto`` stands for: the data set's own, or its fallback without weights."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from ganbench.errors import DataNotFoundError, UsageError
from ganbench.grid.grid import Grid
from ganbench.registry.guard import one_line, quiet_stdout
from ganbench.registry.lookup import default_registry
from ganbench.results.store import RunFolder

Say = Callable[[str], None]


class Choice(NamedTuple):
    """The extractor to take; ``reason`` says why the wanted one is not, and is empty if it is."""

    wanted: str
    taken: str
    reason: str = ""

    @property
    def sentence(self) -> str:
        """What a person should know if the wanted extractor is not taken."""
        return f"auto takes {self.taken} in place of {self.wanted}: {self.reason}"


def choose(wanted: str, root: Path, cache: Path, say: Say) -> Choice:
    """The wanted extractor, or its fallback if its weights cannot be had; may download weights.

    :param root: the data folder.
    :param cache: the folder of weights.
    :raises DataNotFoundError: if neither can be had.
    """
    own = default_registry().bind("extractor", wanted)
    if not own.component.fallback:
        return Choice(own.spec, own.spec)
    reason = _missing(own.spec, root, cache, say)
    if reason is None:
        return Choice(own.spec, own.spec)
    fallback = own.component.fallback
    problem = _missing(fallback, root, cache, say)
    if problem is not None:
        raise DataNotFoundError(f"{reason}; its fallback cannot be had either: {problem}")
    return Choice(own.spec, fallback, reason)


def as_begun(grid: Grid, folder: RunFolder) -> Grid:
    """The grid with what ``auto`` took in earlier runs into the folder, whose trials it finds again."""
    return replace(grid, auto={**_recorded(folder), **grid.auto})


def settled(grid: Grid, root: Path, cache: Path, say: Say) -> Grid:
    """The grid with what ``auto`` takes for the whole run.

    :raises DataNotFoundError: if neither an extractor nor its fallback can be had.
    """
    if "auto" not in grid.evaluation_settings.extractor_specs:
        return grid
    taken = dict(grid.auto)
    with quiet_stdout():
        for wanted in _wanted(grid):
            if wanted not in taken:
                choice = choose(wanted, root, cache, say)
                taken[wanted] = choice.taken
                if choice.reason:
                    say(f"for the whole run, {choice.sentence}")
            elif taken[wanted] != wanted:
                say(f"auto takes {taken[wanted]} in place of {wanted}, as this run began with it")
    return replace(grid, auto=taken)


def _wanted(grid: Grid) -> list[str]:
    """The extractors of the grid's data sets that have a fallback."""
    registry = default_registry()
    datasets = [registry.bind("dataset", spec).component for spec in grid.axes["dataset"]]
    bounds = [registry.bind("extractor", dataset.extractor) for dataset in datasets]
    return list(dict.fromkeys(bound.spec for bound in bounds if bound.component.fallback))


def _recorded(folder: RunFolder) -> Mapping[str, str]:
    """What an earlier run into the folder took; nothing where its grid is gone or damaged."""
    try:
        table = tomllib.loads(folder.grid_file.read_text(encoding="utf-8")).get("auto", {})
    except (OSError, ValueError):
        return {}
    found = table.items() if isinstance(table, dict) else ()
    return {wanted: taken for wanted, taken in found if isinstance(taken, str)}


def _missing(spec: str, root: Path, cache: Path, say: Say) -> str | None:
    """What an extractor says is missing; what else goes wrong is a reason as well."""
    try:
        component = default_registry().bind("extractor", spec).component
        reason: str | None = component.missing(root, cache, say)
    except UsageError as error:
        return str(error)
    except Exception as error:
        return f"{spec} does not keep its contract: {one_line(error)}"
    return reason
