"""The CPU threads of a trial that goes on: those that it began with, on which its last bits depend."""

from __future__ import annotations

from typing import Any

from ganbench.store.trial_folder import TrialFolder
from ganbench.training.state import maker_of_newest_checkpoint

#: The key of facts in trial.json that are no part of the trial's identity.
PLACE = "place"


def recorded_threads(trial: TrialFolder) -> int | None:
    """The threads of a trial that has begun; None if it has not, or if nothing says."""
    place = (trial.read_identity() or {}).get(PLACE)
    known = _threads(place)
    return known or _threads(maker_of_newest_checkpoint(trial.checkpoint_dir))


def _threads(record: Any) -> int | None:
    threads = record.get("threads") if isinstance(record, dict) else None
    return threads if type(threads) is int and threads > 0 else None
