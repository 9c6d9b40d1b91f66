"""The contract of feature extractors: metrics compute on their features."""

from __future__ import annotations

import abc
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple

from ganbench.base.paths import data_root
from ganbench.components.base import Component
from ganbench.components.data import DataSpec, ImageData

if TYPE_CHECKING:
    import torch


class Features(NamedTuple):
    """One batch's features: ``features`` (batch, d) float32; ``logits`` (batch, classes) or None."""

    features: torch.Tensor
    logits: torch.Tensor | None = None


@dataclass(frozen=True)
class FeatureNetwork:
    """A ready extractor.

    :ivar identity: name and content of the network, such as ``small-cnn@5d41402a``: two networks
        with equal identities give equal features.
    :ivar forward: uint8 images (batch, c, h, w), or float32 points, to `Features`.
    :ivar batch_size: images for one pass.
    :ivar standard_fid: whether this is the network of the standard FID, with its published weights;
        only then are the columns ``fid`` and ``is_*`` filled.
    :ivar classifies: whether the logits are over the data set's own classes, in their order.
    :ivar info: facts to record. A network that was trained on the data set's classes states its
        held-out ``test_accuracy`` and the ``majority_rate`` of always naming the most frequent class
        there, both 0 to 1: features that are hardly better are named as too weak to rank generators.
    :ivar faster: makes the same network arranged for speed, whose features may differ in their last
        bits; None if nothing can be gained.
    :ivar arithmetic: ``tf32`` lets a GPU round the inputs of products to 10 bits (TensorFloat-32). The
        identity of such a network must differ from that of the same network in ``fp32``.
    """

    identity: str
    forward: Callable[[torch.Tensor], Features]
    batch_size: int = 256
    standard_fid: bool = False
    classifies: bool = False
    info: Mapping[str, Any] = field(default_factory=dict)
    faster: Callable[[], FeatureNetwork] | None = None
    arithmetic: Literal["fp32", "tf32"] = "fp32"


@dataclass(frozen=True)
class ExtractorContext:
    """What an extractor may use in `Extractor.prepare`.

    :ivar data: the shape of the samples.
    :ivar load: split -> ImageData of the trial's data set.
    :ivar dataset_key: a hash of the training split's content.
    :ivar cache: a folder that outlives the process, for weights and trained classifiers.
    :ivar device: of the network.
    :ivar log: shows a progress message.
    :ivar root: the data folder, as in `Dataset.load`.
    """

    data: DataSpec
    load: Callable[[str], ImageData]
    dataset_key: str
    cache: Path
    device: torch.device
    log: Callable[[str], None]
    root: Path = field(default_factory=data_root)


class Extractor(Component):
    """Turns samples into feature vectors.

    :cvar resizes: whether the network resizes images itself; other networks take one size only.
    :cvar fallback: the spec of the extractor that ``auto`` takes if this one's weights are not
        available; empty for no fallback.
    """

    resizes: ClassVar[bool] = False
    fallback: ClassVar[str] = ""

    def problem(self, data: DataSpec) -> str | None:
        """Why the network cannot take such data, with a way out; None if it can."""
        return None

    def missing(self, root: Path, cache: Path, log: Callable[[str], None]) -> str | None:
        """Why the weights are not available, with a way out; None if `prepare` will find them.

        Before a run begins, it calls this once for an extractor that has a fallback or is one. The
        method may download the weights, and gives up within seconds if no server answers.

        :param root: the data folder, as in `Dataset.load`.
        :param cache: the folder of weights, as in `ExtractorContext`.
        :param log: shows a progress message.
        """
        return None

    @abc.abstractmethod
    def prepare(self, context: ExtractorContext) -> FeatureNetwork:
        """Get the network ready: find, download or train its weights.

        :raises DataNotFoundError: if the weights are not available; says which file to put where.
        """

    def made_up(self, context: ExtractorContext) -> FeatureNetwork | None:
        """The network with made-up weights, as fast as with its own; None if it has none.

        Features mean nothing then. `ganbench selftest` measures speed and memory with it where the
        weights are missing.
        """
        return None
