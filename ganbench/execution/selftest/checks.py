"""All checks of the self-test, in the order of its table."""

from __future__ import annotations

from collections.abc import Sequence

from ganbench.execution.selftest.evaluation_speed import evaluation_speed
from ganbench.execution.selftest.outcome import Check
from ganbench.execution.selftest.process_promises import out_of_memory, side_by_side, timeout
from ganbench.execution.selftest.sampling_promises import memory, same_samples
from ganbench.execution.selftest.training_promises import (
    deterministic,
    in_place,
    no_wait,
    recorded,
    resumed,
    same_seed,
)
from ganbench.execution.selftest.training_speeds import training_speeds

CHECKS = (
    Check(
        name="same-seed",
        title="the same seed gives the same bits",
        run=same_seed,
        meaning="Trials of one seed differ from run to run, so seeds are not paired, and no result "
        "can be repeated.",
        remedy="Leave the named component out, or use --device cpu.",
    ),
    Check(
        name="resumed",
        title="a resumed training goes on to the same bits",
        run=resumed,
        meaning="A trial that was interrupted has another result than one that was not.",
        remedy="Train interrupted trials from the start, with --rerun.",
    ),
    Check(
        name="graph",
        title="a replayed step equals an eager one",
        run=recorded,
        meaning="Trials with replayed steps have other results than trials with eager steps.",
        remedy="Train with --set training.executor=eager.",
    ),
    Check(
        name="in-place",
        title="a trial in place of another is a fresh one",
        run=in_place,
        meaning="A trial depends on the trials that its worker trained before.",
        remedy="Give every trial a process of its own with --isolate.",
    ),
    Check(
        name="no-wait",
        title="no step makes the host wait",
        run=no_wait,
        meaning="Results are right, but such steps are slow and cannot be replayed.",
        remedy="Leave the named component out where speed matters.",
    ),
    Check(
        name="deterministic",
        title="steps have deterministic operations only",
        run=deterministic,
        meaning="Trials with the named component may differ from run to run; the column "
        "deterministic of their rows is false.",
        remedy="Leave the named component out, or use --device cpu.",
    ),
    Check(
        name="samples",
        title="samples do not depend on their number",
        run=same_samples,
        meaning="Evaluations with more samples see other images than those with fewer.",
        remedy="Compare only trials with an equal evaluation.samples.",
    ),
    Check(
        name="memory",
        title="a pass of samples and features fits",
        run=memory,
        meaning="Evaluations of such trials end as oom.",
        remedy="Train fewer trials at a time (-j, --gpus-per-trial), or smaller images.",
    ),
    Check(
        name="side-by-side",
        title="trials side by side equal one alone",
        run=side_by_side,
        meaning="Results depend on what else runs, so trials of one grid cannot be compared.",
        remedy="Run one trial at a time with -j 1.",
        starts_runs=True,
    ),
    Check(
        name="out-of-memory",
        title="a trial without memory harms no other",
        run=out_of_memory,
        meaning="A trial that needs too much memory spoils those after it.",
        remedy="Give every trial a process of its own with --isolate.",
        starts_runs=True,
    ),
    Check(
        name="timeout",
        title="a timeout ends all processes of a trial",
        run=timeout,
        meaning="Processes stay on the device, take its memory and slow other trials down.",
        remedy="Run without --timeout, and end stuck trials by hand.",
        starts_runs=True,
    ),
    Check(name="training", title="the speed of a step", run=training_speeds),
    Check(name="evaluation", title="the speed of an evaluation", run=evaluation_speed),
)


def named(names: Sequence[str]) -> list[Check]:
    """The checks with these names, or all of them, in the order of the table."""
    return [check for check in CHECKS if not names or check.name in names]
