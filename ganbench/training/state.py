"""Checkpoints: nested state as one safetensors file and one JSON file. Nothing is unpickled."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

_TENSOR = "__tensor__"
_PAIRS = "__pairs__"
KEEP = 2


def save_checkpoint(folder: Path, name: str, state: dict[str, Any]) -> Path:
    """Write ``state``, a nest of dicts and lists with tensors and JSON's types at the leaves.

    Files become visible by renaming, tensors first; the JSON file holds the tensors' digest, so
    that a pair is either whole or recognizably not. The two newest checkpoints are kept.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tensors: dict[str, torch.Tensor] = {}
    tree = _flatten(state, "", tensors)
    tensor_file, json_file = folder / f"{name}.safetensors", folder / f"{name}.json"
    _replace(tensor_file, lambda path: save_file(tensors, path))
    digest = _sha256(tensor_file)
    body = json.dumps({"sha256": digest, "state": tree}, allow_nan=True)
    document = {"digest": hashlib.sha256(body.encode()).hexdigest(), "body": body}
    _replace(json_file, lambda path: path.write_text(json.dumps(document), encoding="utf-8"))
    for old in _names(folder)[KEEP:]:
        (folder / f"{old}.json").unlink(missing_ok=True)
        (folder / f"{old}.safetensors").unlink(missing_ok=True)
    return json_file


def newest_checkpoint(
    folder: Path, device: torch.device
) -> tuple[dict[str, Any] | None, list[str]]:
    """The newest state that verifies, or None; and a sentence for each one that did not."""
    problems: list[str] = []
    for name in _names(folder):
        try:
            return _load(folder, name, device), problems
        except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
            problems.append(f"checkpoint {name} is damaged ({error}); going on from the one before")
    return None, problems


def _load(folder: Path, name: str, device: torch.device) -> dict[str, Any]:
    document = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    body = document["body"]
    if hashlib.sha256(body.encode()).hexdigest() != document["digest"]:
        raise ValueError("its JSON file does not match its digest")
    content = json.loads(body)
    tensor_file = folder / f"{name}.safetensors"
    if _sha256(tensor_file) != content["sha256"]:
        raise ValueError("its tensor file does not match its digest")
    state: dict[str, Any] = _unflatten(content["state"], load_file(tensor_file, device=str(device)))
    return state


def _names(folder: Path) -> list[str]:
    """Names of the checkpoints, newest first: names sort by time."""
    return sorted((path.stem for path in folder.glob("*.json")), reverse=True)


def _flatten(value: Any, path: str, tensors: dict[str, torch.Tensor]) -> Any:
    if isinstance(value, torch.Tensor):
        # A copy of its own: safetensors refuses tensors that share storage.
        tensors[path] = value.detach().to("cpu", copy=True).contiguous()
        return {_TENSOR: path}
    if isinstance(value, dict):
        items = [[key, _flatten(item, f"{path}/{key}", tensors)] for key, item in value.items()]
        return {_PAIRS: items}  # pairs, since keys may be numbers
    if isinstance(value, (list, tuple)):
        return [_flatten(item, f"{path}/{i}", tensors) for i, item in enumerate(value)]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError(f"a checkpoint cannot hold {type(value).__name__} at {path}")


def _unflatten(tree: Any, tensors: dict[str, torch.Tensor]) -> Any:
    if isinstance(tree, dict):
        if _TENSOR in tree:
            return tensors[tree[_TENSOR]]
        return {key: _unflatten(item, tensors) for key, item in tree[_PAIRS]}
    if isinstance(tree, list):
        return [_unflatten(item, tensors) for item in tree]
    return tree


def _replace(path: Path, write: Callable[[Path], Any]) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        write(temporary)
        with temporary.open("rb") as handle:
            os.fsync(handle.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _sha256(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
