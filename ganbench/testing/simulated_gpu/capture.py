"""The capture of a CUDA graph: operations are recorded, and their results come with a replay."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, NoReturn

import torch

from ganbench.testing.simulated_gpu.operations import Operation
from ganbench.training.op_log import replaced

Compute = Callable[[Any, Operation, Any, dict[str, Any]], Any]


class _Recorded(NamedTuple):
    """One operation with the tensors it is captured with."""

    func: Any
    op: Operation
    args: Sequence[Any]
    kwargs: dict[str, Any]
    made: Any


class Capture:
    """The operations between the begin and the end of a capture.

    The values are computed at once, since code may look at shapes. At the end, what existed before gets
    its values back, and what was made holds garbage: a capture computes nothing.

    :param compute: does an operation on the values.
    :param generators: those registered with the graph, the device's own among them.
    """

    def __init__(self, compute: Compute, generators: Sequence[torch.Generator]) -> None:
        self._compute = compute
        self._generators = [(one, one.get_state()) for one in generators]
        self._operations: list[_Recorded] = []
        self._kept: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}
        self._made: dict[int, torch.Tensor] = {}
        self._failed = ""

    def run(
        self,
        func: Any,
        op: Operation,
        args: Sequence[Any],
        kwargs: dict[str, Any],
        generator: torch.Generator | None,
    ) -> Any:
        """Record an operation.

        :param generator: it draws from; None if it draws nothing.
        """
        if generator is not None and all(generator is not one for one, _ in self._generators):
            self.fail("Attempt to increase offset for a CUDA generator not in capture mode.")
        for position in op.writes:
            written = args[position] if position < len(args) else kwargs.get("out")
            self._keep(written)
        if torch.Tag.inplace_view in func.tags:
            self._keep_shape(args[0])
            return self._compute(func, op, args, kwargs)
        made = self._compute(func, op, args, kwargs)
        new = [one for one in _tensors(made) if not _shares(one, _tensors((args, kwargs)))]
        self._made |= {_key(one): one for one in new}
        if not op.is_view:
            self._operations.append(_Recorded(func, op, args, kwargs, made))
        return made

    def _keep_shape(self, tensor: torch.Tensor) -> None:
        """Let what is recorded refer to a tensor as it is: ``unsqueeze_`` and others will reshape it."""
        with torch._C._DisableTorchDispatch(), torch.no_grad():
            kept = tensor.detach()
        for number, (func, op, *tensors) in enumerate(self._operations):
            if any(one is tensor for one in _tensors(tensors)):
                self._operations[number] = _Recorded(func, op, *replaced(tensors, tensor, kept))

    def fail(self, why: str) -> NoReturn:
        """End the capture with CUDA's error."""
        self._failed = why
        raise RuntimeError(f"CUDA error: {why}")

    def end(self) -> None:
        """Undo what the operations did.

        :raises RuntimeError: if an error made the capture invalid.
        """
        with torch._C._DisableTorchDispatch(), torch.no_grad():
            for now, before in self._kept.values():
                now.copy_(before)
            for made in self._made.values():
                _whole(made).fill_(0xFF)
        for generator, state in self._generators:
            generator.set_state(state)
        self._kept.clear()
        if self._failed:
            raise RuntimeError(
                "CUDA error: operation failed due to a previous error during capture: "
                + self._failed
            )

    def replay(self) -> None:
        """Do the operations again, on the same tensors."""
        with torch._C._DisableTorchDispatch(), torch.no_grad():
            for func, op, args, kwargs, made in self._operations:
                again = self._compute(func, op, args, kwargs)
                for old, new in zip(_tensors(made), _tensors(again), strict=True):
                    if old is not new and not _shares(new, [old]):
                        old.copy_(new)

    def _keep(self, written: Any) -> None:
        for tensor in _tensors(written):
            key = _key(tensor)
            if key not in self._kept and key not in self._made:
                whole = _whole(tensor)
                self._kept[key] = whole, whole.clone()


def _tensors(value: Any) -> list[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        return [tensor for one in value for tensor in _tensors(one)]
    return []


def _key(tensor: torch.Tensor) -> int:
    key: int = tensor.untyped_storage()._cdata
    return key


def _shares(tensor: torch.Tensor, others: Sequence[torch.Tensor]) -> bool:
    return any(_key(tensor) == _key(other) for other in others)


def _whole(tensor: torch.Tensor) -> torch.Tensor:
    """All bytes of a tensor's memory."""
    return torch.empty(0, dtype=torch.uint8).set_(tensor.untyped_storage())
