"""Where data that fits in memory lies: on the GPU if it leaves enough room there, else in the host's."""

from __future__ import annotations

import torch

from ganbench.components.data import ImageData

#: The largest part of the memory left to a trial that its data may take; the rest is for networks,
#: activations and features.
DATA_SHARE = 0.5


def placed(data: ImageData, device: torch.device, share: float = 1.0) -> tuple[ImageData, str]:
    """The data on the device, or on the CPU if it would leave too little room there.

    Training from either gives the same bits: a batch is a gather of uint8 samples.

    :param share: the trial's share of the device, above 0, up to 1.
    :returns: the data, and a sentence if it lies elsewhere than on the device.
    """
    if device.type != "cuda":
        return data.to(device), ""
    room, needed = _room(device, share), _bytes(data)
    if needed <= room:
        try:
            return data.to(device), ""
        except torch.OutOfMemoryError:  # another process was faster
            room = 0
    return data.to(torch.device("cpu")), (
        f"{_gib(needed)} GiB of samples stay in the host's memory: there is room for {_gib(room)} GiB "
        "of them on the GPU; every batch is copied there, which may take longer"
    )


def _room(device: torch.device, share: float) -> int:
    """Bytes that data may take now."""
    free, total = torch.cuda.mem_get_info(device)
    taken = torch.cuda.memory_allocated(device)
    # What PyTorch keeps for later use is free for this process.
    free += torch.cuda.memory_reserved(device) - taken
    return max(0, int(DATA_SHARE * min(free, share * total - taken)))


def _bytes(data: ImageData) -> int:
    tensors = (data.images, data.labels, data.sources)
    return sum(one.numel() * one.element_size() for one in tensors if one is not None)


def _gib(count: int) -> str:
    return f"{count / 2**30:.1f}"
