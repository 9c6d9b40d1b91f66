"""How steps are executed: one operation after the other, or as a recording of the whole step.

Both give the same bits. Before the first step, and before the first of each variant that is recorded,
steps are done on trial and taken back: they load kernels, and take memory, outside of the training's
time.
"""

from __future__ import annotations

import abc
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import torch

from ganbench.components.progress import Progress
from ganbench.training.capture import CannotRecordError, Capture, Recording, Run
from ganbench.training.compiled import Calls, CannotCompileError
from ganbench.training.host_state import HostState
from ganbench.training.memory import peak_megabytes
from ganbench.training.players import Players
from ganbench.training.series import StepSeries
from ganbench.training.snapshot import Rehearsal, Snapshot, same_bits
from ganbench.training.step import TrainingStep, Variant
from ganbench.training.step_inputs import StepInputs
from ganbench.training.unread_progress import UnreadProgress

_PROVED = 3  # steps of each variant that a recording must repeat to the bit
_KEPT = 8  # recordings
_SOON = 256  # steps; a recording that was used so lately makes no room for another
_SHIFT = 1e-3  # of the budget's share, between two steps on trial


@dataclass(frozen=True)
class StepParts:
    """Everything that executing a step takes.

    :ivar images_per_step: real images shown in a step.
    """

    players: Players
    calls: Calls
    inputs: StepInputs
    step: TrainingStep
    series: StepSeries
    device: torch.device
    images_per_step: int

    def rehearsal(self) -> Rehearsal:
        """The context of steps on trial."""
        return Rehearsal(self.players, self.inputs.batches, self.device)


class Executor(abc.ABC):
    """Executes the steps of one trial.

    :ivar name: ``eager`` or ``graph``.
    :ivar reason: why steps are eager; None if they are recorded.
    :ivar recorded_mb: the device's peak, in MiB, when the steps were recorded; 0 on the CPU.
    """

    name = "eager"
    recorded_mb = 0.0

    def __init__(self, parts: StepParts, reason: str | None = None) -> None:
        self._parts, self.reason = parts, reason
        self._untimed = self._compiling = 0.0

    @abc.abstractmethod
    def run(self, number: int, progress: Progress) -> None:
        """Do step ``number`` (from 0) at this progress, and record what was measured."""

    @abc.abstractmethod
    def warm_up(self, number: int, progress: Progress) -> None:
        """Do what comes before the first such step, on trial."""

    def untimed_since(self) -> tuple[float, float]:
        """Seconds of steps on trial and of recording since the last call, and how many compiled."""
        found = self._untimed, self._compiling
        self._untimed = self._compiling = 0.0
        return found

    @property
    def lasting(self) -> bool:
        """Whether another trial of the same cell saves time with this executor."""
        return self._parts.calls.compiled

    def _first(self, rehearsal: Rehearsal, step: Callable[[], object]) -> None:
        """The first step of its kind, on trial.

        :raises CannotCompileError: if it works only without compiled code.
        """
        calls = self._parts.calls
        if not calls.compiled:
            step()
            return
        try:
            first = self._seconds(step)
        except CannotRecordError:
            raise
        except Exception as error:
            calls.plain()
            rehearsal.back()
            step()  # raises what a component raises, compiled or not
            raise CannotCompileError(error) from error
        rehearsal.back()
        self._compiling += max(0.0, first - self._seconds(step))

    def _seconds(self, step: Callable[[], object]) -> float:
        self._wait()
        start = time.perf_counter()
        step()
        self._wait()
        return time.perf_counter() - start

    def _eagerly(self, number: int, progress: Progress) -> list[torch.Tensor]:
        self._parts.inputs.prepare(progress)
        return self._parts.step(number, progress)

    def _aside(self) -> _Aside:
        return _Aside(self)

    def _wait(self) -> None:
        if self._parts.device.type == "cuda":
            torch.cuda.synchronize(self._parts.device)


