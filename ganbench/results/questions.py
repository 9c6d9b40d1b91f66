"""``ganbench.compare`` and ``ganbench.rank``: the questions that runs are made for."""

from __future__ import annotations

import os
import warnings
from typing import TYPE_CHECKING

from ganbench.errors import UsageError
from ganbench.results import comparison, ranking
from ganbench.results.folders import read_several
from ganbench.results.statistics.intervals import LEVEL

if TYPE_CHECKING:
    import pandas as pd

Folder = str | os.PathLike[str]


def compare(
    folder: Folder,
    a: str | None = None,
    b: str | None = None,
    *,
    by: str | None = None,
    metric: str | None = None,
    level: float = LEVEL,
    seed: int = 0,
    against: Folder | None = None,
) -> comparison.Comparison:
    """What component A does against B in a run; ``print(found.sentence())``, ``found.frame()``.

    :param a: a spec, or a name that fits one; without A and B, all cells of ``folder`` are compared with
        the same cells in ``against``.
    :param b: likewise; A by default where ``against`` is given.
    :param by: the kind of component, found out where the specs leave no doubt.
    :param metric: a column with a better direction; the primary one by default.
    :param against: another run of which B's trials are taken.
    :raises UsageError: if there is nothing to compare, with the reason.
    """
    if against is None and (a is None or b is None):
        raise UsageError("name two components to compare, or another run: compare(…, against=…)")
    if a is None and b is not None:
        raise UsageError(f"B is {b}: name A, too")
    first, second = _frames(folder, against)
    names = (os.fspath(folder), os.fspath(folder if against is None else against))
    other = a if b is None and against is not None else b
    return comparison.compare(first, a, second, other, by, metric, level, seed, names=names)


def rank(
    folder: Folder,
    by: str,
    *,
    metric: str | None = None,
    level: float = LEVEL,
    seed: int = 0,
    shared_spread: bool = False,
) -> pd.DataFrame:
    """The components of one kind in a run, best first: see `ganbench.results.ranking.rank`.

    :raises UsageError: if there is nothing to rank, with the reason.
    """
    return ranking.rank(
        _frames(folder, None)[0], by, metric, level, seed, shared_spread=shared_spread
    )


def _frames(folder: Folder, against: Folder | None) -> tuple[pd.DataFrame, pd.DataFrame]:
    found = read_several([folder] if against is None else [folder, against])
    for problem in (problem for results in found for problem in results.problems):
        warnings.warn(problem, stacklevel=3)
    return found[0].frame, found[-1].frame
