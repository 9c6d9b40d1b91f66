"""Where the trials of a grid stand in a run folder: done, going on, new, or to be trained again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from ganbench.execution.extend import Extensions, extensions
from ganbench.execution.resume import EarlierTrials
from ganbench.execution.run_options import RunOptions
from ganbench.grid.cell import Trial
from ganbench.grid.plan import matching
from ganbench.store.run_folder import RunFolder

#: ``goes on`` from a checkpoint; ``extended`` from a smaller budget; ``again`` from its start, while
#: its earlier files are set aside.
Place = Literal["done", "goes on", "extended", "new", "again"]
PLACES: tuple[Place, ...] = ("done", "goes on", "extended", "new", "again")


@dataclass(frozen=True)
class Standing:
    """Where trials stand.

    :ivar places: by id, of the trials whose cells can work.
    :ivar earlier: the trials of the folder, with what is wrong with them.
    :ivar extensions: finished trials of a smaller budget to go on from.
    """

    trials: Sequence[Trial]
    places: Mapping[str, Place]
    earlier: EarlierTrials
    extensions: Extensions

    def notices(self) -> list[str]:
        """Sentences for the person, before the run uses the folder."""
        return [*self.earlier.notices(), *self.extensions.notices()]

    @property
    def missing(self) -> list[Trial]:
        """The trials to train, in the plan's order."""
        return [one for one in self.trials if self.places.get(one.id, "done") != "done"]

    @property
    def restart(self) -> frozenset[str]:
        """The ids of the trials to train from their start."""
        return frozenset(name for name, place in self.places.items() if place == "again")

    def counts(self, trials: Sequence[Trial]) -> Counter[Place]:
        """How many of some trials stand where."""
        return Counter(self.places[one.id] for one in trials if one.id in self.places)


def standing(folder: RunFolder, trials: Sequence[Trial], options: RunOptions) -> Standing:
    """Where trials stand; reads the folder and writes nothing.

    :raises UsageError: for a ``--rerun`` that fits no trial.
    """
    earlier = EarlierTrials(folder, trials, options.keep_results)
    workable = [trial for trial in trials if trial.cell.reason is None]
    asked = {trial.id for text in options.rerun for trial in matching(workable, text)}
    again = asked | {trial.id for trial in workable if earlier.outdated(trial)}
    places: dict[str, Place] = {}
    for trial in workable:
        if trial.id in again:
            places[trial.id] = "again"
        elif not earlier.to_train(trial, options.retry_failed):
            places[trial.id] = "done"
        else:
            begun = folder.trial(trial.id).checkpoint_dir.is_dir()
            places[trial.id] = "goes on" if begun else "new"
    fresh = [trial for trial in workable if places[trial.id] == "new"] if options.extend else []
    larger = extensions(folder, fresh)
    places |= dict.fromkeys(larger.bases, "extended")
    earlier.continued = set(larger.bases.values())
    return Standing(trials, places, earlier, larger)
