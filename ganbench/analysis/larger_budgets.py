"""Cells that went on to a larger budget count once: at the largest budget that they reached.

A trial that went on from another one holds that one's training. Side by side, the two would look like
rivals, and like more evidence than they are.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from ganbench.analysis.frame_tools import floats
from ganbench.analysis.groups import group

#: Names the trial of a smaller budget that a trial went on from.
FROM = "extended_from"
_NOT_ENDED = ("skipped", "interrupted")


def at_largest_budget(results: pd.DataFrame) -> pd.DataFrame:
    """The results without cells that went on to a larger budget; see `is_past`."""
    past = is_past(results)
    return results[~past] if past.any() else results


def is_past(results: pd.DataFrame) -> np.ndarray:
    """For each row, whether its cell went on to a larger budget.

    That is so if every trial of the cell did, and has ended there. A cell some of whose trials still
    wait stays as it is: the others alone would be a choice of seeds.
    """
    went_on = _went_on(results)
    if not went_on.any():
        return went_on
    groups = group(results)
    staying = groups.totals(groups.counted & ~went_on)
    found: np.ndarray = ((staying == 0) & (groups.totals(went_on) > 0))[groups.codes]
    return found


def begins_of(results: pd.DataFrame) -> list[str]:
    """For each row, the id of the trial that its training began as; its own for a fresh one."""
    trials = [str(trial) for trial in results["trial"]]
    if FROM not in results.columns:
        return trials
    bases = _bases(results)
    return [_begin(trial, bases) for trial in trials]


def _went_on(results: pd.DataFrame) -> np.ndarray:
    """Which trials another one that has ended went on from, directly or not."""
    if FROM not in results.columns or not results[FROM].notna().any():
        return np.zeros(len(results), dtype=bool)
    begins = begins_of(results)
    ended = ~results["status"].isin(_NOT_ENDED).to_numpy(dtype=bool)
    steps = floats(results["steps"])
    furthest: dict[str, float] = {}
    for begin, own, over in zip(begins, steps, ended, strict=True):
        if over and not math.isnan(own):
            furthest[begin] = max(own, furthest.get(begin, -math.inf))
    pairs = zip(begins, steps, strict=True)
    return np.array([own < furthest.get(begin, -math.inf) for begin, own in pairs], dtype=bool)


def _bases(results: pd.DataFrame) -> dict[str, str]:
    rows = results.loc[results[FROM].notna(), ["trial", FROM]]
    return {str(trial): str(base) for trial, base in rows.itertuples(index=False)}


def _begin(trial: str, bases: Mapping[str, Any]) -> str:
    seen = set[str]()
    while trial in bases and trial not in seen:
        seen.add(trial)
        trial = bases[trial]
    return trial
