"""``ganbench status``."""

from __future__ import annotations

import dataclasses
import datetime
import math
from collections.abc import Iterator, Sequence
from typing import Any

import click

from ganbench.base.text import clock, plain
from ganbench.cli.text import WrittenPath, as_json, columns, echo_json, examples, say
from ganbench.execution.progress.texts import value_text
from ganbench.execution.run_state import RunningTrial, RunState, SupervisorState, TrialState
from ganbench.execution.run_status import look
from ganbench.store.run_folder import RunFolder

_MOST = 50  # lines on trials of one kind
_CONTINUE = "the same `ganbench run` command continues them"
_SILENT = 10.0  # seconds without a heartbeat that a person should know of


@click.command(
    epilog=examples(
        "ganbench status runs/quick               from another terminal, or afterwards",
        "watch ganbench status runs/quick         every two seconds",
        "ganbench status runs/quick --json | jq .counts",
    )
)
@click.argument("folder", type=WrittenPath(), metavar="DIR")
@as_json
def status(folder: str, as_json: bool) -> None:
    """Show how far a run is: what is done, running, failed and why, and the time left.

    The JSON document has these keys; times are in seconds, and unknown values are null.

    \b
    folder         the run folder
    total          planned trials that can be trained
    counts         done, running, failed, interrupted, waiting, skipped: numbers
    alive          whether anybody runs trials of this folder
    seconds_left   until all is done
    supervisors    who runs trials: owner, host, pid, started, executor, jobs, preparing
                   (before its first trial), stopping, seconds_left, age (of the last heartbeat), here
    running        trial, label, seed, attempt, phase, share, steps, images,
                   images_per_second, d_loss, g_loss, metric (the primary one's name, under
                   which its value stands), seconds_left, since, owner,
                   planned (by the newest grid)
    done, failed, interrupted, skipped, waiting
                   lists of trials: trial, label, seed, status, error, attempts,
                   and samples_note where its samples are no result
    beside         how many trials are in the folder that the newest grid does not have
    problems       a sentence for each damaged file
    """
    state = look(RunFolder(folder).open())
    if as_json:
        echo_json(_document(folder, state))
    else:
        say("\n".join(_lines(folder, state)))


def _document(folder: str, state: RunState) -> dict[str, Any]:
    kinds = ("done", "failed", "interrupted", "skipped", "waiting")
    running = [dataclasses.asdict(trial) for trial in state.running]
    return {
        "folder": folder,
        "total": state.total,
        "counts": state.counts,
        "alive": bool(state.supervisors),
        "seconds_left": state.seconds_left,
        "supervisors": [dataclasses.asdict(supervisor) for supervisor in state.supervisors],
        "running": [{one["metric"]: one.pop("quality")} | one for one in running],
        **{kind: [_ended(one) for one in state.having(kind)] for kind in kinds},
        "beside": state.beside,
        "problems": state.problems,
    }


def _ended(trial: TrialState) -> dict[str, Any]:
    found = {name: value for name, value in vars(trial).items() if name != "state"}
    if trial.samples_note is None:
        del found["samples_note"]
    return found


def _lines(folder: str, state: RunState) -> Iterator[str]:
    preparing = [one for one in state.supervisors if one.preparing]
    if state.total or not preparing:
        yield _summary(state)
    for supervisor in state.supervisors:
        yield plain(_who(supervisor))
    if preparing and not state.running:
        yield "It prepares data and features; no trial of it has begun yet."
    if not state.supervisors:
        yield from _nobody(state)
    if state.running:
        yield "\nRunning:"
        yield from columns([_running_cells(trial) for trial in state.running], "  ")
    if failed := state.having("failed"):
        yield "\nFailed:"
        yield from _some(
            [
                f"{trial.label} ({trial.trial}): {trial.status}{_tried(trial)}: "
                f"{trial.error or 'no reason given'}"
                for trial in failed
            ]
        )
    if interrupted := state.having("interrupted"):
        how = "they wait to continue" if state.supervisors else _CONTINUE
        yield f"\nInterrupted; {how}:"
        yield from _some([f"{trial.label} ({trial.trial}){_tried(trial)}" for trial in interrupted])
    if odd := [trial for trial in state.trials if trial.samples_note]:
        yield "\nNo result, whatever the numbers:"
        yield from _some([f"{trial.label}: {trial.samples_note}" for trial in odd])
    rest = list(_rest(folder, state))
    if rest:
        yield ""
        yield from map(plain, rest)


