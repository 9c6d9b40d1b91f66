"""A log of the operations of a step, below autograd: what a CUDA graph would record of it.

The log can do its operations again on the same tensors (`OpLog.replay`), and be compared with the log
of another step (`difference`). Both need no GPU.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

import torch
from torch.utils._python_dispatch import TorchDispatchMode

_TORCH = str(Path(torch.__file__).parent)
_CONTEXTS = str(Path(sys.modules["contextlib"].__file__ or ""))
_THIS = __file__

#: Operations whose answer the host has to know before it can go on.
_WAITS = frozenset(
    (
        *("_local_scalar_dense", "equal", "is_nonzero", "nonzero", "masked_select", "bincount"),
        *("_unique2", "unique_dim", "unique_consecutive", "repeat_interleave.Tensor"),
    )
)
#: Operations that take a mask in place of indices; the host then waits for the number of hits.
_INDEXING = frozenset(("index", "index_put", "index_put_", "_index_put_impl_"))
_CONSTANT = "lift_fresh"
_SMALL = 64  # values of a constant that are compared


class HostWaitError(RuntimeError):
    """A step reads a tensor's value on the host."""


class Call(NamedTuple):
    """One operation with what went in and came out; ``place`` is the line that asked for it."""

    operation: Any
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    outputs: Any
    place: str

    @property
    def name(self) -> str:
        return str(self.operation).removeprefix("aten.")

    @property
    def leaves(self) -> list[Any]:
        """Every input: tensors, numbers and options."""
        return [*_leaves(self.args), *_leaves(self.kwargs.values())]

    @property
    def inputs(self) -> list[torch.Tensor]:
        """The tensors among them."""
        return [leaf for leaf in self.leaves if isinstance(leaf, torch.Tensor)]

    @property
    def results(self) -> list[torch.Tensor]:
        """The tensors that came out."""
        return _tensors(self.outputs)


class OpLog(TorchDispatchMode):
    """Logs every operation within its context.

    Everything that the operations touched stays in memory as long as the log.

    :raises HostWaitError: within the context, for an operation that makes the host wait for the device.
    """

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[Call] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if makes_host_wait(func, args):
            raise HostWaitError(f"{_name(func)} makes the host wait for the device, {caller()}")
        if torch.Tag.inplace_view in func.tags:
            self._keep_shape(args[0])
            return func(*args, **kwargs)
        outputs = func(*args, **kwargs)
        if func.namespace == "profiler":
            return outputs
        # Lists are copied, because their owners may change them later.
        given = tuple(map(_kept, args))
        named = {name: _kept(value) for name, value in kwargs.items()} if kwargs else kwargs
        self.calls.append(Call(func, given, named, _kept(outputs), caller()))
        return outputs

    def _keep_shape(self, tensor: torch.Tensor) -> None:
        """Let the calls so far refer to a tensor as it is: ``unsqueeze_`` and others will reshape it."""
        kept = tensor.detach()
        for number, call in enumerate(self.calls):
            if any(leaf is tensor for leaf in (*call.inputs, *call.results)):
                args, kwargs, outputs = replaced([*call[1:4]], tensor, kept)
                self.calls[number] = call._replace(args=args, kwargs=kwargs, outputs=outputs)

    def replay(self) -> None:
        """Do the operations again, in place of what they made: views and addresses stay valid."""
        with torch.no_grad():
            for again in self._steps():
                again()

    def _steps(self) -> list[Callable[[], None]]:
        if not hasattr(self, "_compiled"):
            self._compiled = [again for call in self.calls if (again := _again(call)) is not None]
        return self._compiled


def makes_host_wait(func: Any, args: Any = ()) -> bool:
    """Whether an operation makes the host wait for a GPU, by its name and its indices."""
    name = _name(func)
    if name in _WAITS or name.rpartition(".")[0] in _WAITS:
        return True
    if name.rpartition(".")[0] not in _INDEXING:
        return False
    masks = (torch.bool, torch.uint8)
    return any(isinstance(i, torch.Tensor) and i.dtype in masks for i in args[1])


