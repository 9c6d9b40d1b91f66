"""Find the trials of a run that a selector names; `selectors` has the grammar."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from ganbench.base.errors import UnknownNameError, UsageError, did_you_mean
from ganbench.base.suggestions import nearest
from ganbench.base.text import joined, one_a_line, plain
from ganbench.store.display_names import read_names
from ganbench.store.primary import primary_in
from ganbench.store.schema import AXES, EVALUATION, FINGERPRINT
from ganbench.store.selectors import Condition, all_of, by_id, parse_conditions
from ganbench.store.trial_facts import TrialFacts, facts_of, telling_apart
from ganbench.store.trial_folder import TrialFolder

if TYPE_CHECKING:
    from ganbench.store.run_folder import RunFolder

BEST = "best"
#: The condition of ``best`` that names what to be best in.
METRIC = "metric"
#: What has to be equal for ``best`` to mean something; the first one is what a person names.
_MEASURED = ("dataset", FINGERPRINT, "extractor", "evaluation_id", "protocol")


def select(run: RunFolder, text: str, planned: Iterable[str] = ()) -> list[TrialFolder]:
    """The trials that a selector names, by id; at least one.

    :param planned: ids of trials that count even without a folder.
    :raises UsageError: if no trial fits, or the text is not a selector.
    """
    text = text.strip()
    ids = sorted({*run.trial_ids(), *planned})
    found = by_id(ids, text)
    if not found:
        trials = [facts_of(trial) for trial in run.trials()]
        found = [trial.id for trial in _chosen(run, trials, text, ids)]
    return [run.trial(name) for name in found]


def find(run: RunFolder, text: str, planned: Iterable[str] = ()) -> TrialFolder:
    """The only trial that a selector names.

    :raises UsageError: also if several trials fit; lists them with what tells them apart.
    """
    found = select(run, text, planned)
    if len(found) > 1:
        raise UsageError(
            f"{plain(text)!r} fits {len(found)} trials; name one of them:{candidates(found)}"
        )
    return found[0]


def candidates(trials: Sequence[TrialFolder]) -> str:
    """Trials with what tells them apart, each on a line: ``dcgan-…-s0-1f (loss=hinge,seed=0)``."""
    own = telling_apart([facts_of(trial) for trial in trials])
    named = [f"{t.id} ({plain(own[t.id])})" if own[t.id] else t.id for t in trials]
    return one_a_line(named)


def _chosen(
    run: RunFolder, trials: Sequence[TrialFacts], text: str, ids: Sequence[str]
) -> Sequence[TrialFacts]:
    head, colon, rest = text.partition(":")
    if head.strip() == BEST:
        return [_best(run, trials, _conditions(run, rest) if colon else [])]
    conditions = _conditions(run, text)
    try:
        if conditions:
            return all_of(trials, conditions, run.path)
    except UnknownNameError:
        if "[" in text or [one.key for one in conditions] != [""]:
            raise
    # One word, which names neither a trial nor a component of one.
    names = {part.name for trial in trials for own in trial.parts.values() for part in own}
    every = {*ids, *names - {"none"}}
    without_hash = {name: (name.rpartition("-")[0],) for name in ids}
    close = nearest(plain(text), every, without_hash)
    if ids and not close:
        raise UnknownNameError(f"no trial {plain(text)!r} in {run.path}; it has:{one_a_line(ids)}")
    hint = did_you_mean(plain(text), every, without_hash)
    raise UnknownNameError(f"no trial {plain(text)!r} in {run.path}{hint}")


def _conditions(run: RunFolder, text: str) -> list[Condition]:
    """The conditions of a text, with specs for the names that the run's grid gives to components."""
    spec_of = {name: spec for spec, name in read_names(run.grid_file).items()}
    return [Condition(key, spec_of.get(value, value)) for key, value in parse_conditions(text)]


def _best(
    run: RunFolder, trials: Sequence[TrialFacts], conditions: Sequence[Condition]
) -> TrialFacts:
    """The trial with the best value among those that ended well and meet the conditions."""
    asked = [one.value for one in conditions if one.key == METRIC]
    others = [one for one in conditions if one.key != METRIC]
    ended = [one for one in all_of(trials, others, run.path) if one.row.get("status") == "ok"]
    if not ended:
        raise UsageError(f"no trial in {run.path} that fits {BEST} has ended well yet")
    metric = asked[-1] if asked else _the_primary(ended)
    _check_comparable(ended, others)
    values = {one.id: _number(one.row.get(metric)) for one in ended}
    known = [one for one in ended if math.isfinite(values[one.id])]
    column = run.columns().named(metric)
    if not known or not column.better:
        why = (
            "no trial has a value of it" if not known else "neither low nor high values are better"
        )
        raise UsageError(f"{BEST} cannot choose by {plain(metric)!r}: {why}")
    sign = -1 if column.better == "higher" else 1
    return min(known, key=lambda one: (sign * values[one.id], one.id))


def _the_primary(trials: Sequence[TrialFacts]) -> str:
    first, *others = sorted({primary_in(trial.row.get(EVALUATION)) for trial in trials})
    if others:
        raise UsageError(
            f"{BEST} is not clear: the primary metrics are {joined([first, *others])}; "
            f"name one, as in {BEST}:{METRIC}={first}"
        )
    return first


def _check_comparable(trials: Sequence[TrialFacts], conditions: Sequence[Condition]) -> None:
    """Raise UsageError unless the numbers of all trials mean the same."""
    for name in _MEASURED:
        values = sorted({str(trial.row.get(name) or "") for trial in trials})
        if len(values) < 2:
            continue
        if name in AXES:
            given = "".join(f",{one}" for one in conditions)
            way_out = f"add one, as in {BEST}:{name}={plain(values[0])}{plain(given)}"
            raise UsageError(
                f"{BEST} is not clear: the trials are of {len(values)} data sets, whose numbers do not "
                f"compare; {way_out}"
            )
        raise UsageError(
            f"{BEST} is not clear: the trials differ in {name.replace('_', ' ')}, so their numbers do "
            "not compare; name one trial, or add conditions such as evaluation.samples=1000"
        )


def _number(value: object) -> float:
    return float(value) if isinstance(value, (int, float)) else math.nan
