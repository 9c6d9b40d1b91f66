"""Checkpoints: nested state as one safetensors file and one JSON file. Nothing is unpickled."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from ganbench.base.errors import reason
from ganbench.base.files import make_folder, sha256_of, storage_errors, write_atomically
from ganbench.base.tensor_files import save_tensors

_CPU = torch.device("cpu")
_TENSOR = "__tensor__"
_PAIRS = "__pairs__"
KEEP = 2

#: Errors of reading a damaged file; errors of the device are not among them.
_DAMAGE = (
    OSError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError,
    SafetensorError,
)  # fmt: skip


def save_checkpoint(folder: Path, name: str, state: dict[str, Any]) -> Path:
    """Write ``state``, a nest of dicts and lists with tensors and JSON's types at the leaves.

    Tensors are written first; the JSON file holds their digest, so that half a pair is recognized.
    The two newest checkpoints stay. A checkpoint that sorts after ``name`` is removed: the trial did
    not continue from it.

    :param name: sorts after those of earlier states.
    :raises StorageError: if it cannot be written; earlier checkpoints stay intact.
    """
    tensors: dict[str, torch.Tensor] = {}
    tree = _flatten(state, "", tensors)
    tensor_file, json_file = folder / f"{name}.safetensors", folder / f"{name}.json"
    make_folder(folder)
    save_tensors(tensor_file, tensors)
    with storage_errors(tensor_file):
        known = {"sha256": sha256_of(tensor_file), "bytes": tensor_file.stat().st_size}
    body = json.dumps({**known, "state": tree}, allow_nan=True)
    document = {"digest": hashlib.sha256(body.encode()).hexdigest(), "body": body}
    write_atomically(json_file, json.dumps(document))
    _remove_others(folder, [old for old in _names(folder) if old <= name][:KEEP])
    return json_file


def newest_checkpoint(
    folder: Path, device: torch.device = _CPU
) -> tuple[dict[str, Any] | None, list[str]]:
    """The newest state that verifies, or None; and a sentence for each one that did not.

    :param device: of the state's tensors. Readers copy them into their own, so the CPU is enough.
    """
    reasons: dict[str, str] = {}
    state, then = None, "starting from the beginning"
    for name in _names(folder):
        try:
            state, then = _load(folder, name, device), f"continuing checkpoint {name}"
            break
        except _DAMAGE as error:
            reasons[name] = reason(error)
    return state, [_damaged(name, why) + f"; {then}" for name, why in reasons.items()]


def check_checkpoint(folder: Path) -> list[str]:
    """A sentence for each checkpoint that is damaged, as far as a quick look can tell.

    JSON files are checked against their digests, tensor files by their size.
    """
    problems = []
    for name in _names(folder):
        try:
            _content(folder, name)
        except _DAMAGE as error:
            problems.append(_damaged(name, reason(error)))
    return problems


def maker_of_newest_checkpoint(folder: Path) -> Any:
    """What made the newest checkpoint that is not damaged: its part ``made_with``; None without one."""
    for name in _names(folder):
        try:
            parts = dict(_content(folder, name)["state"][_PAIRS])
            return _unflatten(parts["made_with"], {})
        except _DAMAGE:
            continue
    return None


def _load(folder: Path, name: str, device: torch.device) -> dict[str, Any]:
    content, tensor_file = _content(folder, name), folder / f"{name}.safetensors"
    if sha256_of(tensor_file) != content["sha256"]:
        raise ValueError("its tensor file does not match its digest")
    state = _unflatten(content["state"], load_file(tensor_file, device=str(device)))
    if not isinstance(state, dict):
        raise ValueError("it has no state")
    return state


def _content(folder: Path, name: str) -> dict[str, Any]:
    """The content of the JSON file; raises for a damaged one, or a tensor file of another size."""
    document = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    body = document["body"]
    if hashlib.sha256(body.encode()).hexdigest() != document["digest"]:
        raise ValueError("its JSON file does not match its digest")
    content: dict[str, Any] = json.loads(body)
    size = os.stat(folder / f"{name}.safetensors").st_size
    if size != content.get("bytes", size):
        raise ValueError(f"its tensor file has {size} bytes instead of {content['bytes']}")
    return content


def _names(folder: Path) -> list[str]:
    """Names of the checkpoints, newest first: names sort by time."""
    try:
        names = os.listdir(folder)
    except OSError:
        return []
    stems = (name.removesuffix(".json") for name in names if name.endswith(".json"))
    return sorted((stem for stem in stems if not stem.startswith(".")), reverse=True)


def _remove_others(folder: Path, kept: list[str]) -> None:
    """Remove all checkpoints but these; a pair's JSON file first, so that no half looks whole."""
    for path in sorted(folder.glob("*.*"), key=lambda path: path.suffix):
        if path.suffix in (".json", ".safetensors") and path.stem not in kept:
            with contextlib.suppress(OSError):
                path.unlink()


def _damaged(name: str, why: str) -> str:
    return f"checkpoint {name} is damaged ({why})"


def _flatten(value: Any, path: str, tensors: dict[str, torch.Tensor]) -> Any:
    if isinstance(value, torch.Tensor):
        # A copy, because safetensors refuses tensors that share storage.
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
