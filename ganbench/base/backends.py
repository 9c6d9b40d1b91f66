"""PyTorch's process-wide switches that change bits: read, set and restore them in one place.

TensorFloat-32 has had two sets of switches since PyTorch 2.9: the older ``allow_tf32`` and
``set_float32_matmul_precision``, and ``fp32_precision`` for each backend and operation. Setting an
older one sets the newer as well. After a newer one was set, reading an older one raises. So what is
read here may be unknown, and nothing is decided by reading.
"""

from __future__ import annotations

import contextlib
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
import torch.backends.opt_einsum  # PyTorch 2.6 does not import it by itself

from ganbench.base.determinism import COMPILER, set_variables

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


#: The values that `set_defaults` sets, where this PyTorch has the switch.
_DEFAULTS = {
    "cudnn benchmark": False,
    "cudnn deterministic": True,
    "algorithms": (True, True),
    "compiler": True,
    "uninitialized": False,  # to fill memory that is written anyway would only cost time
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
        # PyTorch's own function imports its compiler first, which takes most of a second.
        torch._C._set_deterministic_algorithms(value[0], warn_only=value[1])

    return _Switch(read, write)


def _autocast(kind: str) -> _Switch:
    """Whether code computes in low precision outside of any ``torch.autocast``, and in which."""

    def read() -> Any:
        return torch.is_autocast_enabled(kind), torch.get_autocast_dtype(kind)

    def write(value: Any) -> None:
        torch.set_autocast_enabled(kind, value[0])
        torch.set_autocast_dtype(kind, value[1])

    return _Switch(read, write)


def _compiler() -> _Switch:
    """Whether PyTorch's compiler, once it is loaded, chooses kernels without timing them."""
    name = "torch._inductor.config"

    def read() -> Any:
        if name not in sys.modules:
            return os.environ.get(COMPILER) == "1"
        return getattr(sys.modules[name], "deterministic", None)

    def write(value: Any) -> None:
        config: Any = sys.modules.get(name)
        if hasattr(config, "deterministic"):  # not loaded yet, it reads the variable
            config.deterministic = value

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
    if hasattr(cuda, "allow_fp16_bf16_reduction_math_sdp"):
        found["attention sums"] = _Switch(
            cuda.fp16_bf16_reduction_math_sdp_allowed, cuda.allow_fp16_bf16_reduction_math_sdp
        )
    for kind in ("linalg", "blas"):
        library = getattr(cuda, f"preferred_{kind}_library", None)
        if library is not None:
            found[f"{kind} library"] = _Switch(library, library)
    for kind in ("cpu", "cuda"):
        found[f"{kind} autocast"] = _autocast(kind)
    found["algorithms"] = _deterministic()
    found["compiler"] = _compiler()
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
                with _quiet():
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


def set_defaults() -> None:
    """Set the switches that every process of ganbench begins with: float32 proper, and equal bits.

    PyTorch's defaults would run convolutions in TensorFloat-32 silently, and let cuDNN choose
    algorithms by timing. An operation without a deterministic way still runs, with a warning that
    `NondeterminismWatch` hears. Call it before CUDA starts.
    """
    set_variables()
    allow_tf32(False)
    known = _switches()
    for name, value in _DEFAULTS.items():
        if _read({name: known[name]}).get(name, value) != value:
            known[name].write(value)


@contextlib.contextmanager
def default_switches() -> Iterator[None]:
    """`set_defaults` within; afterwards the switches are as they were."""
    before = Switches.take()
    set_defaults()
    try:
        yield
    finally:
        before.restore()


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


def float32_proper() -> contextlib.AbstractContextManager[None]:
    """No TensorFloat-32 within; afterwards the precision is as it was."""
    return _tf32_within(False)


def float32_arithmetic(tf32: bool, device: torch.device) -> contextlib.AbstractContextManager[None]:
    """TensorFloat-32 or float32 proper within, on a GPU; the CPU has only the latter."""
    return _tf32_within(tf32) if device.type == "cuda" else contextlib.nullcontext()


@contextlib.contextmanager
def _tf32_within(allowed: bool) -> Iterator[None]:
    before = Switches({}, _read(_legacy_precision()), _read_precisions())
    allow_tf32(allowed)
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
