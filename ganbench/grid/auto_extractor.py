"""Choose the extractor that ``auto`` means: the data set's own, or its fallback without weights."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from ganbench.base.errors import DataNotFoundError, UsageError, one_line
from ganbench.components.dataset import Dataset
from ganbench.grid.grid import Grid
from ganbench.registry.guard import quiet_stdout
from ganbench.registry.lookup import default_registry
from ganbench.store.run_folder import RunFolder

Say = Callable[[str], None]


class Choice(NamedTuple):
    """The extractor to take; ``reason`` says why it is not the wanted one, and is empty if it is."""

    wanted: str
    taken: str
    reason: str = ""

    @property
    def sentence(self) -> str:
        """What a person should know if another extractor is taken."""
        return f"auto takes {self.taken} in place of {self.wanted}: {self.reason}"


def choose(wanted: str, root: Path, cache: Path, say: Say) -> Choice:
    """The wanted extractor, or its fallback if its weights are not available; may download weights.

    :param root: the data folder.
    :param cache: the folder of weights.
    :raises DataNotFoundError: if neither is available.
    """
    own = default_registry().bind("extractor", wanted)
    fallback = own.component.fallback
    reason = _missing(own.spec, root, cache, say) if fallback else None
    if reason is None:
        return Choice(own.spec, own.spec)
    problem = _missing(fallback, root, cache, say)
    if problem is not None:
        raise DataNotFoundError(f"{reason}; its fallback is not available either: {problem}")
    return Choice(own.spec, fallback, reason)


def as_begun(grid: Grid, folder: RunFolder) -> Grid:
    """The grid with what the folder's grid file says of earlier runs.

    That is what ``auto`` took, and the names of components.
    """
    try:
        data = tomllib.loads(folder.grid_file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return grid
    auto, names = (_texts(data.get(section)) for section in ("auto", "names"))
    return replace(grid, auto={**auto, **grid.auto}, names=grid.names or names)


def _texts(table: object) -> dict[str, str]:
    found = table.items() if isinstance(table, dict) else ()
    return {key: text for key, text in found if isinstance(text, str)}


def resolved(grid: Grid, root: Path, cache: Path, say: Say) -> Grid:
    """The grid with what ``auto`` takes for the whole run.

    :raises DataNotFoundError: if neither an extractor nor its fallback is available.
    """
    if "auto" not in grid.evaluation_settings.extractor_specs:
        return grid
    taken = dict(grid.auto)
    with quiet_stdout():
        for wanted, dataset in _wanted(grid).items():
            if wanted not in taken:
                _check(dataset, root)
                choice = choose(wanted, root, cache, say)
                taken[wanted] = choice.taken
                if choice.reason:
                    say(f"for the whole run, {choice.sentence}")
            elif taken[wanted] != wanted:
                say(f"auto takes {taken[wanted]} in place of {wanted}, as this run began with it")
    return replace(grid, auto=taken)


def _wanted(grid: Grid) -> dict[str, Dataset]:
    """The extractors of the grid's data sets that have a fallback, each with a data set."""
    registry = default_registry()
    found: dict[str, Dataset] = {}
    for spec in grid.axes["dataset"]:
        dataset = registry.bind("dataset", spec).component
        extractor = registry.bind("extractor", dataset.extractor)
        if extractor.component.fallback:
            found.setdefault(extractor.spec, dataset)
    return found


def _check(dataset: Dataset, root: Path) -> None:
    """Name a folder that is not there before weights are asked for.

    :raises UsageError: from the data set; another error of its code is left to the plan.
    """
    try:
        dataset.spec(root)
    except UsageError:
        raise
    except Exception:
        return


def _missing(spec: str, root: Path, cache: Path, say: Say) -> str | None:
    """What an extractor says is missing; an error of its code is a reason too."""
    try:
        component = default_registry().bind("extractor", spec).component
        reason: str | None = component.missing(root, cache, say)
    except UsageError as error:
        return str(error)
    except Exception as error:
        return f"{spec} does not keep its contract: {one_line(error)}"
    return reason
