"""The facts about this machine that every promise and every speed depends on."""

from __future__ import annotations

import os
import platform
from typing import Any

import psutil
import torch

from ganbench.base.devices import device_name
from ganbench.base.nvml import compute_processes, driver_version


def describe(device: torch.device) -> dict[str, Any]:
    """Device, driver, versions and threads, in JSON's types; None for what is unknown."""
    cuda = device.type == "cuda"
    found: dict[str, Any] = {
        "device": str(device),
        "device_name": device_name(device),
        "device_memory_bytes": psutil.virtual_memory().total,
        "driver": None,
        "cuda": torch.version.cuda,
        "cudnn": torch.backends.cudnn.version(),
        "torch": str(torch.__version__),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
    }
    if cuda:
        properties = torch.cuda.get_device_properties(device)
        found["device_memory_bytes"] = properties.total_memory
        found["compute_capability"] = f"{properties.major}.{properties.minor}"
        found["multiprocessors"] = properties.multi_processor_count
        found["driver"] = driver_version()
    return found


def free_bytes(device: torch.device) -> int:
    """Free memory of the device, as the driver or the system says."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    return int(psutil.virtual_memory().available)


def processes_on(device: torch.device) -> set[int] | None:
    """The processes that compute on the card, as the driver lists them; None if it does not say."""
    found = compute_processes(str(torch.cuda.get_device_properties(device).uuid))
    return None if found is None else set(found)
