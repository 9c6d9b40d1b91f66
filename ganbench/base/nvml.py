"""What NVIDIA's driver says about GPUs and their users, through NVML; nothing without a driver."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator
from typing import Any

import pynvml


@functools.cache
def _nvml() -> Any:
    """The started library; None without a driver."""
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return None
    return pynvml


def driver_version() -> str | None:
    """The driver's version, such as ``570.86.15``; None if unknown."""
    nvml = _nvml()
    with _quiet():
        return None if nvml is None else _text(nvml.nvmlSystemGetDriverVersion())
    return None


def compute_processes(uuid: str) -> list[int] | None:
    """Numbers of the processes that compute on a GPU; None if the driver does not say.

    In a container, the driver may hide processes, or give numbers that mean nothing here.

    :param uuid: as PyTorch gives it, without ``GPU-`` or ``MIG-`` before it.
    """
    nvml, handle = _nvml(), _handle(uuid)
    if handle is None:
        return None
    with _quiet():
        return [int(one.pid) for one in nvml.nvmlDeviceGetComputeRunningProcesses(handle)]
    return None


def _handle(uuid: str) -> Any:
    """NVML's handle of a GPU or a part of one, or None."""
    nvml = _nvml()
    for kind in ("GPU", "MIG") if nvml is not None else ():
        with _quiet():
            return nvml.nvmlDeviceGetHandleByUUID(f"{kind}-{uuid}")
    return None


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """NVML answers with an error where it does not know, or may not say."""
    with contextlib.suppress(pynvml.NVMLError):
        yield


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
