"""Recording a step on the CPU, where a test can see what a CUDA graph would do."""

from __future__ import annotations

import torch

from ganbench.training.capture import CannotRecordError, Prepare, Recording, Run
from ganbench.training.op_log import HostWaitError, OpLog, difference


class Recorded:
    """Records steps as logs of operations, which it does again on the same tensors.

    A step is recorded twice, with different inputs. What differs between the two logs (an operation, a
    number from the host, a tensor that is not updated in place) would stay in a CUDA graph as it was.
    """

    def eager(self, run: Run, watched: bool = False) -> torch.Tensor:
        """Do a step as it is; waits of the host are found by `record`."""
        return run()

    def record(self, prepare: Prepare) -> Recording:
        """Record two steps, and keep the second; see `capture.Capture.record`."""
        logs = []
        for number in range(2):
            run = prepare(number)
            log = OpLog()
            try:
                with log:
                    measures = run()
            except HostWaitError as wait:
                raise CannotRecordError(str(wait)) from wait
            logs.append(log)
        problem = difference(*logs)
        if problem is not None:
            raise CannotRecordError(problem)
        return Recording(log.replay, measures)
