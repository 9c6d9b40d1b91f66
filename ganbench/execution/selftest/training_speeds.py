"""The speed of a step: each way to run it, the hand-written loop, and the floor of the device."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import torch

from ganbench.base.errors import reason
from ganbench.execution.selftest.cells import (
    entries,
    forget,
    make_cell,
    make_trainer,
    size_of,
    training_data,
)
from ganbench.execution.selftest.floor import Peaks, Work, measure_peaks, work_of
from ganbench.execution.selftest.outcome import Findings, Outcome, Setting, Speed
from ganbench.execution.selftest.plain_loop import PlainLoop
from ganbench.execution.selftest.race import Runner, race, synchronized
from ganbench.grid.cell import Cell
from ganbench.training.capture import CannotRecordError
from ganbench.training.trainer import Trainer

PLAIN, EAGER, GRAPH, COMPILED = "plain loop", "eager", "graph", "compiled"
_IMAGES = "images/s"
_ISSUED = 20  # steps


def training_speeds(setting: Setting) -> Outcome:
    """Images per second of each cell in each precision, and what they could be at the most."""
    findings, precisions = Findings(), _precisions(setting)
    for precision in precisions:
        # To compile takes longer than all else, so it is done in one precision.
        ways = _ways(setting, compiled=precision == precisions[-1] and not setting.quick)
        for entry in entries("speed", setting.quick or not setting.cuda):
            cell = make_cell(entry, precision=precision)
            setting.say(size_of(cell))
            findings.speeds += _speeds(entry, cell, ways, setting, findings)
            forget(setting.device)
    # A way that fails is missing; that is a fact about it and no promise.
    return Outcome("held", tuple(findings.held), tuple(findings.speeds))


def _precisions(setting: Setting) -> list[str]:
    if not setting.cuda:
        return ["fp32"]
    return ["fp32", "bf16"] if setting.quick else ["fp32", "tf32", "bf16"]


def _ways(setting: Setting, compiled: bool) -> dict[str, dict[str, Any]]:
    """Settings of each way to run a step."""
    ways: dict[str, dict[str, Any]] = {EAGER: {"executor": "eager"}}
    if setting.cuda:
        ways[GRAPH] = {"executor": "graph"}
    if compiled:
        ways[COMPILED] = {"executor": "eager", "compile": True}
        if setting.cuda:
            ways[f"{COMPILED}, {GRAPH}"] = {"executor": "graph", "compile": True}
    return ways


def _speeds(
    entry: dict[str, Any],
    cell: Cell,
    ways: dict[str, dict[str, Any]],
    setting: Setting,
    findings: Findings,
) -> Iterator[Speed]:
    name, device, precision = size_of(cell), setting.device, cell.training.settings.precision
    trainers: dict[str, Trainer] = {}
    for way, settings in ways.items():
        made = make_cell(entry, precision=precision, **settings)
        try:
            trainers[way] = _warm(made, device)
        except Exception as error:  # one way that fails must not stop the others
            findings.held.append(f"{name}, {way}: not measured: {reason(error)}")
    runners: dict[str, Runner] = {way: trainer.time_steps for way, trainer in trainers.items()}
    runners[PLAIN] = PlainLoop(cell, training_data(cell, device).source, device).train
    rounds, seconds = (5, 0.3) if setting.quick else (9, 0.4)
    found = race(runners, device, rounds, seconds)
    images = cell.training.settings.batch_size * cell.training.settings.d_steps
    plain = found.pop(PLAIN)
    yield Speed(name, PLAIN, images / plain, _IMAGES)
    for way, each in found.items():
        yield Speed(name, way, images / each, _IMAGES, _before_steps(trainers[way]))
    for way, each in found.items():
        yield Speed(name, f"{way} against {PLAIN}", plain / each, "times")
    eager = make_trainer(make_cell(entry, precision=precision, executor="eager"), device)
    eager.time_steps(1)
    yield from _floor(name, eager, min(found.values(), default=plain))


def _before_steps(trainer: Trainer) -> str:
    """The time that passes before the first step, in words."""
    words = f"warm-up {trainer.warmup_seconds:.1f} s"
    compiling = trainer.compile_seconds
    return f"{words}, compiling {compiling:.1f} s" if compiling else words


def _warm(cell: Cell, device: torch.device) -> Trainer:
    """A training that is ready for its steps, in the way that the cell asks for.

    :raises CannotRecordError: if it takes another way.
    """
    trainer, asked = make_trainer(cell, device), cell.training.settings
    trainer.warm_up()
    trainer.time_steps(1)
    if trainer.executor.name != asked.executor or (asked.compile and not trainer.lasting):
        raise CannotRecordError(trainer.executor_reason)
    return trainer


def _floor(name: str, trainer: Trainer, best: float) -> Iterator[Speed]:
    """The floor, and which share of its rate the quickest way reaches.

    :param trainer: whose steps are eager.
    :param best: seconds of a step.
    """
    cell, device, images = trainer.cell, trainer.device, trainer.images_per_step
    work, peaks = work_of(lambda: trainer.time_steps(1)), _peaks(cell, device)
    floor = work.seconds(peaks)
    yield Speed(name, "floor", images / floor, _IMAGES, f"bound by {work.bound(peaks)}")
    yield Speed(name, "share of the floor", floor / best, "share")
    yield Speed(name, "operations in a step", work.operations, "count", _amounts(work, peaks))
    if device.type == "cuda":
        yield Speed(name, "host's share", _host_share(trainer, device), "share", EAGER)


def _peaks(cell: Cell, device: torch.device) -> Peaks:
    bf16 = cell.training.settings.precision == "bf16"
    return measure_peaks(device, torch.bfloat16 if bf16 else torch.float32)


def _amounts(work: Work, peaks: Peaks) -> str:
    return (
        f"{work.flops / 1e9:.3g} GFLOP at {peaks.flops / 1e12:.3g} TFLOP/s, "
        f"{work.bytes / 1e9:.3g} GB at {peaks.bytes / 1e9:.3g} GB/s"
    )


def _host_share(trainer: Trainer, device: torch.device) -> float:
    """The share of the time in which the host still hands out work."""
    trainer.hand_out_steps(_ISSUED)
    start = synchronized(device)
    trainer.hand_out_steps(_ISSUED)
    handed_out = time.perf_counter()
    return (handed_out - start) / (synchronized(device) - start)