def caller() -> str:
    """``file:line`` of the innermost code that does not belong to PyTorch."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        file = frame.f_code.co_filename
        if not file.startswith((_TORCH, _CONTEXTS)) and file != _THIS and not file.startswith("<"):
            return f"{file}:{frame.f_lineno}"
        frame = frame.f_back
    return "at an unknown line"


def difference(first: OpLog, second: OpLog) -> str | None:
    """Why two steps of one variant cannot share a recording; None if they can.

    They can where they do the same operations, on the same persistent tensors, with the same numbers
    from the host. Anything else would stay as it was when the step was recorded.
    """
    one, other = _Numbering(), _Numbering()
    for a, b in zip(first.calls, second.calls, strict=False):
        if a.operation is not b.operation:
            return f"one step does {a.name} and another {b.name}, {b.place}"
        mine, others = one.facts(a), other.facts(b)
        if mine != others:
            return f"{_unequal(a, mine, others)}, {b.place}"
    if len(first.calls) != len(second.calls):
        longer = max(first.calls, second.calls, key=len)
        extra = longer[min(len(first.calls), len(second.calls))]
        return f"only one of two steps does {extra.name}, {extra.place}"
    return None


@dataclass(frozen=True)
class _TensorFact:
    """A tensor as one of several steps knows it: the n-th storage that was seen, and where in it.

    :ivar outside: the storage itself, if the step did not make it.
    """

    storage: int
    outside: int | None
    layout: tuple[Any, ...]


class _Numbering:
    """Numbers storages in the order in which a step meets them."""

    def __init__(self) -> None:
        self._numbers: dict[int, int] = {}
        self._outside: set[int] = set()

    def facts(self, call: Call) -> list[Any]:
        """What must be equal in another step: tensors, numbers and options, in their order."""
        constant = call.name.startswith(_CONSTANT)
        found = [self._fact(leaf, constant) for leaf in call.leaves]
        if constant:
            found += [leaf.tolist() for leaf in call.inputs if leaf.numel() <= _SMALL]
        for result in call.results:
            self._fact(result, made=True)
        return found

    def _fact(self, leaf: Any, made: bool) -> Any:
        if not isinstance(leaf, torch.Tensor):
            return leaf
        key = storage_key(leaf)
        if key not in self._numbers:
            self._numbers[key] = len(self._numbers)
            if not made:
                self._outside.add(key)
        layout = (leaf.dtype, tuple(leaf.shape), leaf.stride(), leaf.storage_offset())
        return _TensorFact(self._numbers[key], key if key in self._outside else None, layout)


def storage_key(tensor: torch.Tensor) -> int:
    """A number that tensors share if they share memory, valid as long as one of them lives."""
    return int(tensor.untyped_storage()._cdata)


def _again(call: Call) -> Callable[[], None] | None:
    """A function that does an operation again; None for a view, which stays what it is."""
    before = {storage_key(tensor) for tensor in call.inputs}
    results = call.results
    fresh = [i for i, tensor in enumerate(results) if storage_key(tensor) not in before]
    if not fresh and not call.operation._schema.is_mutable:
        return None
    operation, args, kwargs = call.operation, call.args, call.kwargs
    if not fresh:
        return lambda: operation(*args, **kwargs)

    def again() -> None:
        made = _tensors(operation(*args, **kwargs))
        for i in fresh:
            results[i].copy_(made[i])

    return again


def _unequal(call: Call, mine: list[Any], others: list[Any]) -> str:
    """What differs between two calls of an operation."""
    leaves = len(call.leaves)
    for number, (x, y) in enumerate(zip(mine, others, strict=False)):
        if x != y:
            what = "a tensor" if isinstance(x, _TensorFact) else "a number or option"
            return f"{what if number < leaves else 'a constant'} of {call.name} {_told(x, y)}"
    return f"{call.name} has other inputs in another step"


def _told(x: Any, y: Any) -> str:
    if isinstance(x, _TensorFact) and isinstance(y, _TensorFact):
        if x.layout != y.layout:
            return (
                f"has another shape or layout in another step ({x.layout[1]}, then {y.layout[1]})"
            )
        return "is another one in another step: it is not updated in place"
    return f"is {x} in one step and {y} in another"


def _leaves(values: Iterable[Any]) -> Iterator[Any]:
    """Operations take and give values and lists of them; nothing is nested deeper."""
    for value in values:
        if isinstance(value, list | tuple):
            yield from value
        else:
            yield value


def _tensors(outputs: Any) -> list[torch.Tensor]:
    return [leaf for leaf in _leaves((outputs,)) if isinstance(leaf, torch.Tensor)]


def _kept(value: Any) -> Any:
    return list(value) if isinstance(value, list) else value


def replaced(value: Any, old: torch.Tensor, new: torch.Tensor) -> Any:
    """A nest of lists, tuples and dicts with another tensor in place of ``old``."""
    if isinstance(value, dict):
        return {name: replaced(item, old, new) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)([replaced(item, old, new) for item in value])
    return new if value is old else value


def _name(func: Any) -> str:
    return str(func).removeprefix("aten.")
