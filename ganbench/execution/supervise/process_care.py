"""Keeps a process fit for one trial after another."""

from __future__ import annotations

import torch

from ganbench.base.backends import Switches, set_defaults
from ganbench.base.process_state import ProcessState
from ganbench.execution.share.gpu_memory import limit_memory, release_memory
from ganbench.execution.supervise.endings import spoils_process


class ProcessCare:
    """Sets the process up for trials on a device, and undoes what a trial has done to it.

    :param share: of a GPU's memory, or None for all that is there.
    :ivar tainted: whether the process may be unfit for more trials: an error in a kernel spoils CUDA for
        good, and what ran out of memory may have left it in pieces.
    """

    def __init__(self, device: torch.device, share: float | None) -> None:
        self._device, self._share = device, share
        self._outside = Switches.take()
        set_defaults()
        self._state = ProcessState.take()
        self.tainted = False

    def clean_up(self) -> None:
        """Undo what the trial before may have done."""
        self._state.restore()
        self._limit_memory()

    def clean_up_torch(self) -> None:
        """`clean_up` of PyTorch alone, in a process that has other work."""
        self._state.restore_torch()
        self._limit_memory()

    def release_memory(self) -> None:
        """Give back what nothing refers to."""
        release_memory(self._device)

    def note(self, error: BaseException) -> None:
        """Note what an error may have done: on a GPU, any error may come from a kernel."""
        self.tainted = self.tainted or self._device.type == "cuda" or spoils_process(error)

    def close(self) -> None:
        """Leave PyTorch as it was before this object, for the other work of the process."""
        self._state.restore_torch()
        self._outside.restore()
        if self._share is not None:
            limit_memory(self._device, None)

    def _limit_memory(self) -> None:
        if self._share is not None:
            limit_memory(self._device, self._share)
