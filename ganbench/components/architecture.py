"""The contract of architectures: pairs of a generator and a discriminator."""

from __future__ import annotations

import abc
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, NamedTuple, Self

from ganbench.components.base import Component
from ganbench.components.data import DataSpec

if TYPE_CHECKING:
    import torch

Task = Literal["unconditional", "class-conditional", "paired-translation", "unpaired-translation"]

#: The discriminator's response to a sample depends on that sample alone (no batch statistics).
PER_SAMPLE_CRITIC = "per-sample-critic"
#: The discriminator returns a Critique with intermediate features.
CRITIC_FEATURES = "critic-features"
#: The discriminator returns a Critique with class logits.
CRITIC_CLASSES = "critic-classes"


class Networks(NamedTuple):
    """What an architecture builds; see `Architecture.build` for the signatures."""

    generator: torch.nn.Module
    discriminator: torch.nn.Module


@dataclass(frozen=True)
class Critique:
    """What a discriminator may return instead of bare logits.

    :ivar logits: any shape with the batch first.
    :ivar features: (batch, d), for losses that compare features.
    :ivar class_logits: (batch, classes), for auxiliary classifiers.
    """

    logits: torch.Tensor
    features: torch.Tensor | None = None
    class_logits: torch.Tensor | None = None


class Architecture(Component):
    """A pair of networks, built for any data that the design allows.

    :cvar task: what the pair is trained for.
    """

    task: ClassVar[Task] = "unconditional"

    if TYPE_CHECKING:

        @property
        def latent_dim(self) -> int:
            """Length of a latent vector: a field or a property."""

    @abc.abstractmethod
    def build(self, data: DataSpec) -> Networks:
        """Make the networks, initialized from torch's global random state.

        ``generator(latents, labels=None)`` gives float images in [-1, 1], (batch, c, h, w), from
        latents (batch, latent_dim). ``discriminator(images, labels=None)`` gives logits, any shape
        with the batch first, or a `Critique`.
        """

    def problem(self, data: DataSpec) -> str | None:
        """Why the design cannot make such data, with a way out; None if it can."""
        return None

    def capabilities(self, data: DataSpec) -> frozenset[str]:
        """What losses, regularizers and augmentations may rely on, such as ``per-sample-critic``.

        The default claims `PER_SAMPLE_CRITIC`; an architecture whose discriminator uses batch
        statistics must not. A trial checks the claim on the built network.
        """
        return frozenset({PER_SAMPLE_CRITIC})

    def advice(self, capability: str) -> str:
        """How to choose options so that the capability is there; empty if none do."""
        return ""

    def resolve(self, needs: frozenset[str], data: DataSpec) -> Self:
        """The architecture with options such as ``"auto"`` settled for a cell that has ``needs``."""
        return self

    def sample_latents(
        self, count: int, random: torch.Generator, device: torch.device
    ) -> torch.Tensor:
        """(count, latent_dim) latents; standard normal unless a design says otherwise."""
        import torch

        return torch.randn(count, self.latent_dim, generator=random, device=device)
