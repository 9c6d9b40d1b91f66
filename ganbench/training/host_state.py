"""What components and networks keep in Python, where neither a recording nor a restart finds it."""

from __future__ import annotations

import io
import pickle
from typing import Any

import torch

from ganbench.components.architecture import Networks
from ganbench.training.players import Players

_OPAQUE = (torch.nn.Module, torch.Generator)
_TORCH = "torch"
_OWN = frozenset(vars(torch.nn.Module()))  # PyTorch's


class HostState:
    """The attributes of components, networks and their classes as they are now.

    :param architecture: it is called in a step beside the parts of ``players``.
    """

    def __init__(self, players: Players, architecture: object) -> None:
        owners = [architecture, *(part.component for part in players.parts())]
        owners += [module for network in players.networks for module in network.modules()]
        classes = dict.fromkeys(base for owner in owners for base in type(owner).__mro__)
        self._owners = [*owners, *(one for one in classes if not one.__module__.startswith(_TORCH))]
        self._before = [_attributes(owner) for owner in self._owners]

    def change(self) -> str | None:
        """Which attribute has another value now; None if all are the same."""
        for owner, before in zip(self._owners, self._before, strict=True):
            now = _attributes(owner)
            for name in sorted(before.keys() | now.keys()):
                if before.get(name) != now.get(name):
                    kind = owner if isinstance(owner, type) else type(owner)
                    return (
                        f"a step changes the attribute {name!r} of {kind.__name__}: "
                        "keep such values in tensors"
                    )
        return None


def constants(networks: Networks) -> list[dict[str, bytes]]:
    """What networks on the CPU keep outside of parameters and buffers, plain tensors included."""
    modules = (module for network in networks for module in network.modules())
    return [_attributes(module, tensors=True) for module in modules]


def _attributes(owner: object, tensors: bool = False) -> dict[str, bytes]:
    return {
        name: content
        for name, value in vars(owner).items()
        if not (name.startswith("__") or (isinstance(owner, torch.nn.Module) and name in _OWN))
        if (content := _content(value, tensors)) is not None
    }


class _Pickler(pickle.Pickler):
    """Writes tensors by their values, or all alike."""

    def __init__(self, file: io.BytesIO, tensors: bool) -> None:
        super().__init__(file)
        self._tensors = tensors

    def persistent_id(self, value: Any) -> Any:
        if isinstance(value, torch.Tensor):
            return _values(value) if self._tensors else "tensor"
        return "opaque" if isinstance(value, _OPAQUE) else None


def _values(tensor: torch.Tensor) -> tuple[str, tuple[int, ...], bytes]:
    raw = tensor.detach().contiguous().flatten().view(torch.uint8)
    return str(tensor.dtype), tuple(tensor.shape), raw.numpy().tobytes()


def _content(value: object, tensors: bool) -> bytes | None:
    """Bytes that differ if the value differs; None for what cannot be compared."""
    buffer = io.BytesIO()
    try:
        _Pickler(buffer, tensors).dump(value)
    except Exception:  # of any object's own code
        return None
    return buffer.getvalue()
