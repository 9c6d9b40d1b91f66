"""Recording a step, to be done again without Python: as a CUDA graph."""

from __future__ import annotations

import contextlib
import gc
import os
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch

#: A step with its inputs in place: (measures,) what was measured.
Run = Callable[[], torch.Tensor]
#: Sets the inputs of the n-th step on trial, and gives that step.
Prepare = Callable[[int], Run]
_TORCH = str(Path(torch.__file__).parent)
_CORE = f"{Path(__file__).parents[1]}{os.sep}"
_WAIT = "synchronizing CUDA operation"


class CannotRecordError(Exception):
    """A step cannot be recorded; the message is a sentence without a stop."""


@dataclass(frozen=True)
class Recording:
    """A recorded step.

    :ivar replay: does it again, with the inputs that are in place.
    :ivar measures: (measures,) what the last replay measured.
    """

    replay: Callable[[], None]
    measures: torch.Tensor


class Capture(Protocol):
    """A way to record steps."""

    def eager(self, run: Run, watched: bool = False) -> torch.Tensor:
        """Do a step without a recording, where a recorded one would run.

        :param watched: raise `CannotRecordError` where the host waits for the device.
        """

    def record(self, prepare: Prepare) -> Recording:
        """Record a step on trial, or several to compare them; they count as not done.

        :raises CannotRecordError: if it cannot be recorded.
        """


class CudaCapture:
    """Records steps as CUDA graphs, which share one pool of memory.

    Each replay's results are read before the next one, so graphs may overwrite each other's memory.

    :param generators: the random streams that steps draw from, beside the device's own.
    """

    def __init__(self, device: torch.device, generators: Iterable[torch.Generator]) -> None:
        self._device, self._generators = device, [*generators]
        self._stream = torch.cuda.Stream(device)
        self._pool = torch.cuda.graph_pool_handle()

    def eager(self, run: Run, watched: bool = False) -> torch.Tensor:
        """On the stream of the recordings: autograd adds gradients on the stream of their first use."""
        here = torch.cuda.current_stream(self._device)
        self._stream.wait_stream(here)
        with (
            torch.cuda.stream(self._stream),
            _no_waiting() if watched else contextlib.nullcontext(),
        ):
            measures = run()
        here.wait_stream(self._stream)
        return measures

    def record(self, prepare: Prepare) -> Recording:
        run = prepare(0)
        graph = torch.cuda.CUDAGraph()
        for generator in self._generators:
            if hasattr(graph, "register_generator_state"):  # later releases do it by themselves
                graph.register_generator_state(generator)
        context = torch.cuda.graph(
            graph, pool=self._pool, stream=self._stream, capture_error_mode="thread_local"
        )
        try:
            # What the collector frees during a capture may belong to the device.
            with _no_collection(), context:
                measures = run()
        except CannotRecordError:
            raise
        except Exception as error:  # an eager step has just worked
            self._recover()
            why = " ".join(str(error.__context__ or error).split())[:200]
            raise CannotRecordError(
                f"CUDA cannot record the step: {why}, {_place(error)}"
            ) from error
        return Recording(graph.replay, measures)

    def _recover(self) -> None:
        """Free the random generators of a capture that failed: they would refuse to draw."""
        torch.cuda.synchronize(self._device)
        index = self._device.index or 0
        for generator in (*self._generators, torch.cuda.default_generators[index]):
            if hasattr(generator, "graphsafe_set_state"):
                generator.graphsafe_set_state(generator.clone_state())


@contextlib.contextmanager
def _no_waiting() -> Iterator[None]:
    before = torch.cuda.get_sync_debug_mode()
    torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    except RuntimeError as error:
        if _WAIT not in str(error):
            raise
        raise CannotRecordError(
            f"the step makes the host wait for the device, {_place(error)}"
        ) from error
    finally:
        torch.cuda.set_sync_debug_mode(before)


@contextlib.contextmanager
def _no_collection() -> Iterator[None]:
    enabled = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _place(error: BaseException) -> str:
    """``file:line`` of a component's innermost code that an error came through, else of the core's."""
    cause = error.__context__ if isinstance(error.__context__, RuntimeError) else error
    frames = [f for f in traceback.extract_tb(cause.__traceback__) if _TORCH not in f.filename]
    components = [frame for frame in frames if not frame.filename.startswith(_CORE)]
    for frame in (components or frames)[-1:]:
        return f"{frame.filename}:{frame.lineno}"
    return "at an unknown line"
