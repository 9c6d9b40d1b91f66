"""What may follow the beginning of a selector, for completion in a shell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ganbench.base.errors import UsageError
from ganbench.registry.specs import split_outside
from ganbench.store.schema import AXES
from ganbench.store.selectors import all_of, parse_conditions
from ganbench.store.trial_facts import OUTCOMES, TrialFacts, facts_of
from ganbench.store.trial_search import BEST

if TYPE_CHECKING:
    from ganbench.store.run_folder import RunFolder

_KEYS = (*AXES, "seed", *OUTCOMES)


def completions(run: RunFolder, text: str) -> list[str]:
    """Selectors that begin with a text, one step on: ids, keys, or the values of a key.

    A key is offered if the trials differ in it.
    """
    head, colon, rest = text.partition(":")
    prefix, rest = (f"{BEST}:", rest) if colon and head == BEST else ("", text)
    try:
        *met, last = split_outside(rest, ",", rest)
    except UsageError:  # an open bracket
        return []
    before = prefix + "".join(f"{part}," for part in met)
    trials = [facts_of(trial) for trial in run.trials()]
    try:
        if met:
            trials = all_of(trials, parse_conditions(",".join(met)), run.path)
    except UsageError:
        return []
    key, equals, _ = last.partition("=")
    if equals:
        found = [f"{key}={value}" for value in _values(trials, key)]
    else:
        found = [f"{key}=" for key in _KEYS if len(_values(trials, key)) > 1]
        if not before:
            found += [BEST, f"{BEST}:", *(trial.id for trial in trials)]
    return [before + one for one in found if one.startswith(last)]


def _values(trials: list[TrialFacts], key: str) -> list[str]:
    return sorted({trial.texts[key] for trial in trials if key in trial.texts})