class _Aside:
    """The context of work whose seconds do not count as training."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor

    def __enter__(self) -> None:
        self._executor._wait()
        self._start = time.perf_counter()

    def __exit__(self, *error: object) -> None:
        self._executor._wait()
        self._executor._untimed += time.perf_counter() - self._start


class Eager(Executor):
    """One operation after the other.

    The first step of a trial is done on trial beforehand; on a GPU, or compiled, the first of each
    variant.
    """

    def __init__(self, parts: StepParts, reason: str | None = None) -> None:
        super().__init__(parts, reason)
        self._met: set[Variant] = set()
        self._each = parts.device.type == "cuda" or parts.calls.compiled

    def warm_up(self, number: int, progress: Progress) -> None:
        self._met.add(self._parts.step.variant(number, progress))
        with self._aside(), self._parts.rehearsal() as rehearsal:
            self._first(rehearsal, lambda: self._eagerly(number, progress))

    def run(self, number: int, progress: Progress) -> None:
        if self._each and self._parts.step.variant(number, progress) not in self._met:
            self.warm_up(number, progress)
        self._parts.series.append(self._eagerly(number, progress))


class Graphed(Executor):
    """Recordings of whole steps, one for each variant.

    A recording is used only after it has been proved: three of its steps must give the bits of three
    eager ones, random numbers included. If one does not, or cannot be recorded, all steps from then on
    are eager, and ``reason`` says why.
    """

    def __init__(self, parts: StepParts, capture: Capture) -> None:
        super().__init__(parts)
        self._capture = capture
        self._recordings: OrderedDict[Variant, Recording] = OrderedDict()
        self._proved: set[Variant] = set()
        self._runs = 0
        self._used: dict[Variant, int] = {}
        parts.inputs.batches.hold()

    @property
    def name(self) -> str:  # type: ignore[override]
        return "graph" if self.reason is None else "eager"

    @property
    def lasting(self) -> bool:
        return super().lasting or bool(self._recordings)

    def warm_up(self, number: int, progress: Progress) -> None:
        variant = self._parts.step.variant(number, progress)
        if not variant.steady:
            with self._aside(), self._parts.rehearsal() as rehearsal:
                self._first(rehearsal, lambda: self._eagerly(number, progress))
        elif variant not in self._recordings:
            self._add(variant, number, progress)

    def run(self, number: int, progress: Progress) -> None:
        parts = self._parts
        recording = self._recording(number, progress)
        parts.inputs.prepare(progress)
        if recording is None:
            step = parts.step
            row = self._capture.eager(lambda: torch.stack(step(number, progress)))
        else:
            recording.replay()
            row = recording.measures
        parts.series.append_row(row)

    def _recording(self, number: int, progress: Progress) -> Recording | None:
        variant = self._parts.step.variant(number, progress)
        if self.reason is not None or not variant.steady:
            return None
        self._runs += 1
        if variant not in self._recordings and not self._crowded():
            self._add(variant, number, progress)
        if variant in self._recordings:
            self._recordings.move_to_end(variant)
            self._used[variant] = self._runs
        return self._recordings.get(variant)

    def _crowded(self) -> bool:
        """Whether variants take turns, more than can be kept: to record them again and again is slow."""
        if len(self._recordings) < _KEPT:
            return False
        oldest = next(iter(self._recordings))
        return self._runs - self._used.get(oldest, self._runs) < _SOON

    def _add(self, variant: Variant, number: int, progress: Progress) -> None:
        """Record a variant, or find the reason why all steps are eager."""
        while len(self._recordings) >= _KEPT:
            self._recordings.popitem(last=False)
        try:
            with self._aside():
                self._recordings[variant] = self._recorded(variant, number, progress)
            if self._parts.device.type == "cuda":
                self.recorded_mb = max(self.recorded_mb, peak_megabytes(self._parts.device))
        except CannotRecordError as problem:
            self.reason = str(problem)
            self._recordings.clear()
            print(f"steps are not recorded: {self.reason}")

    def _recorded(self, variant: Variant, number: int, progress: Progress) -> Recording:
        parts, capture = self._parts, self._capture
        steps = self._trial_steps(variant, progress)
        changes: list[str | None] = []

        def prepare(which: int) -> Run:
            parts.inputs.prepare(steps[which])
            return self._operations(number, steps[which])

        def eagerly(which: int) -> torch.Tensor:
            run = prepare(which)
            kept = HostState(parts.players, parts.step.architecture)
            measures = capture.eager(run, watched=True)
            changes.append(kept.change())
            return measures

        with parts.rehearsal() as rehearsal:
            # Kernels are loaded, code is compiled, and optimizers take their memory.
            self._first(rehearsal, lambda: capture.eager(prepare(0)))
            rehearsal.back()
            proved = variant in self._proved
            expected = None if proved else _outcome(rehearsal, eagerly)
            recording = capture.record(prepare)
            rehearsal.back()
            if expected is None:
                return recording

            def replayed(which: int) -> torch.Tensor:
                prepare(which)
                recording.replay()
                return recording.measures

            problem = expected.difference(_outcome(rehearsal, replayed))
            if problem is not None:
                again = expected.difference(_outcome(rehearsal, eagerly))
                raise CannotRecordError(_unequal(problem, again))
            change = next(filter(None, changes), None)
            if change is not None:  # a later step may do something else
                raise CannotRecordError(change)
        self._proved.add(variant)
        return recording

    def _trial_steps(self, variant: Variant, progress: Progress) -> list[Progress]:
        """The progress of a few steps of a variant, different where the variant allows it."""
        step = self._parts.step
        found = []
        for n in range(_PROVED):
            images = progress.images + n * self._parts.images_per_step
            other = Progress(images, min(1.0, progress.share + n * _SHIFT))
            same = step.stage(other) == variant.stage
            found.append(other if same else Progress(images, progress.share))
        return found

    def _operations(self, number: int, progress: Progress) -> Run:
        step, told = self._parts.step, UnreadProgress(*progress)
        # A design that tells its stages may read which one it is in.
        own = progress if step.staged else told
        return lambda: torch.stack(step(number, own, told))


@dataclass(frozen=True)
class _Outcome:
    """What some steps measured, and the state after them."""

    measures: list[torch.Tensor]
    state: Snapshot

    def difference(self, other: _Outcome) -> str | None:
        if not all(map(same_bits, self.measures, other.measures)):
            return "a loss or a gradient's norm"
        return self.state.difference(other.state)


def _outcome(rehearsal: Rehearsal, step: Callable[[int], torch.Tensor]) -> _Outcome:
    """The outcome of a few steps, which are then taken back."""
    measures = [step(which).to("cpu", copy=True) for which in range(_PROVED)]
    state = rehearsal.now()
    rehearsal.back()
    return _Outcome(measures, state)


def _unequal(problem: str, again: str | None) -> str:
    if again is not None:
        return (
            f"the same step gives other bits each time ({again} differs), so nothing can be proved"
        )
    return f"a recorded step gives other bits than an eager one: {problem} differs"
