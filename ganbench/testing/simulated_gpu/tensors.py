"""Tensors that say they lie on ``cuda:0``, around tensors of the CPU that hold the values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, NoReturn

import torch

if TYPE_CHECKING:
    from ganbench.testing.simulated_gpu.device import SimulatedGpu

GPU = torch.device("cuda", 0)
_KEEP = "keep the values in a tensor, and read them after the step"
_aten = torch.ops.aten


class GpuTensor(torch.Tensor):
    """A tensor of the simulated GPU.

    For Python it is on the GPU. For PyTorch's C++ code it is on the CPU, because autograd would want
    the streams of a real GPU otherwise; so a backward pass also runs in the thread that asks for it.

    :ivar held: the CPU tensor with the values.
    :ivar gpu: the device.
    """

    __torch_function__ = torch._C._disabled_torch_function_impl  # type: ignore[assignment]

    held: torch.Tensor
    gpu: SimulatedGpu

    @staticmethod
    def __new__(cls, inner: torch.Tensor, gpu: SimulatedGpu) -> GpuTensor:
        made: GpuTensor = torch.Tensor._make_wrapper_subclass(
            cls,
            inner.shape,
            strides=inner.stride(),
            storage_offset=inner.storage_offset(),
            dtype=inner.dtype,
            device=inner.device,
        )
        made.held, made.gpu = inner, gpu
        return made

    def __init__(self, inner: torch.Tensor, gpu: SimulatedGpu) -> None:
        super().__init__()

    device = property(lambda self: GPU)
    is_cuda = property(lambda self: True)
    is_cpu = property(lambda self: False)

    @property
    def data(self) -> torch.Tensor:
        return self.detach()

    @data.setter
    def data(self, value: torch.Tensor) -> None:
        form = (self.shape, self.stride(), self.dtype)
        if not isinstance(value, GpuTensor) or form != (value.shape, value.stride(), value.dtype):
            raise RuntimeError("the simulated GPU sets .data to a tensor of the same form only")
        self.held = value.held

    def get_device(self) -> int:
        return 0

    def data_ptr(self) -> int:
        return self.held.data_ptr()

    def untyped_storage(self) -> torch.UntypedStorage:
        return self.held.untyped_storage()

    def is_pinned(self, *args: Any) -> bool:
        return False

    def pin_memory(self, *args: Any) -> NoReturn:
        raise RuntimeError(
            "cannot pin 'torch.cuda.FloatTensor' only dense CPU tensors can be pinned"
        )

    def record_stream(self, stream: Any) -> None:
        return None

    def numpy(self, *, force: bool = False) -> Any:
        if not force:
            raise TypeError(
                "can't convert cuda:0 device type tensor to numpy. Use Tensor.cpu() to copy the tensor "
                f"to host memory first. @ {self.gpu.place()}"
            )
        self.gpu.wait("numpy", _KEEP)
        return self.held.numpy()

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        return self.numpy()

    def tolist(self) -> Any:
        self.gpu.wait("tolist", _KEEP)
        return self.held.tolist()

    def __repr__(self, **kwargs: Any) -> str:  # type: ignore[override]
        return f"GpuTensor(shape={tuple(self.shape)}, dtype={self.dtype}, device='cuda:0')"

    def __str__(self) -> str:
        self.gpu.wait("print", _KEEP)
        return f"{self.held}, device='cuda:0'"

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if not self.ndim else str(self)

    def __reduce_ex__(self, protocol: Any) -> Any:
        self.gpu.wait("pickle", _KEEP)
        return move, (self.held.clone(memory_format=torch.preserve_format), "cuda")

    # These bindings use a guard of the device, which a build of PyTorch without CUDA lacks.
    def to(self, *args: Any, **kwargs: Any) -> torch.Tensor:
        return move(self, *args, **kwargs)

    def cpu(self, *args: Any, **kwargs: Any) -> torch.Tensor:
        return move(self, "cpu")

    def cuda(self, *args: Any, **kwargs: Any) -> torch.Tensor:
        return self

    def new_tensor(  # type: ignore[override]
        self, data: Any, dtype: Any = None, **kwargs: Any
    ) -> torch.Tensor:
        return move(torch.tensor(data, dtype=dtype or self.dtype), GPU)

    def copy_(self, src: torch.Tensor, non_blocking: bool = False) -> torch.Tensor:
        copied: torch.Tensor = _aten.copy_.default(self, src, non_blocking)
        return copied

    @classmethod
    def __torch_dispatch__(  # type: ignore[override]
        cls, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        first = next(_tensors_of([*args, *kwargs.values()]))
        return first.gpu.run(func, args, kwargs)


def _tensors_of(values: Iterable[Any]) -> Iterator[GpuTensor]:
    for value in values:
        if isinstance(value, GpuTensor):
            yield value
        elif isinstance(value, (list, tuple)):
            yield from _tensors_of(value)


def is_gpu(device: Any) -> bool:
    """Whether a device as a call names it is the GPU; None is no device.

    :raises RuntimeError: for a GPU that is not there.
    """
    if device is None:
        return False
    if isinstance(device, int):
        device = torch.device("cuda", device)
    device = torch.device(device)
    if device.type == "cuda" and device.index not in (None, 0):
        raise RuntimeError("CUDA error: invalid device ordinal: the simulated machine has one GPU")
    return bool(device.type == "cuda")


def move(source: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
    """``source.to(…)`` for any mix of devices."""
    copy = kwargs.pop("copy", False)
    if args and isinstance(args[0], torch.Tensor):
        args = (args[0].device, args[0].dtype, *args[1:])
    elif isinstance(kwargs.get("other"), torch.Tensor):
        other = kwargs.pop("other")
        args = (other.device, other.dtype, *args)
    device, dtype, non_blocking, layout = torch._C._nn._parse_to(*args, **kwargs)
    if device is None:
        device = source.device
    elif is_gpu(device):
        device = GPU
    dtype = dtype or source.dtype
    same = device == source.device and dtype == source.dtype and not copy
    if same and (layout in (None, torch.preserve_format) or _lies(source, layout)):
        return source
    options = {} if layout is None else {"memory_format": layout}
    moved: torch.Tensor = _aten._to_copy.default(
        source, dtype=dtype, device=device, non_blocking=non_blocking, **options
    )
    return moved


def _lies(tensor: torch.Tensor, layout: torch.memory_format) -> bool:
    return tensor.is_contiguous(memory_format=layout)