def _summary(state: RunState) -> str:
    counts = state.counts
    parts = [f"{counts['done']} of {state.total} done"]
    for kind in ("running", "failed", "interrupted", "waiting"):
        if counts[kind]:
            parts.append(f"{counts[kind]} {kind}")
    left = state.seconds_left
    return ", ".join(parts) + ("" if left is None or left < 1 else f"; about {clock(left)} left")


def _who(supervisor: SupervisorState) -> str:
    does = "Being prepared" if supervisor.preparing else "Run"
    parts = [f"{does} by process {supervisor.pid} on {supervisor.host}"]
    if supervisor.started is not None:
        parts.append(f"since {_local(supervisor.started)}")
    if supervisor.executor:
        parts.append(f"executor {supervisor.executor}")
    if supervisor.jobs is not None:
        parts.append(f"{supervisor.jobs} at a time")
    if supervisor.stopping:
        parts.append("stopping")
    if supervisor.age is not None and (supervisor.age > _SILENT or not supervisor.here):
        parts.append(f"last heartbeat {clock(supervisor.age)} ago")
    return ", ".join(parts)


def _nobody(state: RunState) -> Iterator[str]:
    """What to do if nothing runs."""
    counts = state.counts
    if counts["waiting"] or counts["interrupted"]:
        yield "Nothing is running; the same `ganbench run` command finishes what is missing."
    elif counts["failed"]:
        yield "Nothing is running; `ganbench run … --retry-failed` tries failed trials again."
    else:
        yield "Nothing is running, and nothing is missing."


def _running_cells(trial: RunningTrial) -> Sequence[str]:
    def shown(value: float | None, form: str) -> str:
        return "" if value is None else form.format(value)

    left = trial.seconds_left if trial.phase == "training" else None
    return (
        plain(trial.label) + ("" if trial.planned else " (beside this grid)"),
        plain(trial.trial),
        shown(trial.attempt, "attempt {}"),
        plain(trial.phase),
        shown(None if trial.share is None else math.floor(100 * trial.share), "{}%"),
        shown(trial.images or None, "{:,} images"),
        shown(trial.images_per_second, "{:,.0f} img/s"),
        value_text(trial.metric, trial.quality),
        "" if left is None else f"{clock(left)} left",
    )


def _tried(trial: TrialState) -> str:
    times = {0: "", 1: ", tried once", 2: ", tried twice"}
    return times.get(trial.attempts, f", tried {trial.attempts} times")


def _some(lines: Sequence[str]) -> Iterator[str]:
    for line in lines[:_MOST]:
        yield f"  {plain(line)}"
    if len(lines) > _MOST:
        yield f"  and {len(lines) - _MOST:,} more; --json lists them all"


def _rest(folder: str, state: RunState) -> Iterator[str]:
    counts = state.counts
    if counts["failed"]:
        yield f"`ganbench logs {folder} TRIAL` shows what a trial printed."
    if counts["skipped"]:
        yield f"{counts['skipped']:,} skipped: cells that cannot work; `ganbench results` says why."
    if state.beside:
        trials = "1 trial is" if state.beside == 1 else f"{state.beside:,} trials are"
        yield f"{trials} in the folder beside this grid: of an earlier grid, or of a smaller budget."
    yield from (f"Warning: {problem}" for problem in state.problems)


def _local(moment: str) -> str:
    """A time as this machine's clock shows it."""
    try:
        return datetime.datetime.fromisoformat(moment).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    except (ValueError, OverflowError, OSError):
        return moment
