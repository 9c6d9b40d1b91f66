"""How many CPU threads suit a trial: small networks are faster on one."""

from __future__ import annotations

import torch
from torch.utils.flop_counter import FlopCounterMode

from ganbench.components.architecture import TRANSLATION, Architecture
from ganbench.components.data import DataSpec
from ganbench.grid.cell import Cell
from ganbench.training.critic import call_with_labels

#: Forward operations of a batch that are worth a thread. With less, threads wait for each other longer
#: than they compute: on two cores, 0.14e9 (mlp on MNIST) gain nothing, 4.4e9 (dcgan on MNIST) do.
FLOPS = 1e9
_IMAGES = 2  # in the batch that is counted


def suitable_threads(cell: Cell, most: int) -> int:
    """A thread for each `FLOPS` of a batch, at least 1 and at most ``most``.

    The count depends on the cell alone, so equal cells have equal threads on every machine that has
    them. Networks whose operations cannot be counted get one thread.
    """
    if most <= 1:
        return 1
    assert cell.data is not None
    try:
        with torch.random.fork_rng(devices=[]):
            flops = _flops(cell.architecture.component, cell.data) / _IMAGES
    except Exception:  # of third-party code; the trial's row will say it
        return 1
    return max(1, min(most, int(flops * cell.training.settings.batch_size / FLOPS)))


def _flops(architecture: Architecture, data: DataSpec) -> int:
    """Of the generator and the discriminator on a small batch; of a translation, of the generator."""
    networks = architecture.build(data)
    with FlopCounterMode(display=False) as counted:
        if architecture.task in TRANSLATION:
            networks.generator(torch.zeros(_IMAGES, *data.source.shape))
        else:
            conditional = architecture.task == "class-conditional"
            labels = torch.zeros(_IMAGES, dtype=torch.long) if conditional else None
            random = torch.Generator().manual_seed(0)
            latents = architecture.sample_latents(_IMAGES, random, torch.device("cpu"))
            images = call_with_labels(networks.generator, latents, labels)
            assert isinstance(images, torch.Tensor)
            call_with_labels(networks.discriminator, images, labels)
    return int(counted.get_total_flops())
