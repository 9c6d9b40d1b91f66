"""Per-step measurements, kept on the device and read by the host only between stretches of steps."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import torch

#: What is measured in every step; of several discriminator updates, the last.
MEASURES = ("d_loss", "g_loss", "d_auc", "d_grad_norm", "g_grad_norm")
_CHUNK = 1024
_PAIRS = 512 * 512


class StepSeries:
    """A (steps, measures) table that grows on the device in chunks and moves to the host on request."""

    def __init__(self, device: torch.device) -> None:
        self._chunk = torch.empty(_CHUNK, len(MEASURES), device=device)
        self._filled = 0
        self._read: list[npt.NDArray[np.float32]] = []

    @property
    def steps(self) -> int:
        """Steps recorded so far."""
        return sum(map(len, self._read)) + self._filled

    def append(self, values: list[torch.Tensor]) -> None:
        """Record one step: scalars in the order of `MEASURES`."""
        torch.stack(values, out=self._next())

    def append_row(self, row: torch.Tensor) -> None:
        """Record one step: (measures,) in the order of `MEASURES`."""
        self._next().copy_(row)

    def _next(self) -> torch.Tensor:
        if self._filled == len(self._chunk):
            self.flush()
        self._filled += 1
        return self._chunk[self._filled - 1]

    def flush(self) -> None:
        """Move the device's rows to the host; waits for the device."""
        if self._filled:
            self._read.append(self._chunk[: self._filled].to("cpu", copy=True).numpy())
            self._filled = 0

    def table(self) -> npt.NDArray[np.float32]:
        """(steps, measures), everything so far."""
        self.flush()
        if len(self._read) != 1:
            self._read = [
                np.concatenate(self._read)
                if self._read
                else np.empty((0, len(MEASURES)), dtype=np.float32)
            ]
        return self._read[0]

    def column(self, name: str) -> npt.NDArray[np.float32]:
        """One measure over all steps."""
        return self.table()[:, MEASURES.index(name)]

    def restore(self, table: torch.Tensor) -> None:
        """Go on after the steps of a checkpoint."""
        self._filled = 0
        self._read = [table.cpu().numpy().astype(np.float32)]

    def clear(self) -> None:
        """Forget all steps."""
        self._filled, self._read = 0, []

    def means(self, start: int) -> dict[str, float]:
        """The mean of every measure over the steps from ``start`` on; NaN without steps."""
        part = self.table()[start:].astype(np.float64)
        means = part.mean(axis=0).tolist() if len(part) else [math.nan] * len(MEASURES)
        return dict(zip(MEASURES, means, strict=True))

    def first_nonfinite(self) -> int | None:
        """Index of the first step with a non-finite measure, or None."""
        bad = ~np.isfinite(self.table()).all(axis=1)
        return int(bad.argmax()) if bad.any() else None

    def nonfinite(self, step: int) -> list[str]:
        """The measures of a step that are not finite; empty for a step that was not recorded."""
        values = self.table()[step] if 0 <= step < self.steps else []
        return [
            name for name, value in zip(MEASURES, values, strict=False) if not np.isfinite(value)
        ]


def batch_auc(real: torch.Tensor, fake: torch.Tensor) -> torch.Tensor:
    """The probability that a real logit beats a fake one; ties count half.

    Independent of the loss and of any threshold. Logits with several values for a sample, as a
    patch discriminator gives, are averaged for each sample first.
    """
    a, b = _by_sample(real), _by_sample(fake)
    if len(a) * len(b) <= _PAIRS:
        return 0.5 * (a[:, None] > b).float().add_(a[:, None] >= b).mean()
    # By rank: a table of all pairs of a large batch could be larger than the networks.
    ordered = b.sort().values
    below = torch.searchsorted(ordered, a) + torch.searchsorted(ordered, a, right=True)
    return 0.5 * below.float().mean() / len(b)


def _by_sample(logits: torch.Tensor) -> torch.Tensor:
    logits = logits.detach()
    return logits if logits.ndim == 1 else logits.flatten(1).mean(1)
