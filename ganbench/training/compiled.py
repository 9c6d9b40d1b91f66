"""The networks as the training step calls them: as they are, or compiled."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch

from ganbench.base.errors import GanbenchError, one_line
from ganbench.components.architecture import Networks
from ganbench.components.regularizer import Regularizer


class CannotCompileError(GanbenchError):
    """Networks that `torch.compile` refuses. Uncompiled ones would give other bits under the same id."""

    def __init__(self, error: BaseException) -> None:
        # PyTorch goes on with advice on its own switches, which says nothing about the cause.
        cause = one_line(error).split(" Set TORCHDYNAMO_VERBOSE", 1)[0]
        super().__init__(
            f"torch.compile cannot compile the networks ({cause}): set training.compile=false"
        )


class Calls:
    """The two networks, where nothing is differentiated twice.

    Where a penalty differentiates a gradient, the step calls the module itself: compiled code has no
    second derivative.

    :ivar compiled: whether they are compiled.
    :ivar note: what is not compiled, and why; None if there is nothing to say.
    """

    def __init__(
        self, networks: Networks, compiled: bool = False, penalties: Iterable[Regularizer] = ()
    ) -> None:
        self._networks = networks
        self.compiled, self.note = compiled, None
        self.generator: Callable[..., Any] = networks.generator
        self.discriminator: Callable[..., Any] = networks.discriminator
        if compiled:
            self.generator = torch.compile(networks.generator, dynamic=False)
            self.discriminator = torch.compile(networks.discriminator, dynamic=False)
            self.note = _note(penalties)

    def plain(self) -> None:
        """Call the modules as they are."""
        self.compiled = False
        self.generator, self.discriminator = self._networks


def _note(penalties: Iterable[Regularizer]) -> str | None:
    sides = sorted({side for penalty in penalties for side in penalty.differentiates})
    if not sides:
        return None
    images = " and ".join(sides)
    return f"the discriminator is not compiled for {images} images whose logits a penalty differentiates"
