"""Where calls of PyTorch are caught: below autograd, and where dispatch does not see enough."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from ganbench.testing.simulated_gpu.tensors import GpuTensor, is_gpu, move

if TYPE_CHECKING:
    from ganbench.testing.simulated_gpu.device import SimulatedGpu

_FACTORIES = (torch.tensor, torch.as_tensor, torch.asarray)


class Operations(TorchDispatchMode):
    """Hands every operation to the device, so that what is made on the GPU comes into being there."""

    def __init__(self, gpu: SimulatedGpu) -> None:
        super().__init__()
        self._gpu = gpu

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # else every operation goes through PyTorch's compiler, whose import takes a second

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        return self._gpu.run(func, args, kwargs or {})


class Functions(TorchFunctionMode):
    """Generators, whose device dispatch does not see, and bindings that need a build with CUDA."""

    def __init__(self, gpu: SimulatedGpu) -> None:
        super().__init__()
        self._gpu = gpu

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if kwargs.get("generator") is not None:
            return self._draw(func, args, kwargs)
        if func is torch.Tensor.to:
            return move(*args, **kwargs)
        if func is torch.Tensor.cpu:
            return move(args[0], "cpu")
        if func is torch.Tensor.cuda:
            return move(args[0], "cuda", **kwargs)
        if func is torch.Tensor.copy_ and isinstance(args[0], GpuTensor):
            return args[0].copy_(*args[1:], **kwargs)
        if func in _FACTORIES:
            return _made(func, args, kwargs)
        if kwargs.get("device") is None and _has_gpu_tensor(args):
            with self._gpu.calling():
                return func(*args, **kwargs)
        return func(*args, **kwargs)

    def _draw(self, func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
        device, gpu = kwargs.get("device"), self._gpu
        if device is None:
            tensors = [one for one in args if isinstance(one, torch.Tensor)]
            device = tensors[0].device if tensors else "cpu"
        gpu.rules.check_generator(device, kwargs["generator"])
        before, gpu.drawing_from = gpu.drawing_from, kwargs["generator"]
        try:
            return func(*args, **kwargs)
        finally:
            gpu.drawing_from = before


def _has_gpu_tensor(args: Any) -> bool:
    for value in args:
        if isinstance(value, GpuTensor):
            return True
        if isinstance(value, (list, tuple)) and any(isinstance(one, GpuTensor) for one in value):
            return True
    return False


def _made(func: Any, args: Any, kwargs: dict[str, Any]) -> torch.Tensor:
    """A tensor from Python's numbers: made in host memory, and copied to its device."""
    device = kwargs.pop("device", None)
    if isinstance(args[0], GpuTensor):
        dtype = kwargs.get("dtype") or args[0].dtype
        return move(args[0], device or "cuda", dtype, copy=func is torch.tensor)
    made: torch.Tensor = func(*args, **kwargs)
    return move(made, device) if is_gpu(device) else made
