"""What a budget bought: real images that the discriminator saw, and updates of the generator.

A budget counts real images over all updates of the discriminator. With five discriminator updates in
a step, it buys a fifth of the generator updates that one discriminator update in a step leaves.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ganbench.analysis.frame_tools import floats
from ganbench.analysis.metrics import is_ok
from ganbench.store.schema import mapping

#: The setting: updates of the discriminator in a step.
CRITIC_STEPS = "d_steps"
#: The columns that `counts_of` reads.
COUNTED = ("status", "images", "steps", "settings")


@dataclass(frozen=True)
class Counts:
    """Medians over the trials of one side that ended well; NaN without such trials.

    :ivar critic_steps: discriminator updates per generator update, every number once; empty if
        unknown.
    """

    images: float
    steps: float
    critic_steps: tuple[int, ...]


def counts_of(trials: pd.DataFrame) -> Counts:
    """What the budgets of some trials bought."""
    ended = trials[is_ok(trials)]
    critic = critic_steps_of(trials).dropna().unique()
    return Counts(
        _median(ended, "images"), _median(ended, "steps"), tuple(sorted(map(int, critic.tolist())))
    )


def critic_steps(settings: Any) -> int | None:
    """The discriminator updates in a step by a row's ``settings``; None if they do not say."""
    found = mapping(settings).get(CRITIC_STEPS)
    return found if isinstance(found, int) else None


def critic_steps_of(frame: pd.DataFrame) -> pd.Series[Any]:
    """The discriminator updates in a step of each row, NaN where unknown."""
    if "settings" not in frame.columns:
        return pd.Series(math.nan, index=frame.index)
    known = {text: critic_steps(text) for text in frame["settings"].dropna().unique()}
    return frame["settings"].map(known).astype("float64")


def _median(trials: pd.DataFrame, name: str) -> float:
    values = floats(trials[name]) if name in trials.columns else np.empty(0)
    known = values[~np.isnan(values)]
    return float(np.median(known)) if len(known) else math.nan
