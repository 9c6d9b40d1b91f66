"""Promises about worker processes: trials side by side, after a failure, and after a timeout."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import psutil

from ganbench.base.machine import cores
from ganbench.execution.selftest.bits import Bits, difference
from ganbench.execution.selftest.cells import forget
from ganbench.execution.selftest.faults import HELPERS, read_numbers
from ganbench.execution.selftest.machine import processes_on
from ganbench.execution.selftest.outcome import Findings, Outcome, Setting, Speed
from ganbench.execution.selftest.runs import USUAL, Ended, reference, run

_OUT_OF_MEMORY, _STUCK = "selftest-out-of-memory", "selftest-stuck"
_FAULT_STEPS = 8
_DYING = 10.0  # seconds that the system has to remove killed processes


def side_by_side(setting: Setting) -> Outcome:
    """Trials in 1, 2 and 4 workers have the bits of a training in this process."""
    findings, steps, counts = Findings(), _packing_steps(setting), _counts(setting)
    seeds = counts[-1]
    expected = [reference(setting, steps, seed) for seed in range(seeds)]
    forget(setting.device)
    alone: Ended | None = None
    for count in counts:
        setting.say(f"{count} at a time")
        share = ["--gpus-per-trial", f"{1 / count:g}"] if setting.cuda else []
        ended = run(
            setting, f"beside-{count}", [USUAL], steps, "-j", str(count), *share, seeds=seeds
        )
        alone = alone or ended
        problem = _unequal(ended, expected) or _other_metrics(ended, alone, seeds)
        findings.expect(
            None if problem is None else f"{count} at a time: {problem}",
            f"{count} at a time: equal to a training in this process",
        )
        findings.speeds.append(_rate(ended, count))
    findings.speeds += _gains(findings.speeds)
    return findings.outcome()


def out_of_memory(setting: Setting) -> Outcome:
    """A trial without memory ends as ``oom``, and the next one is as if nothing had happened."""
    findings = Findings()
    ended = run(setting, "oom", [_OUT_OF_MEMORY, USUAL], _FAULT_STEPS)
    row = ended.rows[_OUT_OF_MEMORY, 0]
    good = "the row of the trial without memory says oom"
    findings.expect(None if row["status"] == "oom" else _instead("oom", row), good)
    problem = _unequal(ended, [reference(setting, _FAULT_STEPS, 0)])
    findings.expect(
        None if problem is None else f"the next trial: {problem}",
        "the next trial has its usual bits",
    )
    if setting.cuda:
        same = set(ended.processes(_OUT_OF_MEMORY, 0)) & set(ended.processes(USUAL, 0))
        findings.expect(
            "the next trial ran in the same process" if same else None,
            "the next trial ran in a fresh process",
        )
    return findings.outcome()


def timeout(setting: Setting) -> Outcome:
    """A trial that takes too long ends with every process that it started."""
    findings = Findings()
    limit = 30 if setting.cuda else 5
    ended = run(setting, "stuck", [_STUCK], _FAULT_STEPS, "--timeout", f"{limit}s")
    row = ended.rows[_STUCK, 0]
    good = "the row of the stuck trial says timeout"
    findings.expect(None if row["status"] == "timeout" else _instead("timeout", row), good)
    numbers = [*ended.processes(_STUCK, 0), *read_numbers(setting.folder / HELPERS)]
    living = _living(numbers)
    findings.expect(
        f"still alive: {len(living)} of its {len(numbers)} processes" if living else None,
        f"its {len(numbers)} processes have ended",
    )
    if setting.cuda:
        there = processes_on(setting.device)
        if there is None:
            findings.held.append("the driver does not say which processes are on the card")
        else:
            left = there & set(numbers)
            findings.expect(
                f"the driver still lists {len(left)} of its processes on the card"
                if left
                else None,
                "the driver lists none of its processes on the card",
            )
    return findings.outcome()


def _packing_steps(setting: Setting) -> int:
    if setting.cuda:
        return 1000 if setting.quick else 4000
    return 12 if setting.quick else 60


def _counts(setting: Setting) -> list[int]:
    """How many trials run at a time; a processor has a trial for each core at the most."""
    if setting.cuda:
        return [1, 2, 4]
    return [1, 2] if setting.quick or cores() < 4 else [1, 2, 4]


def _unequal(ended: Ended, expected: Sequence[Bits]) -> str | None:
    """What is wrong with the usual trials of a run, one for each seed, or None."""
    for seed, bits in enumerate(expected):
        row = ended.rows.get((USUAL, seed))
        if row is None:
            return f"seed {seed} has no row: {ended.said}"
        if row["status"] != "ok":
            return f"seed {seed}: {_instead('ok', row)}"
        found = difference(bits, ended.bits(USUAL, seed))
        if found is not None:
            return f"seed {seed}: {found}"
    return None


def _other_metrics(ended: Ended, alone: Ended, seeds: int) -> str | None:
    for seed in range(seeds):
        found = difference(alone.history(USUAL, seed), ended.history(USUAL, seed))
        if found is not None:
            return f"seed {seed}, metrics: {found}"
    return None


def _instead(wanted: str, row: Mapping[str, Any]) -> str:
    status, error = row["status"], row["error"]
    return f"the status is {status} instead of {wanted}" + (f" ({error})" if error else "")


def _rate(ended: Ended, count: int) -> Speed:
    """Images per second of all trials that run at a time."""
    rows = [row for row in ended.rows.values() if row["status"] == "ok"]
    seconds = sum(row["train_seconds"] for row in rows)
    images = sum(row["images"] for row in rows)
    rate = count * images / seconds if seconds else float("nan")
    return Speed("trials at a time", str(count), rate, "images/s", "all trials together")


def _gains(rates: Sequence[Speed]) -> list[Speed]:
    """How many times as fast several trials at a time are as one."""
    one, *others = rates
    return [
        Speed(one.of, f"{rate.measure} against 1", rate.value / one.value, "times")
        for rate in others
    ]


def _living(numbers: list[int]) -> list[int]:
    end = time.monotonic() + _DYING
    while (found := [n for n in numbers if _lives(n)]) and time.monotonic() < end:
        time.sleep(0.1)
    return found


def _lives(number: int) -> bool:
    try:
        return bool(psutil.Process(number).status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False
