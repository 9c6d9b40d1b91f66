"""The contract of architectures: pairs of a generator and a discriminator."""

from __future__ import annotations

import abc
from collections.abc import Callable, Hashable
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
#: Claimed with PER_SAMPLE_CRITIC: a minibatch standard deviation (Karras et al. 2018) is the only tie
#: between a sample and its batch. The papers that have it use gradient penalties nevertheless.
MINIBATCH_STATISTICS = "minibatch-statistics"
#: The discriminator returns a Critique with intermediate features.
CRITIC_FEATURES = "critic-features"
#: The discriminator returns a Critique with class logits.
CRITIC_CLASSES = "critic-classes"
#: The generator has ``with_styles(latents, labels=None) -> (images, styles)``, where the styles are
#: intermediate latents (batch, layers, d) in the graph of the images.
STYLES = "styles"

#: Pixels of the images in one sampling pass, unless a design asks for fewer: 512 images of 32x32,
#: 128 of 64x64, 8 of 256x256.
SAMPLING_PIXELS = 2**19

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
    """One batch of a translation task, for the generator's own terms.

    :ivar source: (batch, c', h, w) images of the domain ``"a"``.
    :ivar target: (batch, c, h, w) images of the domain ``"b"``; in pairs, the targets of the sources.
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

    :cvar task: the task of the pair; may be a property if it depends on the options.
    :cvar fake_pool: number of earlier generated images that the discriminator may see again; 0 for none
        (Shrivastava et al. 2017, arXiv:1612.07828, section 2.3). May be an option.
    :cvar truncates: whether the design implements `truncated`.
    :cvar synchronized_statistics: whether batch norm takes its statistics over the batches of all
        replicas of a trial, so that results do not depend on their number. If not, each has its own.
    :cvar sampling_pixels: the most pixels of the images that an evaluation or ``ganbench sample`` makes
        in one pass; may be a property. A design whose pass needs more than a few GiB names a smaller
        number. It decides which latents go together, so it must not depend on the device.
    :cvar capturable: whether a step with it can be replayed as one CUDA graph: False if it keeps
        something between steps outside of tensors, or reads a tensor's value; None to find out. A
        graph is compared with steps without one before it is used, whatever the component says.
    """

    truncates: ClassVar[bool] = False
    synchronized_statistics: ClassVar[bool] = True
    capturable: ClassVar[bool | None] = None

    if not TYPE_CHECKING:
        task = "unconditional"
        fake_pool = 0
        sampling_pixels = SAMPLING_PIXELS
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
        def sampling_pixels(self) -> int:
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
        latents (batch, latent_dim); in training they may exceed that range if the design does not
        bound its output. ``discriminator(images, labels=None)`` gives logits, any shape
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

    def check_data(self, data: DataSpec) -> None:
        """Raise ValueError for data that the design cannot make, see `problem`."""
        problem = self.problem(data)
        if problem:
            raise ValueError(problem)

    def capabilities(self, data: DataSpec) -> frozenset[str]:
        """What losses, regularizers and augmentations may require, such as ``per-sample-critic``.

        The default claims `PER_SAMPLE_CRITIC`; an architecture whose discriminator uses batch
        statistics must not. A trial checks the claim on the built network.
        """
        return frozenset({PER_SAMPLE_CRITIC})

    def advice(self, capability: str) -> str:
        """Which options give the capability; empty if no options do."""
        return ""

    def resolve(self, needs: frozenset[str], data: DataSpec) -> Self:
        """The architecture with options such as ``"auto"`` resolved for a cell that has ``needs``."""
        return self

    def sample_latents(
        self, count: int, random: torch.Generator, device: torch.device
    ) -> torch.Tensor:
        """(count, latent_dim) latents; standard normal unless a design says otherwise.

        Training draws them on its own device. Evaluations and ``ganbench sample`` draw them on the
        CPU, so that every device gets the same.

        If a design overrides this, ``ganbench sample --interpolate`` goes along a straight line
        between two latents.
        """
        import torch

        if not isinstance(self.latent_dim, int):
            raise ValueError(f"latent_dim={self.latent_dim} is not resolved: call resolve first")
        return torch.randn(count, self.latent_dim, generator=random, device=device)

    def advance(self, network: torch.nn.Module, progress: Progress) -> None:
        """Set a network to the training's progress: a design that grows sets its stage here.

        Called on the generator, its averaged copy and the discriminator between steps, and before
        sampling. It must depend on ``progress`` alone; `build` gives the networks of the end of the
        training. It must not wait for the device: write values that the networks compute with into
        buffers, by ``fill_``.
        """

    def real_images(self, images: torch.Tensor, progress: Progress) -> torch.Tensor:
        """Real (batch, c, h, w) images as the discriminator judges them at this progress.

        A design that grows scales them to its stage's size, which its generator then makes in
        training; in evaluation, its generator always makes the data's full size.
        """
        return images

    def judged_images(
        self, images: torch.Tensor, discriminator: torch.nn.Module, progress: Progress
    ) -> torch.Tensor:
        """`real_images` within a step, for a discriminator that `advance` has set.

        A design whose images change with the progress, and not only with the stage, overrides this
        and reads the value from a buffer of the discriminator: a step that is replayed as a CUDA graph
        then sees it change.
        """
        return self.real_images(images, progress)

    def variant(self, data: DataSpec, progress: Progress) -> Hashable:
        """What the operations of a step depend on at this progress, such as a stage of growth.

        Steps of one variant do the same operations on tensors of the same shapes; values that differ
        between them are in tensors. Each variant is recorded once.
        """
        return None

    def before_sampling(
        self,
        generator: torch.nn.Module,
        draw: Callable[[int], tuple[torch.Tensor, torch.Tensor | None]],
    ) -> None:
        """Called under ``no_grad`` before a generator is sampled, as for standing statistics.

        The generator's buffers are restored after the sampling.

        :param draw: count -> fresh latents, and labels or None.
        """

    def truncated(
        self,
        generator: torch.nn.Module,
        latents: torch.Tensor,
        labels: torch.Tensor | None,
        truncation: float,
    ) -> torch.Tensor:
        """Images of less variety and higher quality; called if `truncates` is true."""
        raise NotImplementedError(f"{type(self).__name__} has no truncation")

    def generator_terms(self, translation: Translation) -> torch.Tensor:
        """The generator's own terms in a translation task, such as L1 or cycle consistency: a scalar."""
        raise NotImplementedError(f"{type(self).__name__} has no generator terms")


def image_problem(name: str, data: DataSpec, smallest: int, largest: int) -> str | None:
    """Why a design for images of some sizes, square or not, cannot make such data; None if it can.

    :param name: of the architecture, for the message.
    :param smallest: pixels of the shorter side; likewise ``largest`` of the longer one.
    """
    if data.height == data.width or data.kind == "points":
        return square_problem(name, data, smallest, largest)
    if min(data.height, data.width) < smallest or max(data.height, data.width) > largest:
        return (
            f"{name} makes images of {smallest} to {largest} pixels a side, not {data}: resize them"
        )
    return None


def square_problem(name: str, data: DataSpec, smallest: int, largest: int) -> str | None:
    """Why a design for square images of some sizes cannot make such data; None if it can.

    :param name: of the architecture, for the message.
    :param smallest: pixels a side; likewise ``largest``.
    """
    if data.kind == "points":
        return f"{name} makes images, not {data}: use mlp for points"
    if data.height != data.width:
        return f"{name} makes square images, not {data}: crop or resize them to a square"
    if not smallest <= data.height <= largest:
        return (
            f"{name} makes images of {smallest} to {largest} pixels a side, not {data}: resize them"
        )
    return None
