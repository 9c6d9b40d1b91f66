"""What of this machine a process may use: cores and memory, also within a container."""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Iterator
from pathlib import Path

import joblib
import psutil

_GROUPS = Path("/sys/fs/cgroup")
#: The limit of a container's memory and what of it is used, by version of control groups.
_LIMITS = (
    ("memory.max", "memory.current"),
    ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"),
)
#: The variable that says how many threads a process may use.
THREADS = "OMP_NUM_THREADS"


def cores() -> int:
    """Logical cores for this process, by its affinity and the limit of its container."""
    return max(1, int(joblib.cpu_count()))


def physical_cores() -> int:
    """As `cores`, without the second thread of a core, which adds little to arithmetic."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # where the system does not tell, all count
        return max(1, int(joblib.cpu_count(only_physical_cores=True)))


def allowed_threads() -> int | None:
    """How many threads ``$OMP_NUM_THREADS`` allows; None without it."""
    with contextlib.suppress(KeyError, ValueError):
        return max(1, int(os.environ[THREADS].split(",")[0]))
    return None


def available_memory() -> int:
    """Bytes that new processes may take before the system or the container runs short."""
    return min([int(psutil.virtual_memory().available), *_left_in_container()])


def _left_in_container() -> Iterator[int]:
    for most, used in _LIMITS:
        with contextlib.suppress(OSError, ValueError):
            yield max(0, int(_read(most)) - int(_read(used)))


def _read(name: str) -> str:
    return (_GROUPS / name).read_text(encoding="ascii").strip()
