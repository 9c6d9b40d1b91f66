"""Tensors in safetensors files that are whole or absent."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from ganbench.base.files import replacing, storage_errors

_SYSTEM_ERROR = re.compile(r"\(os error (\d+)\)")


def save_tensors(
    path: Path, tensors: Mapping[str, torch.Tensor], metadata: dict[str, str] | None = None
) -> None:
    """Replace a file in one step.

    :raises StorageError: if it cannot be written.
    """
    ready = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    with storage_errors(path), replacing(path) as temporary:
        temporary.touch()
        mode = temporary.stat().st_mode
        try:
            save_file(ready, temporary, metadata)
        except SafetensorError as error:  # the system's own errors as such
            found = _SYSTEM_ERROR.search(str(error))
            if found is None:
                raise
            raise OSError(int(found[1]), os.strerror(int(found[1]))) from None
        temporary.chmod(mode)  # as readable as other new files here


def weights_digest(network: torch.nn.Module) -> str:
    """SHA-256 over names, types, shapes and values of a network's state, sorted by name."""
    found = hashlib.sha256()
    for name, value in sorted(network.state_dict().items()):
        found.update(f"{name} {value.dtype} {tuple(value.shape)}\n".encode())
        found.update(value.detach().cpu().contiguous().numpy().tobytes())
    return found.hexdigest()


def load_tensors(
    path: Path, device: torch.device
) -> tuple[dict[str, torch.Tensor], dict[str, str]] | None:
    """The tensors of a file with its metadata; None for an absent or damaged file."""
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name).clone().to(device) for name in file.keys()}  # noqa: SIM118
            return tensors, dict(file.metadata() or {})
    except (OSError, KeyError, TypeError, ValueError, SafetensorError):
        return None
