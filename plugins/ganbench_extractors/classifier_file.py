"""A trained classifier in a file: safetensors, with a JSON record in its metadata.

One file, written under another name and renamed, is there whole or not at all.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor, nn


def weights_hash(network: nn.Module) -> str:
    """sha256 of all names, shapes, types and bits of a network's state."""
    digest = hashlib.sha256()
    for name, tensor in sorted(network.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def save_classifier(path: Path, network: nn.Module, record: Mapping[str, Any]) -> None:
    """Write the state and the record; a reader never sees half of them."""
    from safetensors.torch import save

    tensors: dict[str, Tensor] = {
        name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()
    }
    record = {**record, "sha256": weights_hash(network)}
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, partial = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(save(tensors, metadata={"record": json.dumps(record)}))
        os.replace(partial, path)
    except BaseException:
        Path(partial).unlink(missing_ok=True)
        raise


def read_record(path: Path) -> dict[str, Any]:
    """The record alone; the weights are not read."""
    from safetensors import safe_open

    with safe_open(path, framework="pt") as file:
        record: dict[str, Any] = json.loads(file.metadata()["record"])
    return record


def load_classifier(path: Path, network: nn.Module) -> dict[str, Any] | None:
    """Fill the network from the file and return the record; None if the file is not sound."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            record: dict[str, Any] = json.loads((file.metadata() or {})["record"])
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        network.load_state_dict(state)
    except (OSError, SafetensorError, KeyError, ValueError, RuntimeError):
        return None
    return record if record.get("sha256") == weights_hash(network) else None
