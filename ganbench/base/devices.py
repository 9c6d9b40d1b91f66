"""Compute devices: choose one, and name it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ganbench.base.errors import UsageError

if TYPE_CHECKING:
    import torch


def choose_device(name: str | None) -> torch.device:
    """The device that ``name`` asks for; by default the GPU if torch finds one, else the CPU.

    :raises UsageError: for a device that this machine does not have.
    """
    import torch

    if name is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise UsageError(f"--device {name}: unknown device; use cpu, cuda or cuda:0") from None
    if device.type not in ("cpu", "cuda") or (device.type == "cpu" and device.index):
        raise UsageError(f"--device {name}: unsupported device; use cpu, cuda or cuda:0")
    if device.type == "cuda":
        if not torch.cuda.is_available():
            raise UsageError(f"--device {name}: torch finds no CUDA GPU here; use --device cpu")
        if device.index is not None and device.index >= torch.cuda.device_count():
            raise UsageError(f"--device {name}: this machine has {torch.cuda.device_count()} GPUs")
    return device


def device_name(device: torch.device) -> str:
    """The GPU's name, or ``cpu`` with the number of torch's threads."""
    import torch

    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    threads = torch.get_num_threads()
    return f"cpu ({threads} thread{'s' if threads > 1 else ''})"


def device_key(device: torch.device) -> str:
    """A name that all processes of this machine use for the device."""
    return f"cuda-{gpu_uuid(device)}" if device.type == "cuda" else "cpu"


def gpu_uuid(device: torch.device) -> str:
    """The number that the driver knows a GPU by."""
    import torch

    return str(torch.cuda.get_device_properties(device).uuid)


def device_model(device: torch.device) -> str:
    """What computes: the GPU's name, or ``cpu``; equal where equal programs give equal bits."""
    import torch

    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
