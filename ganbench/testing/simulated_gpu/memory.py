"""The memory of the simulated GPU: what is allocated, and which host memory is pinned."""

from __future__ import annotations

import weakref

import torch

_BLOCK = 512  # bytes; PyTorch's allocator rounds up to it


class Memory:
    """Counts the storages that lie on the device, as `torch.cuda.memory_allocated` does.

    :ivar total: bytes of the device.
    :ivar fraction: the share of it that the process may use.
    :ivar used: bytes allocated now.
    :ivar peak: the most since `reset_peak`.
    """

    def __init__(self, total: int) -> None:
        self.total, self.fraction = total, 1.0
        self.used = self.peak = 0
        self._held: dict[int, weakref.ref[torch.UntypedStorage]] = {}

    @property
    def limit(self) -> int:
        """The most bytes that the process may use."""
        return int(self.total * self.fraction)

    def hold(self, storage: torch.UntypedStorage) -> None:
        """Count a storage until it is freed.

        :raises torch.OutOfMemoryError: if it does not fit.
        """
        key = storage._cdata
        if key in self._held:
            return
        size = -(-storage.nbytes() // _BLOCK) * _BLOCK
        if self.used + size > self.limit:
            raise self.out_of_memory(size)

        def release(_: object) -> None:
            del self._held[key]
            self.used -= size

        self._held[key] = weakref.ref(storage, release)
        self.used += size
        self.peak = max(self.peak, self.used)

    def reset_peak(self) -> None:
        """Start a new measurement of the peak."""
        self.peak = self.used

    def out_of_memory(self, size: float) -> torch.OutOfMemoryError:
        """PyTorch's error for ``size`` bytes that do not fit."""
        gib = 2**30
        return torch.OutOfMemoryError(
            f"CUDA out of memory. Tried to allocate {size / gib:.2f} GiB. GPU 0 has a total capacity "
            f"of {self.total / gib:.2f} GiB of which {(self.limit - self.used) / gib:.2f} GiB is free."
        )


class PinnedMemory:
    """Host tensors from which the GPU copies without a wait of the host."""

    def __init__(self) -> None:
        self._storages: dict[int, weakref.ref[torch.UntypedStorage]] = {}

    def pin(self, tensor: torch.Tensor) -> torch.Tensor:
        """Note that a CPU tensor's memory is pinned; returns the tensor."""
        storage = tensor.untyped_storage()
        key = storage._cdata
        self._storages[key] = weakref.ref(storage, lambda _: self._storages.pop(key, None))
        return tensor

    def __contains__(self, tensor: torch.Tensor) -> bool:
        return tensor.untyped_storage()._cdata in self._storages
