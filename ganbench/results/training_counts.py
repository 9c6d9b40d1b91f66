"""What a budget came to: real images that the critic saw, and updates of the generator.

A budget counts real images over all updates of the critic. With five discriminator updates in a step it
buys a fifth of the generator updates that one discriminator update in a step leaves.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ganbench.results.comparability import mapping
from ganbench.results.formatting import number, plain
from ganbench.results.metrics import is_missing

if TYPE_CHECKING:
    import pandas as pd

#: The setting: updates of the critic (discriminator) in a step.
CRITIC_STEPS = "d_steps"


@dataclass(frozen=True)
class Counts:
    """Medians over the trials of one side that ended well; NaN of none.

    :ivar critic_steps: discriminator updates for each of the generator's, every number once; empty where
        they are not known.
    """

    images: float
    steps: float
    critic_steps: tuple[int, ...]


def counts_of(rows: Sequence[Mapping[str, Any]]) -> Counts:
    """What the trials came to."""
    ended = [row for row in rows if row["status"] == "ok"]
    critic = {critic_steps(row.get("settings")) for row in rows}
    known = sorted(steps for steps in critic if steps is not None)
    return Counts(_median(ended, "images"), _median(ended, "steps"), tuple(known))


def critic_steps(settings: Any) -> int | None:
    """The discriminator updates in a step by a row's ``settings``; None where they do not say."""
    found = mapping(settings).get(CRITIC_STEPS)
    return found if isinstance(found, int) else None


def critic_steps_of(frame: pd.DataFrame) -> pd.Series[Any]:
    """Of each row, NaN where they are not known."""
    import pandas as pd

    if "settings" not in frame.columns:
        return pd.Series(math.nan, index=frame.index)
    known = {text: critic_steps(text) for text in frame["settings"].dropna().unique()}
    return frame["settings"].map(known).astype("float64")


def count_captions(frame: pd.DataFrame) -> list[str]:
    """What budgets came to, for each data set and budget whose cells differ in critic steps."""
    ended = frame[frame["status"] == "ok"].assign(_critic=critic_steps_of(frame))
    keys = [name for name in ("dataset", "budget") if name in frame.columns]
    found = []
    for key, rows in ended.groupby(keys, sort=False):
        critics = sorted(rows["_critic"].dropna().unique().tolist())
        if len(critics) < 2:
            continue
        parts = [
            f"{updates_told(int(critic))}: {number(some['images'].median(), 0)} real images and "
            f"{number(some['steps'].median(), 0)} generator updates"
            for critic, some in ((c, rows[rows["_critic"] == c]) for c in critics)
        ]
        found.append(
            f"{plain(', '.join(map(str, key)))}: cells differ in discriminator updates for each "
            "generator update, so that the budget came to different counts (medians): with "
            f"{'; with '.join(parts)}"
        )
    return found


def updates_told(critic: int) -> str:
    """``5 discriminator updates``."""
    return f"{critic} discriminator update{'' if critic == 1 else 's'}"


def _median(rows: Sequence[Mapping[str, Any]], name: str) -> float:
    known = [float(row[name]) for row in rows if not is_missing(row.get(name))]
    return float(np.median(known)) if known else math.nan
