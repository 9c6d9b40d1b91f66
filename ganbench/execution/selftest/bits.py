"""Whether two trainings have the same bits, and what differs if not."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import torch

from ganbench.training.trainer import Trainer

#: What tells time, and so may differ.
_TIMES = ("train_seconds", "warmup_seconds", "compile_seconds", "step_times")

Bits = Mapping[str, Any]


def bits_of(trainer: Trainer) -> Bits:
    """Everything that a checkpoint of the training holds, but for times: copies on the CPU."""
    return flat(trainer.state_dict())


def flat(state: Mapping[str, Any]) -> Bits:
    """A nested state as path -> tensor on the CPU, or plain value; without times."""
    return {path: value for path, value in _leaves("", state) if path.split("/")[-1] not in _TIMES}


def difference(one: Bits, other: Bits) -> str | None:
    """What differs between two states, in words; None if every bit is equal."""
    if one.keys() != other.keys():
        return f"one state has {sorted(one.keys() ^ other.keys())[0]}, the other has not"
    unequal = [name for name in one if not _equal(one[name], other[name])]
    if not unequal:
        return None
    shown = [f"{name}{_by_how_much(one[name], other[name])}" for name in unequal[:1]]
    return f"{len(unequal)} of {len(one)} parts of the state differ, such as {shown[0]}"


def _leaves(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _leaves(f"{path}/{key}" if path else str(key), item)
    elif isinstance(value, (list, tuple)) and any(_nested(item) for item in value):
        for number, item in enumerate(value):
            yield from _leaves(f"{path}/{number}", item)
    elif isinstance(value, torch.Tensor):
        yield path, value.detach().to("cpu", copy=True)
    else:
        yield path, value


def _nested(value: Any) -> bool:
    return isinstance(value, (Mapping, list, tuple, torch.Tensor))


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, torch.Tensor) and isinstance(other, torch.Tensor):
        if one.dtype != other.dtype or one.shape != other.shape:
            return False
        return torch.equal(_raw(one), _raw(other))
    # A checkpoint turns tuples into lists.
    return json.dumps(one, default=str) == json.dumps(other, default=str)


def _raw(tensor: torch.Tensor) -> torch.Tensor:
    """The bytes: NaN equals NaN, and 0.0 differs from -0.0."""
    return tensor.contiguous().reshape(-1).view(torch.uint8)


def _by_how_much(one: Any, other: Any) -> str:
    if not isinstance(one, torch.Tensor) or not isinstance(other, torch.Tensor):
        return f" ({one!r:.40} and {other!r:.40})"
    if one.shape != other.shape or not one.is_floating_point():
        return ""
    return f" (by {(one.double() - other.double()).abs().max().item():.2g} at most)"
