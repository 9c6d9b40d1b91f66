"""Other programs on a GPU: those that ganbench did not start, as far as the driver shows them.

Trials of ganbench see each other through locked files, see `DeviceSharing`; an idle worker, which keeps
its place on the GPU, is no user.
"""

from __future__ import annotations

import os
import time

import psutil

from ganbench.base.nvml import compute_processes
from ganbench.execution.share.processes import is_hidden
from ganbench.execution.supervise.worker_process import MARK

_EVERY = 2.0  # seconds between two questions to the driver
#: The service that lets processes compute at the same time holds the GPU for them.
_MPS = "nvidia-cuda-mps"


class GpuUsers:
    """Asks the driver now and then who computes on a GPU.

    :param uuid: of the GPU, which this process uses.
    """

    def __init__(self, uuid: str) -> None:
        self._uuid, self._next = uuid, 0.0

    def others(self) -> bool:
        """Whether another program was seen on the GPU now; False between two questions."""
        if time.monotonic() < self._next:
            return False
        self._next = time.monotonic() + _EVERY
        return bool(other_programs(self._uuid))


def other_programs(uuid: str) -> list[int] | None:
    """Numbers of the processes that compute on a GPU beside ganbench; None if it cannot be known.

    This process must use the GPU: an answer of the driver without it is about other numbers than those
    seen here, as in a container.
    """
    found = compute_processes(uuid)
    if found is None or os.getpid() not in found:
        return None
    return [pid for pid in found if _is_foreign(pid)]


def mps_runs() -> bool:
    """Whether NVIDIA's Multi-Process Service runs here, so that processes share a GPU at one time."""
    folder = os.environ.get("CUDA_MPS_PIPE_DIRECTORY", "/tmp/nvidia-mps")
    if not os.path.exists(os.path.join(folder, "control")):
        return False
    names = (process.info["name"] or "" for process in psutil.process_iter(["name"]))
    return any(name.startswith(_MPS) for name in names)


def _is_foreign(pid: int) -> bool:
    """Whether a process is neither of ganbench nor of this process's family."""
    try:
        process = psutil.Process(pid)
        if process.name().startswith(_MPS) or MARK in process.environ():
            return False
        return not _related(process, psutil.Process())
    except psutil.NoSuchProcess:  # it has just ended, or this user may not see it
        return is_hidden(pid)
    except (psutil.Error, OSError):  # another user's
        return True


def _related(one: psutil.Process, other: psutil.Process) -> bool:
    """Whether they are the same process, or one of them comes from the other."""
    return one == other or one in other.parents() or other in one.parents()
