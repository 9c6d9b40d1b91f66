"""GPUs of tests: a real one where there is one, with the same watch as the simulated one has."""

from __future__ import annotations

import contextlib
import warnings
from collections import Counter
from collections.abc import Iterator
from traceback import extract_tb

import torch

from ganbench.base.determinism import operation_of
from ganbench.testing.simulated_gpu import Finding, Place, Report


class RealGpu:
    """The machine's first GPU.

    Its watch sees what the driver tells: the first wait, which raises, and operations that PyTorch knows
    to be unstable. Mixed devices and wrong generators raise by themselves.
    """

    def __init__(self) -> None:
        self.device = torch.device("cuda", 0)

    @contextlib.contextmanager
    def watching(self) -> Iterator[Report]:
        report = Report(Counter())
        with warnings.catch_warnings(record=True) as heard:
            warnings.simplefilter("always")
            torch.cuda.set_sync_debug_mode("error")
            try:
                yield report
            except RuntimeError as error:
                if "synchronizing CUDA operation" not in str(error):
                    raise
                report.counts[self._finding("wait", str(error), error.__traceback__)] += 1
            finally:
                torch.cuda.set_sync_debug_mode("default")
        for warning in heard:
            operation = operation_of(str(warning.message))
            if operation is not None:
                place = Place(warning.filename, warning.lineno)
                report.counts[Finding("nondeterministic", operation, place, "")] += 1

    @staticmethod
    def _finding(kind, operation, traceback):
        inner = ("/torch/", "/simulated_gpu/")
        frames = [f for f in extract_tb(traceback) if not any(part in f.filename for part in inner)]
        return Finding(kind, operation, Place(frames[-1].filename, frames[-1].lineno), "")
