"""The GPU of these tests: a simulated one, and a real one where the machine has one."""

from __future__ import annotations

import pytest
import torch
from gpus import RealGpu

from ganbench.base.backends import default_switches
from ganbench.testing.simulated_gpu import simulated_gpu

KINDS = ["simulated", "real"] if torch.cuda.is_available() else ["simulated"]


@pytest.fixture(params=KINDS)
def gpu(request):
    """A GPU with ``device`` and ``watching()``."""
    with default_switches():
        if request.param == "real":
            yield RealGpu()
        else:
            with simulated_gpu() as device:
                yield device


@pytest.fixture
def device(gpu):
    """``cuda:0``."""
    return gpu.device
