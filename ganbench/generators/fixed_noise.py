"""Turn the random numbers that a generator draws in evaluation into constants.

Some generators draw random numbers: StyleGAN2 noise at every pixel, pix2pix dropout. An exported
file is a function of its inputs alone, so it gives the recorded numbers of one sample to every sample,
as StyleGAN2's authors do (``noise_mode="const"``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

_Call = tuple[tuple[Any, ...], Mapping[str, Any]]


def _size(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Sequence[Any]:
    """The shape that ``torch.randn(2, 3)`` or ``torch.randn((2, 3))`` asks for."""
    size = kwargs.get("size", args)
    return size[0] if len(size) == 1 and isinstance(size[0], Sequence) else size


def _size_of_like(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Sequence[Any]:
    shape: Sequence[Any] = (args[0] if args else kwargs["input"]).shape
    return shape


#: Functions whose results are random numbers -> the shape that a call asks for.
_DRAWS: dict[Callable[..., Any], Callable[..., Sequence[Any]]] = {
    torch.randn: _size,
    torch.rand: _size,
    torch.randn_like: _size_of_like,
    torch.rand_like: _size_of_like,
}
#: Functions that multiply their input with random numbers.
_MASKS: tuple[Callable[..., Any], ...] = (F.dropout, F.dropout1d, F.dropout2d, F.dropout3d)


class Recording(TorchFunctionMode):
    """Records the random numbers that are drawn inside it, in their order.

    :ivar drawn: a tensor for every call.
    """

    def __init__(self) -> None:
        super().__init__()
        self.drawn: list[Tensor] = []

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        if func in _DRAWS:
            result = func(*args, **kwargs)
            self.drawn.append(result.detach().clone())
            return result
        if func in _MASKS and _is_on(args, kwargs):
            inputs, options = _split(args, kwargs)
            mask = func(torch.ones_like(inputs), **options)
            self.drawn.append(mask)
            return inputs * mask
        return func(*args, **kwargs)


class Replay(TorchFunctionMode):
    """Gives the recorded numbers of one sample to every sample of a batch."""

    def __init__(self, drawn: Sequence[Tensor]) -> None:
        super().__init__()
        self._left = iter(drawn)

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        if func in _DRAWS:
            return next(self._left).expand(*_DRAWS[func](args, kwargs))
        if func in _MASKS and _is_on(args, kwargs):
            inputs, _ = _split(args, kwargs)
            return inputs * next(self._left)
        return func(*args, **kwargs)


def _split(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> tuple[Tensor, dict[str, Any]]:
    """The input of a dropout function, and its other arguments by name."""
    named = dict(zip(("input", "p", "training", "inplace"), args, strict=False)) | dict(kwargs)
    named.pop("inplace", None)
    return named.pop("input"), named


def _is_on(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:
    _, options = _split(args, kwargs)
    return bool(options.get("training", True)) and options.get("p", 0.5) > 0
