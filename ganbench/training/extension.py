"""Go on from a finished trial of a smaller budget: its last checkpoint as a part of a larger trial."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ganbench.evaluation.timeline_ticks import is_kept
from ganbench.training.schedule import Schedule


def adopted(
    session: Mapping[str, Any], trial: str, base: str, schedule: Schedule, steps: int
) -> dict[str, Any]:
    """The state of the larger trial at the end of the smaller one.

    :param session: the smaller trial's `TrialState.as_dict`.
    :param trial: the id of the larger trial; ``base`` that of the smaller one.
    :param schedule: of the larger trial.
    :param steps: that the smaller one made.
    """
    images, share = session["best_progress"]
    film = {
        tick: frame for tick, frame in session["film"].items() if is_kept(int(tick), schedule.ticks)
    }
    return {
        **session,
        "history": [{**record, "trial": trial} for record in session["history"]],
        "best_progress": (images, share * schedule.share(steps, 0.0)),
        "film": film,
        "at_end": {},
        "samples_note": None,
        "extended_from": base,
    }
