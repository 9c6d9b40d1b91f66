"""``ganbench.compare`` and ``ganbench.rank``: results that can tell what they show."""

from __future__ import annotations

import functools
import os
import warnings
from dataclasses import fields
from typing import Any

import pandas as pd

from ganbench.analysis import comparison, ranking
from ganbench.analysis.several_runs import read_several
from ganbench.analysis.statistics.intervals import LEVEL
from ganbench.base.errors import UsageError
from ganbench.present import comparison_frame, comparison_text, ranking_frame

Folder = str | os.PathLike[str]
_warn = functools.partial(warnings.warn, stacklevel=3)


class Comparison(comparison.Comparison):
    """A comparison with its presentations."""

    def __str__(self) -> str:
        return self.sentence()

    def _repr_html_(self) -> str:
        return comparison_frame.table(self, "html")

    def sentence(self) -> str:
        """What the data show and what they do not, in plain words."""
        return comparison_text.sentence(self)

    def frame(self) -> pd.DataFrame:
        """One line per block and one for all, effects as ratios or differences."""
        return comparison_frame.frame(self)

    def record(self) -> dict[str, Any]:
        """Everything, as plain values for JSON."""
        return comparison_frame.record(self)


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
) -> Comparison:
    """Compare component A with B in a run; ``print(found.sentence())``, ``found.frame()``.

    :param a: a spec, or a name that fits one spec; without A and B, all cells of ``folder`` are
        compared with the same cells in ``against``.
    :param b: likewise; A by default where ``against`` is given.
    :param by: the kind of component; by default the only kind that A and B both fit.
    :param metric: a column with a better direction; the primary metric by default.
    :param against: another run, which B's trials are taken from.
    :raises UsageError: with the reason, if there is nothing to compare.
    """
    if against is None and (a is None or b is None):
        raise UsageError("name two components to compare, or another run: compare(…, against=…)")
    if a is None and b is not None:
        raise UsageError(f"B is {b}: name A, too")
    folders = [folder] if against is None else [folder, against]
    frames, names = read_several(folders, _warn), [os.fspath(one) for one in folders]
    other = a if b is None and against is not None else b
    return compare_frames(
        frames[0], a, frames[-1], other, by, metric, level, seed, names=(names[0], names[-1])
    )


def compare_frames(*args: Any, **options: Any) -> Comparison:
    """`ganbench.analysis.comparison.compare` with presentations."""
    found = comparison.compare(*args, **options)
    return Comparison(**{field.name: getattr(found, field.name) for field in fields(found)})


def rank(
    folder: Folder,
    by: str,
    *,
    metric: str | None = None,
    level: float = LEVEL,
    seed: int = 0,
    shared_spread: bool = False,
) -> pd.DataFrame:
    """Rank the components of one kind in a run, best first.

    docs/columns.md lists the columns; ``attrs`` holds captions, seed, level and more.

    :param by: ``loss``, ``architecture``, ``regularizer`` or ``augmentation``.
    :param metric: a column with a better direction; the primary metric by default.
    :param shared_spread: take the differences of all pairs of components to vary about alike over
        seeds, which few seeds need (Smyth 2004).
    :raises UsageError: with the reason, if there is nothing to rank.
    """
    (frame,) = read_several([folder], _warn)
    return rank_frame(frame, by, metric, level, seed, shared_spread=shared_spread)


def rank_frame(*args: Any, **options: Any) -> pd.DataFrame:
    """`ganbench.analysis.ranking.rank` as a frame."""
    return ranking_frame.frame(ranking.rank(*args, **options))
