"""What `ganbench fit` chooses from, as a file declares it."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

from ganbench.grid.grid import Grid
from ganbench.registry.lookup import default_registry
from ganbench.registry.specs import split_combined
from ganbench.store.schema import AXES

#: One cell: axis -> spec as in rows, without the data set.
Candidate = Mapping[str, str]


@dataclass(frozen=True)
class Candidates:
    """Data set, sizes, extractors and families of cells, see ``candidates.toml``.

    :ivar families: variants of one cell, from small to large.
    """

    dataset: str
    sizes: Sequence[int]
    extractors: Sequence[str]
    training: Mapping[str, Any]
    evaluation: Mapping[str, Any]
    families: Sequence[Sequence[Candidate]]


def shipped() -> Candidates:
    """The candidates that ganbench ships."""
    text = (resources.files("ganbench.fit") / "candidates.toml").read_text(encoding="utf-8")
    found = tomllib.loads(text)
    families = [[_canonical(cell) for cell in family["cell"]] for family in found.pop("family")]
    return Candidates(**found, families=families)


def _canonical(cell: Candidate) -> Candidate:
    """A cell with a spec on every axis, written as in rows."""
    bind = default_registry().bind
    return {
        axis: "+".join(bind(axis, part).spec for part in split_combined(cell.get(axis, "none")))
        for axis in AXES
        if axis != "dataset"
    }


def grid_of(
    candidates: Sequence[Candidate],
    dataset: str,
    training: Mapping[str, Any],
    evaluation: Mapping[str, Any],
    budget: Mapping[str, float],
    seeds: int = 1,
) -> Grid:
    """A grid that has all the candidates; it may have other combinations too."""
    axes: dict[str, list[str]] = {
        axis: list(dict.fromkeys(one[axis] for one in candidates)) for axis in candidates[0]
    }
    return Grid.from_dict(
        {
            "grid": axes | {"dataset": [dataset], "seeds": seeds},
            "budget": dict(budget),
            "training": dict(training),
            "evaluation": dict(evaluation),
        }
    )


def name_of(candidate: Candidate) -> str:
    """``dcgan[width=32] × hinge``."""
    return " × ".join(spec for spec in candidate.values() if spec != "none")


def is_of(row: Mapping[Any, Any], candidate: Candidate) -> bool:
    """Whether a row, or the columns of a cell, are of a candidate."""
    return all(row[axis] == spec for axis, spec in candidate.items())
