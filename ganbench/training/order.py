"""The order of a trial's samples."""

from __future__ import annotations

import torch

from ganbench.training.streams import derive_seed


class Order:
    """An endless shuffled order of n samples: epoch after epoch, a fresh permutation for each.

    The k-th batch follows from the seed alone, so that a position is a single number.
    """

    def __init__(self, samples: int, seed: int) -> None:
        self.samples = samples
        self.seed = seed
        self._epoch = -1
        self._permutation = torch.empty(0, dtype=torch.int64)

    def indices(self, start: int, count: int) -> torch.Tensor:
        """(count,) indices at positions start, start + 1, … of the order, on the CPU."""
        epoch, offset = divmod(start, self.samples)
        part = self._epoch_order(epoch)[offset : offset + count]
        if len(part) == count:
            return part
        return torch.cat([part, self.indices(start + len(part), count - len(part))])

    def _epoch_order(self, epoch: int) -> torch.Tensor:
        if epoch != self._epoch:
            generator = torch.Generator().manual_seed(derive_seed(self.seed, "order", epoch))
            self._permutation = torch.randperm(self.samples, generator=generator)
            self._epoch = epoch
        return self._permutation
