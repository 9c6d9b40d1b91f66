"""A trial's checkpoints: when one is due, what it holds, and which one a trial may continue."""

from __future__ import annotations

import os
import time
from typing import Any

import torch

from ganbench.base.devices import device_model
from ganbench.base.text import counted
from ganbench.base.version import __version__
from ganbench.grid.cell import Trial
from ganbench.registry.sources import changed_sources
from ganbench.store.trial_folder import TrialFolder
from ganbench.training.extension import adopted
from ganbench.training.state import newest_checkpoint, save_checkpoint
from ganbench.training.trainer import Trainer
from ganbench.training.trial_state import TrialState

_SAVE_EVERY = 30.0  # seconds between checkpoints; the last tick always saves
_SAVE_SHARE = 0.02  # the most of the time for checkpoints, if a slow disk makes them long


class Checkpointing:
    """Saves and restores one trial.

    :param keep_results: whether a checkpoint of earlier component code may be continued.
    :param base: a finished trial of a smaller budget to go on from, if this one has not begun.
    """

    def __init__(
        self,
        trial: Trial,
        folder: TrialFolder,
        trainer: Trainer,
        keep_results: bool,
        base: TrialFolder | None = None,
    ) -> None:
        self._folder, self._trainer = folder.checkpoint_dir, trainer
        self._trial, self._base = trial.id, base
        self._sources = trial.cell.sources
        self._keep_results = keep_results
        self._last_save = time.perf_counter()
        self._save_every = checkpoint_seconds()

    @property
    def due(self) -> bool:
        """Whether the last checkpoint is old enough."""
        return time.perf_counter() - self._last_save > self._save_every

    def save(self, state: TrialState, exclusive: bool) -> None:
        """Write a checkpoint.

        :raises StorageError: if it cannot be written.
        """
        start, trainer = time.perf_counter(), self._trainer
        content = {
            "trainer": trainer.state_dict(),
            "session": state.as_dict(exclusive),
            "data": vars(trainer.data.spec),
            "progress": list(trainer.progress),
            "made_with": self.made_with(),
        }
        if trainer.replicas.count > 1:
            content["replicas"] = trainer.replicas.others_random_states()
        save_checkpoint(self._folder, f"{trainer.steps:012d}-{state.tick + 1:05d}", content)
        self._last_save = time.perf_counter()
        self._save_every = max(checkpoint_seconds(), (self._last_save - start) / _SAVE_SHARE)

    def restore(self, state: TrialState) -> bool:
        """Continue the newest checkpoint; False if this trial has to start from the beginning."""
        found, problems = newest_checkpoint(self._folder)
        for problem in problems:
            print(problem)
        if found is None:
            return self._base is not None and self._extend(self._base, state)
        then, now = found.get("made_with", {}), self.made_with()
        changed = self._changes(then, now)
        if changed:
            # A row must come from one program on one model of device.
            print(f"the checkpoint has {', '.join(changed)}; starting from the beginning")
            return False
        if then["threads"] != now["threads"]:
            print(
                f"the trial began with {then['threads']} threads and continues with "
                f"{now['threads']}: the last bits may differ from those of an undisturbed run"
            )
        self._trainer.load_state_dict(found["trainer"])
        self._trainer.replicas.restored(self._trainer.steps)
        state.load_dict(found["session"])
        print(f"resumed after {counted(self._trainer.steps, 'step')}")
        return True

    def _extend(self, base: TrialFolder, state: TrialState) -> bool:
        """Begin where a finished trial of a smaller budget ended; False if its bits would differ."""
        found, _ = newest_checkpoint(base.checkpoint_dir)
        if found is None:
            print(f"trial {base.id} has no checkpoint to go on from; starting from the beginning")
            return False
        then, now, trainer = found.get("made_with", {}), self.made_with(), self._trainer
        changed = self._changes(then, now)
        if then.get("threads") != now["threads"]:
            changed.append(f"{then.get('threads')} threads, now {now['threads']}")
        if changed:
            print(f"trial {base.id} has {', '.join(changed)}; starting from the beginning")
            return False
        trainer.load_state_dict(found["trainer"])
        steps = trainer.steps
        state.load_dict(adopted(found["session"], self._trial, base.id, trainer.schedule, steps))
        print(f"going on from trial {base.id} after {counted(steps, 'step')}")
        return True

    def made_with(self) -> dict[str, Any]:
        """Everything that decides its bits, beside the trial's identity."""
        return {
            "ganbench": __version__,
            "torch": str(torch.__version__),
            "device": device_model(self._trainer.device),
            "threads": torch.get_num_threads(),
            "sources": self._sources,
        }

    def _changes(self, then: dict[str, Any], now: dict[str, Any]) -> list[str]:
        """Why a checkpoint made under ``then`` cannot be continued under ``now``."""
        changed = [
            f"{what} {then.get(what)}, now {now[what]}"
            for what in now
            if what not in ("threads", "sources") and then.get(what) != now[what]
        ]
        if not self._keep_results:
            edited = changed_sources(then.get("sources"), now["sources"])
            changed += [f"an earlier version of {component}" for component in edited]
        return changed


def checkpoint_seconds() -> float:
    """Least time between two checkpoints: ``$GANBENCH_CHECKPOINT_SECONDS``, or 30."""
    try:
        return max(0.0, float(os.environ["GANBENCH_CHECKPOINT_SECONDS"]))
    except (KeyError, ValueError):
        return _SAVE_EVERY
