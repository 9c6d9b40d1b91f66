"""The contract of architectures: pairs of a generator and a discriminator."""

from __future__ import annotations

import abc
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, NamedTuple, Self

from ganbench.components.base import Component
from ganbench.components.data import DataSpec
from ganbench.components.progress import Progress

if TYPE_CHECKING:
    import torch

Task = Literal["unconditional", "class-conditional", "paired-translation", "unpaired-translation"]

#: The discriminator's response to a sample depends on that sample alone (no batch statistics).
PER_SAMPLE_CRITIC = "per-sample-critic"
#: Claimed beside PER_SAMPLE_CRITIC: samples are tied to their batch by a minibatch standard deviation
#: alone (Karras et al. 2018), with which its papers use gradient penalties all the same.
MINIBATCH_STATISTICS = "minibatch-statistics"
#: The discriminator returns a Critique with intermediate features.
CRITIC_FEATURES = "critic-features"
#: The discriminator returns a Critique with class logits.
CRITIC_CLASSES = "critic-classes"
#: The generator has ``with_styles(latents, labels=None) -> (images, styles)``, where the styles are
#: intermediate latents (batch, layers, d) in the graph of the images.
STYLES = "styles"

#: Tasks whose generator starts from images instead of latents.
TRANSLATION: tuple[Task, ...] = ("paired-translation", "unpaired-translation")


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


@dataclass(frozen=True)
class Translation:
    """One batch of a translation task, as the generator's own terms see it.

    :ivar source: (batch, c', h, w) images of the domain ``"a"``.
    :ivar target: (batch, c, h, w) images of the domain ``"b"``; of pairs, those that belong to the
        sources.
    :ivar fake: the sources, translated.
    :ivar back: the targets, translated to the domain ``"a"``; None where the task has one direction.
    :ivar translate: (images, domain) -> the images, translated into that domain.
    """

    source: torch.Tensor
    target: torch.Tensor
    fake: torch.Tensor
    back: torch.Tensor | None
    translate: Callable[[torch.Tensor, str], torch.Tensor]


class Architecture(Component):
    """A pair of networks, built for any data that the design allows.

    :cvar task: what the pair is trained for; may be a property where it depends on the options.
    :cvar fake_pool: how many generated images the discriminator is shown again later; 0 for none
        (Shrivastava et al. 2017, arXiv:1612.07828, section 2.3). May be an option.
    :cvar truncates: whether `truncated` is there.
    """

    truncates: ClassVar[bool] = False

    if not TYPE_CHECKING:
        task = "unconditional"
        fake_pool = 0
    else:

        @property
        def task(self) -> Task:
            """A class variable, or a property."""
            raise NotImplementedError

        @property
        def fake_pool(self) -> int:
            """A class variable, a field or a property."""
            raise NotImplementedError

        @property
        def latent_dim(self) -> int:
            """Length of a latent vector: a field or a property; 0 for translation."""
            raise NotImplementedError

    @abc.abstractmethod
    def build(self, data: DataSpec) -> Networks:
        """Make the networks, initialized from torch's global random state.

        ``generator(latents, labels=None)`` gives float images in [-1, 1], (batch, c, h, w), from
        latents (batch, latent_dim); in training they may go beyond, where the design has no bound
        on its output. ``discriminator(images, labels=None)`` gives logits, any shape
        with the batch first, or a `Critique`.

        For ``paired-translation``, ``generator(source)`` gives the translated images and
        ``discriminator(images, source)`` judges them beside their source. For
        ``unpaired-translation``, ``generator(images, domain="b")`` translates into a domain, ``"a"``
        (the sources) or ``"b"`` (the targets), and ``discriminator(images, domain="b")`` judges images
        of that domain; each module holds both directions.
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
        """(count, latent_dim) latents; standard normal unless a design says otherwise.

        A design that overrides this has other latents: between two of them, ``ganbench sample
        --interpolate`` takes the straight line.
        """
        import torch

        if not isinstance(self.latent_dim, int):
            raise ValueError(
                f"latent_dim={self.latent_dim} has no length without data: call resolve first"
            )
        return torch.randn(count, self.latent_dim, generator=random, device=device)

    def advance(self, network: torch.nn.Module, progress: Progress) -> None:
        """Bring a network to the training's progress: a design that grows sets its stage here.

        Called on the generator, its averaged copy and the discriminator between steps, and before
        sampling. What it sets must follow from ``progress`` alone; `build` gives networks as they are
        when all of the budget is used. It must not wait for the device: write values that the
        networks compute with into buffers, by ``fill_``.
        """

    def real_images(self, images: torch.Tensor, progress: Progress) -> torch.Tensor:
        """Real (batch, c, h, w) images as the discriminator judges them at this progress.

        A design that grows scales them to its stage's size, which its generator then makes in
        training; in evaluation, its generator always makes the data's full size.
        """
        return images

    def before_sampling(
        self,
        generator: torch.nn.Module,
        draw: Callable[[int], tuple[torch.Tensor, torch.Tensor | None]],
    ) -> None:
        """Called under ``no_grad`` before a generator is sampled, as for standing statistics.

        What it does to the generator's buffers lasts for this sampling only.

        :param draw: count -> fresh latents, and labels or None.
        """

    def truncated(
        self,
        generator: torch.nn.Module,
        latents: torch.Tensor,
        labels: torch.Tensor | None,
        truncation: float,
    ) -> torch.Tensor:
        """Images of less variety and higher quality; called if `truncates` says so."""
        raise NotImplementedError(f"{type(self).__name__} has no truncation")

    def generator_terms(self, translation: Translation) -> torch.Tensor:
        """The generator's own terms in a translation task, such as L1 or cycle consistency: a scalar."""
        raise NotImplementedError(f"{type(self).__name__} has no terms of its own")
