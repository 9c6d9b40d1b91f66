"""PyTorch's process-wide switches that change bits: read, set and restore them in one place.

TensorFloat-32 has had two sets of switches since PyTorch 2.9: the older ``allow_tf32`` and
``set_float32_matmul_precision``, and ``fp32_precision`` for each backend and operation. Setting an
older one sets the newer as well. After a newer one was set, reading an older one raises. So what is
read here may be unknown, and nothing is decided by reading.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch

_UNKNOWN = object()
#: Parents before children: a child without a value of its own has its parent's.
_PRECISIONS = (
    ("generic", "all"),
    ("cuda", "all"),
    ("mkldnn", "all"),
    *((backend, op) for backend in ("cuda", "mkldnn") for op in ("matmul", "conv", "rnn")),
)
_PARENTS = {("generic", "all"): None} | {
    (backend, op): ("generic", "all") if op == "all" else (backend, "all")
    for backend, op in _PRECISIONS[1:]
}


class _Switch(NamedTuple):
    read: Callable[[], Any]
    write: Callable[[Any], Any]


def _attribute(owner: Any, name: str) -> _Switch:
    return _Switch(lambda: getattr(owner, name), lambda value: setattr(owner, name, value))


def _reduction(kind: str) -> _Switch:
    """Whether cuBLAS may add in low precision, and (since PyTorch 2.10) split its sums."""
    matmul = torch.backends.cuda.matmul
    name = f"allow_{kind}_reduced_precision_reduction"

    def read() -> Any:
        allowed = getattr(matmul, name)
        return (allowed, getattr(matmul, f"{name}_split_k", None))

    def write(value: Any) -> None:
        allowed, split = value
        setattr(matmul, name, allowed if split is None else (allowed, split))

    return _Switch(read, write)


def _deterministic() -> _Switch:
    def read() -> Any:
        warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
        return torch.are_deterministic_algorithms_enabled(), warn_only

    def write(value: Any) -> None:
        torch.use_deterministic_algorithms(value[0], warn_only=value[1])

    return _Switch(read, write)


def _legacy_precision() -> dict[str, _Switch]:
    """The older switches of float32's precision; reading raises where the newer ones disagree."""

    def read() -> str:
        _ = torch.backends.cuda.matmul.allow_tf32  # raises where the other would keep silent
        return torch.get_float32_matmul_precision()

    matmul = _Switch(read, torch.set_float32_matmul_precision)
    return {"float32 matmul": matmul, "cudnn tf32": _attribute(torch.backends.cudnn, "allow_tf32")}


def _switches() -> dict[str, _Switch]:
    """Every switch except those of float32's precision, which belong together."""
    b, cuda = torch.backends, torch.backends.cuda
    found = {
        f"cudnn {name}": _attribute(b.cudnn, name)
        for name in ("enabled", "benchmark", "benchmark_limit", "deterministic", "depthwise_kernel")
    }
    found |= {f"mkldnn {name}": _attribute(b.mkldnn, name) for name in ("enabled", "deterministic")}
    found |= {f"einsum {name}": _attribute(b.opt_einsum, name) for name in ("enabled", "strategy")}
    found |= {f"reduction {kind}": _reduction(kind) for kind in ("fp16", "bf16")}
    found["fp16 sums"] = _attribute(cuda.matmul, "allow_fp16_accumulation")
    for kind in ("flash", "mem_efficient", "math", "cudnn"):
        names = (f"{kind}_sdp_enabled", f"enable_{kind}_sdp")
        if all(hasattr(cuda, name) for name in names):
            found[f"{kind} attention"] = _Switch(*(getattr(cuda, name) for name in names))
    found["algorithms"] = _deterministic()
    found["uninitialized"] = _attribute(torch.utils.deterministic, "fill_uninitialized_memory")
    return found


@dataclass(frozen=True)
class Switches:
    """The switches as they were when `take` was called; what this PyTorch lacks is left out."""

    values: dict[str, Any]
    legacy: dict[str, Any]
    precisions: dict[tuple[str, str], str]

    @classmethod
    def take(cls) -> Switches:
        """Read all of them."""
        return cls(_read(_switches()), _read(_legacy_precision()), _read_precisions())

    def restore(self) -> None:
        """Restore what differs: to set some switches takes seconds of imports."""
        now = Switches.take()
        known = _switches()
        for name, value in self.values.items():
            if now.values.get(name, _UNKNOWN) != value:
                known[name].write(value)
        self._restore_precision(now)

    def restore_precision(self) -> None:
        """Put back the precision of float32 only."""
        self._restore_precision(None)

    def _restore_precision(self, now: Switches | None) -> None:
        if now is not None and (now.legacy, now.precisions) == (self.legacy, self.precisions):
            return
        with _quiet():
            for name, switch in _legacy_precision().items():
                switch.write(self.legacy.get(name, self._legacy_for(name)))
            for place, value in self.precisions.items():
                parent = _PARENTS[place]
                inherited = parent is not None and self.precisions.get(parent) == value
                _write_precision(place, "none" if inherited else value)

    def _legacy_for(self, name: str) -> Any:
        """The older switch's value that matches the newer ones, if it could not be read."""
        operations = {"float32 matmul": ("matmul",), "cudnn tf32": ("conv", "rnn")}[name]
        tf32 = all(self.precisions.get(("cuda", op)) == "tf32" for op in operations)
        if name == "float32 matmul":
            return "high" if tf32 else "highest"
        return tf32


def allow_tf32(allowed: bool) -> None:
    """Allow or forbid TensorFloat-32 in the GPU's matrix products and convolutions.

    Processors compute in float32 proper either way. Both sets of switches say the same afterwards.
    """
    with _quiet():
        if _read(_legacy_precision()).get("float32 matmul") != "highest":
            torch.set_float32_matmul_precision("highest")
        torch.backends.cuda.matmul.allow_tf32 = allowed
        torch.backends.cudnn.allow_tf32 = allowed
        for (backend, op), value in _read_precisions().items():
            wanted = "tf32" if allowed and backend == "cuda" else "ieee"
            # If an older switch is off, the parent of a newer one decides.
            if op != "all" and value not in (wanted, "none" if wanted == "ieee" else wanted):
                _write_precision((backend, op), wanted)


@contextlib.contextmanager
def float32_proper() -> Iterator[None]:
    """No TensorFloat-32 within; afterwards the precision is as it was."""
    before = Switches({}, _read(_legacy_precision()), _read_precisions())
    allow_tf32(False)
    try:
        yield
    finally:
        before.restore_precision()


def _read(switches: dict[str, _Switch]) -> dict[str, Any]:
    found = {}
    for name, switch in switches.items():
        with contextlib.suppress(AttributeError, RuntimeError), _quiet():
            found[name] = switch.read()
    return {name: value for name, value in found.items() if value is not None}


def _read_precisions() -> dict[tuple[str, str], str]:
    read = getattr(torch._C, "_get_fp32_precision_getter", None)
    return {} if read is None else {place: read(*place) for place in _PRECISIONS}


def _write_precision(place: tuple[str, str], value: str) -> None:
    write = getattr(torch._C, "_set_fp32_precision_setter", None)
    if write is not None:
        write(*place, value)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """PyTorch warns that the older switches will go, but PyTorch 2.6 needs them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
