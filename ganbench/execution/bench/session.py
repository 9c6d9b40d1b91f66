"""One session: components are timed, in turn with the baseline's where there is one."""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Callable, Sequence
from typing import Any

from ganbench.base.errors import UsageError
from ganbench.base.text import joined
from ganbench.execution.bench.baseline import baseline_side, current_side
from ganbench.execution.bench.child import Child, RefusedError, Side, UnknownThereError
from ganbench.execution.bench.plan import Plan, Target, Timed
from ganbench.execution.bench.verdict import compared

_RUN, _BLOCK = 0.001, 0.1  # seconds of a run, and of the runs that give a measurement
_MOST_RUNS = 100
_LONG = 60.0  # seconds of all measurements of a workload, about, before there are fewer
_FEWEST = 4  # rounds


Say = Callable[[str], None]


def classes_in(file: str, plan: Plan) -> list[str]:
    """The names of the suites in a file.

    :raises UsageError: if it has none.
    """
    with plan.start(current_side()) as child:
        names: list[str] = child.ask("classes", file=os.path.abspath(file))["classes"]
    return names


def hold(targets: Sequence[Target], against: str | None, plan: Plan, say: Say) -> list[Timed]:
    """Time all workloads of the targets.

    :param say: hears what goes on.
    :raises UsageError: for a baseline that does not exist or cannot be used at all.
    """
    with contextlib.ExitStack() as stack:
        say("starting")
        first = stack.enter_context(plan.start(current_side()))
        opened = {target.key: _opened(first, target) for target in targets}
        found = [one for target in targets for one in _planned(target, opened[target.key], plan)]
        baseline = None
        if against is not None:
            baseline = stack.enter_context(_baseline(against, opened))
        _measure(first, baseline, found, plan, say)
        for number in range(1, plan.most_launches if baseline is not None else 1):
            left = (
                found if number < plan.launches else [one for one in found if _is_vague(one, plan)]
            )
            if left:
                with plan.start(current_side()) as fresh:
                    _measure(fresh, baseline, left, plan, say)
    return found


def _is_vague(one: Timed, plan: Plan) -> bool:
    """Whether more measurements are needed. That asks for the interval's width alone: to go on until
    there is a verdict would find one in the end."""
    if one.problem or not one.theirs:
        return False
    found = compared(one.ours, one.theirs, margin=plan.margin)
    return math.sqrt(found.high / found.low) > 1 + plan.margin


def _opened(child: Child, target: Target) -> dict[str, Any]:
    try:
        return child.ask(**target.request)
    except RefusedError as error:
        return {"problem": str(error)}


def _planned(target: Target, answer: dict[str, Any], plan: Plan) -> list[Timed]:
    if "problem" in answer:
        return [Timed(target, problem=answer["problem"])]
    known: dict[str, str] = answer["workloads"]
    wanted = [name for name in known if name in plan.workloads or not plan.workloads]
    if not wanted:
        named = joined(plan.workloads)
        raise UsageError(
            f"--workload {named}: the workloads of {target.name} are {joined([*known])}"
        )
    return [Timed(target, name, known[name]) for name in wanted]


def _baseline(
    against: str, opened: dict[str, dict[str, Any]]
) -> contextlib.AbstractContextManager[Side]:
    """The baseline of all targets: they come from one place."""
    places = {
        answer["root"]: answer["file"] for answer in opened.values() if "problem" not in answer
    }
    if not places:
        raise UsageError(f"nothing can be timed: {next(iter(opened.values()))['problem']}")
    if len(places) > 1:
        raise UsageError(
            f"--against {against}: the components come from {' and '.join(sorted(places))}; "
            "name those of one place at a time"
        )
    ((root, file),) = places.items()
    return baseline_side(against, file, root)


def _measure(ours: Child, baseline: Side | None, found: list[Timed], plan: Plan, say: Say) -> None:
    """Measure everything once with these processes."""
    with contextlib.ExitStack() as stack:
        theirs = None
        if baseline is not None:
            theirs = stack.enter_context(plan.start(baseline))
        there: dict[str, bool] = {}  # whether the baseline has a target
        for one in found:
            if one.problem:
                continue
            key = one.target.key
            try:
                if key not in there:
                    ours.ask(**one.target.request)
                    there[key] = theirs is not None and _has(theirs, one.target)
                one.new = theirs is not None and not there[key]
                say(f"{one.target.name}: {one.workload} (launch {len(one.ours) + 1})")
                _take_turns(ours, theirs if there[key] else None, one, plan)
            except RefusedError as error:
                one.problem = str(error)


def _has(theirs: Child, target: Target) -> bool:
    """Make the target in the baseline; False if it does not have it.

    :raises RefusedError: if it cannot be made there, or comes from elsewhere.
    """
    side = theirs.side
    try:
        file = theirs.ask(**target.request)["file"]
    except UnknownThereError:
        return False
    except RefusedError as error:
        raise RefusedError(f"{side.name}: {error}") from None
    if side.tree is not None and not os.path.realpath(file).startswith(side.tree + os.sep):
        raise RefusedError(f"{side.name} was loaded from {file}, not from {side.tree}")
    return True


def _take_turns(ours: Child, theirs: Child | None, one: Timed, plan: Plan) -> None:
    sides = [(ours, one.ours)] if theirs is None else [(ours, one.ours), (theirs, one.theirs)]
    seconds = 0.0
    for child, _ in sides:
        try:
            answer = child.ask("prepare", target=one.target.key, workload=one.workload)
        except RefusedError as error:
            name = "" if child is ours else f"{child.side.name}: "
            raise RefusedError(f"{name}{error}") from None
        seconds = max(seconds, answer["seconds"], 1e-7)
    one.amount, one.unit = answer["amount"], answer["unit"]
    calls = max(1, round(_RUN / seconds))
    runs = max(1, min(_MOST_RUNS, round(_BLOCK / (calls * seconds))))
    all_of_it = len(sides) * plan.launches * calls * runs * seconds
    rounds = min(plan.rounds, max(_FEWEST, int(_LONG / all_of_it)))
    for _, kept in sides:
        kept.append([])
    for number in range(rounds):
        for child, kept in sides[:: 1 if number % 2 else -1]:
            taken = child.ask("time", calls=calls, runs=runs)
            kept[-1].append(taken["seconds"])
            one.waiting.append(taken["waiting"])
    for child, _ in sides:
        child.ask("close")
