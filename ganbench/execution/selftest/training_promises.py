"""Promises about training in one process: equal bits, whatever comes between, and no waiting."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import torch

from ganbench.base.determinism import NondeterminismWatch
from ganbench.base.errors import one_line
from ganbench.base.text import joined
from ganbench.execution.selftest.bits import bits_of, difference
from ganbench.execution.selftest.cells import FAMILY_STEPS, families, forget, make_trainer, name_of
from ganbench.execution.selftest.outcome import Findings, Outcome, Setting, each
from ganbench.grid.cell import Cell
from ganbench.training.capture import Capture
from ganbench.training.op_log import HostWaitError, OpLog
from ganbench.training.recorded import Recorded
from ganbench.training.state import newest_checkpoint, save_checkpoint
from ganbench.training.streams import seed_everything

_HALF = FAMILY_STEPS // 2
_STRANGE = 99  # a seed of no trial
_CUDA_WAITS = "synchronizing CUDA operation"


def on_families(setting: Setting, check: Callable[[Cell], str | None], **training: Any) -> Findings:
    """Run a check on every family, in every precision that the extent allows.

    :param check: gives what is wrong, or None.
    :param training: settings over those of the cells.
    """
    precisions = ["fp32", "bf16"] if setting.cuda or not setting.quick else ["fp32"]
    cells = [one for precision in precisions for one in families(precision=precision, **training)]

    def checked(cell: Cell) -> str | None:
        setting.say(name_of(cell))
        try:
            return check(cell)
        finally:
            forget(setting.device)

    return each(cells, checked, name_of)


def same_seed(setting: Setting) -> Outcome:
    """A training again, after another one and with samples drawn in between."""

    def check(cell: Cell) -> str | None:
        first = make_trainer(cell, setting.device)
        first.time_steps(FAMILY_STEPS)
        expected = bits_of(first)
        make_trainer(cell, setting.device, seed=1).time_steps(1)
        again = make_trainer(cell, setting.device)
        again.time_steps(_HALF)
        again.sampler().images(3, "self-test")
        again.time_steps(FAMILY_STEPS - _HALF)
        return difference(expected, bits_of(again))

    return on_families(setting, check, executor="eager").outcome()


def resumed(setting: Setting) -> Outcome:
    """A training that goes on from a checkpoint on the disk."""

    def check(cell: Cell) -> str | None:
        straight = make_trainer(cell, setting.device)
        straight.time_steps(FAMILY_STEPS)
        expected = bits_of(straight)
        stopped = make_trainer(cell, setting.device)
        stopped.time_steps(_HALF)
        save_checkpoint(setting.folder, "state", stopped.state_dict())
        state, problems = newest_checkpoint(setting.folder)
        if state is None:
            return "; ".join(problems)
        seed_everything(_STRANGE, "another trial", setting.device)
        again = make_trainer(cell, setting.device)
        again.load_state_dict(state)
        again.time_steps(FAMILY_STEPS - _HALF)
        return difference(expected, bits_of(again))

    return on_families(setting, check).outcome()


def recorded(setting: Setting) -> Outcome:
    """A training whose steps are replayed as CUDA graphs, or on a processor as logs of operations."""
    reasons: list[str] = []

    def check(cell: Cell) -> str | None:
        eager = make_trainer(_eager(cell), setting.device, capture=_capture(setting))
        eager.time_steps(FAMILY_STEPS)
        expected = bits_of(eager)
        replayed = make_trainer(cell, setting.device, capture=_capture(setting))
        replayed.time_steps(FAMILY_STEPS)
        if replayed.executor.reason is not None:
            reasons.append(f"{name_of(cell)} is eager, because {replayed.executor.reason}")
        return difference(expected, bits_of(replayed))

    findings = on_families(setting, check, executor="graph")
    findings.held += reasons
    return findings.outcome()


def in_place(setting: Setting) -> Outcome:
    """A training of another seed in the place of one before, whose recordings go on."""

    def check(cell: Cell) -> str | None:
        fresh = make_trainer(_eager(cell), setting.device, seed=1, capture=_capture(setting))
        fresh.time_steps(FAMILY_STEPS)
        expected = bits_of(fresh)
        again = make_trainer(cell, setting.device, seed=0, capture=_capture(setting))
        again.time_steps(_HALF)
        again.restart(1)
        again.time_steps(FAMILY_STEPS)
        return difference(expected, bits_of(again))

    return on_families(setting, check, executor="graph").outcome()


def no_wait(setting: Setting) -> Outcome:
    """Steps in which the host reads nothing from the device."""

    def check(cell: Cell) -> str | None:
        trainer = make_trainer(cell, setting.device, capture=_capture(setting))
        trainer.time_steps(1)
        try:
            with _waiting_forbidden(setting):
                trainer.hand_out_steps(FAMILY_STEPS - 1)
        except (HostWaitError, RuntimeError) as error:
            if not isinstance(error, HostWaitError) and _CUDA_WAITS not in str(error):
                raise
            return f"a step makes the host wait: {one_line(error)}"
        return None

    return on_families(setting, check, executor="eager").outcome()


def deterministic(setting: Setting) -> Outcome:
    """Steps in which PyTorch knows of no operation that gives other bits each time."""

    def check(cell: Cell) -> str | None:
        heard: list[str] = []
        with NondeterminismWatch(heard.append):
            make_trainer(cell, setting.device).time_steps(FAMILY_STEPS)
        return f"{joined(heard)} in a step" if heard else None

    return on_families(setting, check, executor="eager").outcome()


def _capture(setting: Setting) -> Capture | None:
    """How to record: as a trial does, or on a processor, where trials do not, as a log.

    A step that may be recorded reads its rates from tensors, also if it is eager.
    """
    return None if setting.cuda else Recorded()


def _eager(cell: Cell) -> Cell:
    settings = dataclasses.replace(cell.training.settings, executor="eager")
    training = dataclasses.replace(cell.training, settings=settings)
    return dataclasses.replace(cell, training=training)


@contextlib.contextmanager
def _waiting_forbidden(setting: Setting) -> Iterator[None]:
    """Raise an error where the host waits for the device."""
    if not setting.cuda:
        with OpLog():  # it knows the operations for which a host would wait for a GPU
            yield
        return
    torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode("default")
