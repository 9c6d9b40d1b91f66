"""The networks as the training step calls them: as they are, or compiled."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch

from ganbench.base.errors import GanbenchError, one_line
from ganbench.base.text import joined
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

    :param note: why they are not compiled, where somebody asked for it.
    :ivar compiled: whether they are compiled.
    """

    def __init__(
        self,
        networks: Networks,
        compiled: bool = False,
        penalties: Iterable[Regularizer] = (),
        note: str | None = None,
    ) -> None:
        self._networks, self._note = networks, note
        self.compiled = compiled
        self._plain_for: dict[str, None] = {}
        self.generator: Callable[..., Any] = networks.generator
        self.discriminator: Callable[..., Any] = networks.discriminator
        if compiled:
            self.generator = torch.compile(networks.generator, dynamic=False)
            self.discriminator = torch.compile(networks.discriminator, dynamic=False)
            sides = sorted({side for penalty in penalties for side in penalty.differentiates})
            if sides:
                images = f"{joined(sides)} images whose logits a penalty differentiates"
                self._plain_for[images] = None

    @property
    def note(self) -> str | None:
        """What is not compiled, and why; None if there is nothing to say."""
        if not self._plain_for:
            return self._note
        return f"the discriminator is not compiled for {joined([*self._plain_for])}"

    def judged_plainly(self) -> None:
        """A penalty has the module itself judge images of its own, as that of WGAN-GP does."""
        if self.compiled:
            self._plain_for["images that a penalty makes"] = None

    def plain(self) -> None:
        """Call the modules as they are."""
        self.compiled = False
        self.generator, self.discriminator = self._networks
