"""A trained classifier in a file: safetensors, with a JSON record in its metadata."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ganbench.base.tensor_files import load_tensors, save_tensors, weights_digest


def save_classifier(path: Path, network: nn.Module, record: Mapping[str, Any]) -> None:
    """Write the state and the record; a reader never sees half of them.

    :raises StorageError: if the file cannot be written.
    """
    record = {**record, "sha256": weights_digest(network)}
    save_tensors(path, network.state_dict(), {"record": json.dumps(record)})


def read_record(path: Path) -> dict[str, Any]:
    """The record alone; the weights are not read."""
    from safetensors import safe_open

    with safe_open(path, framework="pt") as file:
        record: dict[str, Any] = json.loads(file.metadata()["record"])
    return record


def load_classifier(path: Path, network: nn.Module) -> dict[str, Any] | None:
    """Fill the network from the file and return the record; None for an absent or damaged file."""
    loaded = load_tensors(path, torch.device("cpu"))
    if loaded is None:
        return None
    try:
        record: dict[str, Any] = json.loads(loaded[1]["record"])
        network.load_state_dict(loaded[0])
    except (KeyError, ValueError, RuntimeError):
        return None
    return record if record.get("sha256") == weights_digest(network) else None
