"""Selectors: find trials by an id, a part of it, components and settings, or ``best``.

    selector   = id | part of an id | id with * or ? | conditions | "best" [":" conditions]
    conditions = condition {"," condition}
    condition  = key "=" value | component
    key        = an axis | seed | budget | status | verdict | training.… | evaluation.…

The value of an axis is a spec. A bare name means that spec; a run without it offers the name with any
options. Written options have to fit the trial's, defaults included. ``*`` and ``?`` stand for any
text: ``loss=annealed[start=8],seed=0``, ``loss=wgan*``. A component without a key fits on any axis.
``best`` is the trial with the best primary metric, or with the best ``metric=COLUMN``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from ganbench.base.errors import UnknownNameError, UsageError, did_you_mean
from ganbench.base.text import plain
from ganbench.registry.specs import format_value, parse_spec, split_combined, split_top_level
from ganbench.store.schema import AXES
from ganbench.store.trial_facts import OUTCOMES, Part, TrialFacts

#: Short keys, first the options of ``ganbench run``.
SHORT = {
    "a": "architecture",
    "l": "loss",
    "d": "dataset",
    "r": "regularizer",
    "A": "augmentation",
    "s": "seed",
}
#: Keys that do not depend on the run.
KEYS = (*AXES, "seed", "budget", *OUTCOMES)
#: What a condition may ask of a trial: not that, that or something close to it, exactly that.
_NO, _LOOSE, _EXACT = range(3)
_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*\Z")


class Condition(NamedTuple):
    """One condition; the key is empty for a component on any axis."""

    key: str
    value: str

    def __str__(self) -> str:
        return f"{self.key}={self.value}" if self.key else self.value


def by_id(ids: Sequence[str], text: str) -> list[str]:
    """The ids that a text names: the whole id, its beginning, any part of it, or with wildcards."""
    if _has_wildcards(text):
        matches = _wildcard(text)
        return [name for name in ids if matches(name)]
    tests: tuple[Callable[[str], bool], ...] = (
        lambda name: name == text,
        lambda name: name.startswith(text),
        lambda name: text in name,
    )
    found = ([name for name in ids if fits(name)] for fits in tests if text)
    return next(filter(None, found), [])


def parse_conditions(text: str) -> list[Condition]:
    """``loss=hinge,seed=0`` as conditions, with short keys in full; raises UsageError."""
    conditions = []
    for part in split_top_level(text, text):
        key, equals, value = part.partition("=")
        if equals and _KEY.match(key.strip()):
            conditions.append(Condition(SHORT.get(key.strip(), key.strip()), value.strip()))
        else:
            conditions.append(Condition("", part.strip()))
    return conditions


def all_of(
    trials: Sequence[TrialFacts], conditions: Sequence[Condition], where: object
) -> list[TrialFacts]:
    """The trials that meet all conditions.

    :param where: the run, for messages.
    :raises UsageError: if no trial does; says which condition is the first that fits no trial.
    """
    conditions = [_checked(trials, condition) for condition in conditions]
    left = list(trials)
    for number, condition in enumerate(conditions):
        kept = [trial for trial in left if fit(trial, condition)]
        if not kept:
            raise UnknownNameError(_why_none(left, conditions[:number], condition, where))
        left = kept
    for condition in conditions:
        exact = [trial for trial in left if fit(trial, condition) == _EXACT]
        left = exact or left
    return left


def fit(trial: TrialFacts, condition: Condition) -> int:
    """How well a trial meets a condition; 0 if it does not."""
    key, value = condition
    if key and key not in AXES:
        return _EXACT if _equal(trial.texts.get(key, ""), value) else _NO
    axes = [key] if key else list(trial.parts)
    return max((_fit_on(trial, axis, value) for axis in axes), default=_NO)


def _fit_on(trial: TrialFacts, axis: str, value: str) -> int:
    text, parts = trial.texts.get(axis, ""), trial.parts.get(axis, ())
    if text == value:
        return _EXACT
    if _has_wildcards(value) and _wildcard(value)(text):
        return _LOOSE
    asked = split_combined(value)
    return _LOOSE if all(any(_is(part, one) for part in parts) for one in asked) else _NO


def _is(part: Part, asked: str) -> bool:
    """Whether a component is what a spec names."""
    if _has_wildcards(asked):
        matches = _wildcard(asked)
        return matches(part.spec) or matches(part.name)
    try:
        spec = parse_spec(asked)
    except UsageError:
        return False
    if spec.name != part.name or spec.provider not in (None, part.provider):
        return False
    return all(
        key in part.options
        and any(_equal(format_value(part.options[key]), format_value(one)) for one in written)
        for key, written in ((k, (v, spec.texts.get(k, v))) for k, v in spec.options.items())
    )


def _equal(known: str, asked: str) -> bool:
    """Whether two texts are equal, mean the same number, or match."""
    if known == asked:
        return True
    if _has_wildcards(asked):
        return _wildcard(asked)(known)
    try:
        return float(known) == float(asked)
    except ValueError:
        return False


def _checked(trials: Sequence[TrialFacts], condition: Condition) -> Condition:
    """The condition with its key in full; a setting needs no ``training.`` before it."""
    key, value = condition
    if not key:
        return condition
    settings = {name for trial in trials for name in trial.texts}
    full = sorted(name for name in settings if name.partition(".")[2] == key)
    if key not in {*KEYS, *settings} and not full:
        keys = {*KEYS, *settings}
        short = {name.partition(".")[2] for name in settings} - {""}
        hint = did_you_mean(key, keys | short, shown=sorted(keys))
        raise UnknownNameError(f"trials have no {plain(key)!r}{hint}")
    if not value:
        raise UsageError(f"{key}= names nothing; write it as {key}=VALUE")
    return Condition(key if key in KEYS or not full else full[0], value)


def _why_none(
    trials: Sequence[TrialFacts], met: Sequence[Condition], missed: Condition, where: object
) -> str:
    axes = [missed.key] if missed.key else list(AXES)
    values = sorted({trial.texts[axis] for trial in trials for axis in axes if axis in trial.texts})
    names = {part.name for t in trials for axis in axes for part in t.parts.get(axis, ())}
    also = f" and {plain(','.join(map(str, met)))}" if met else ""
    hint = did_you_mean(plain(missed.value), [*map(plain, values), *names])
    return f"no trial in {where} has {plain(missed)}{also}{hint}"


def _has_wildcards(text: str) -> bool:
    return "*" in text or "?" in text


def _wildcard(text: str) -> Callable[[str], bool]:
    """Whether another text matches one in which ``*`` and ``?`` stand for any text or character."""
    parts = (".*" if c == "*" else "." if c == "?" else re.escape(c) for c in text)
    pattern = re.compile("".join(parts), re.DOTALL)
    return lambda other: pattern.fullmatch(other) is not None
