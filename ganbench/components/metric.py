"""The contract of metrics: what they read, their columns, and how they compute them."""

from __future__ import annotations

import abc
import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal, get_args

from ganbench.base.errors import BrokenComponentError
from ganbench.components.base import Component
from ganbench.components.column import Column

if TYPE_CHECKING:
    import torch

    from ganbench.components.data import Modes
    from ganbench.components.extractor import FeatureNetwork
    from ganbench.evaluation.moments import Moments

#: What a metric can ask for.
Need = Literal[
    "images",
    "features",
    "held_out",
    "moments",
    "class_logits",
    "labels",
    "pairs",
    "modes",
    "generator",
]
NEEDS: tuple[str, ...] = get_args(Need)


class NotThereError(LookupError):
    """A feature set lacks a part that a metric asked for; the message says why."""


class UndeclaredNeedError(LookupError):
    """A metric reads what its ``needs`` does not name."""


class ChangedSamplesError(BrokenComponentError):
    """A metric changed tensors that other metrics read, so their values would be wrong."""


class FeatureSet:
    """The real or the fake samples for a metric; it gets only the parts that it asks for.

    A fixed choice represents more than 100,000 samples; the moments always cover all samples.
    Everything is in one fixed order, and every tensor that a metric reads is on one `device`. Images
    and pairs wait in the host's memory until then: `batches` brings them to the device in parts.

    :ivar count: samples behind the moments; 0 if the number is not published.
    :ivar size: samples that every other part has.
    :ivar extractor: the network of the features: its ``identity``, ``standard_fid``, ``classifies``.
    :ivar device: where the tensors are.
    """

    def __init__(
        self,
        count: int,
        size: int,
        extractor: FeatureNetwork,
        device: torch.device,
        parts: Mapping[str, Callable[[], Any]],
        missing: Mapping[str, str],
    ) -> None:
        self.count, self.size, self.extractor, self.device = count, size, extractor, device
        self._parts, self._missing = parts, missing
        self._reader = ""
        self._allowed = frozenset(NEEDS)
        self._versions = Versions()

    def __len__(self) -> int:
        return self.size

    @property
    def images(self) -> torch.Tensor:
        """(n, c, h, w) uint8, or float32 points."""
        return self._tensor("images")

    @property
    def features(self) -> torch.Tensor:
        """(n, d) float32."""
        return self._tensor("features")

    @property
    def held_out(self) -> torch.Tensor:
        """(m, d) float32 features of the test split, which no model was trained with."""
        return self._tensor("held_out")

    @property
    def moments(self) -> Moments:
        """Mean and covariance of the features of all samples, fp64."""
        moments: Moments = self._get("moments")
        return moments

    @property
    def class_logits(self) -> torch.Tensor:
        """(n, classes) logits of the extractor."""
        return self._tensor("class_logits")

    @property
    def labels(self) -> torch.Tensor:
        """(n,) classes: the true ones of real samples, the requested ones of fake samples."""
        return self._tensor("labels")

    @property
    def pairs(self) -> torch.Tensor:
        """(n, c, h, w) uint8: for each translated image, the true target."""
        return self._tensor("pairs")

    @property
    def modes(self) -> Modes:
        """The modes of the mixture from which the real samples are drawn."""
        modes: Modes = self._get("modes")
        return modes

    @property
    def generator(self) -> Callable[..., torch.Tensor]:
        """(latents, labels=None) -> float32 images in [-1, 1], in evaluation mode."""
        generator: Callable[..., torch.Tensor] = self._get("generator")
        return generator

    def batches(self, need: Need, size: int = 256) -> Iterator[torch.Tensor]:
        """A tensor in parts of ``size`` samples on the device: for images that may not fit there."""
        for part in self.stored(need).split(size):
            yield self._moved(part)

    def stored(self, need: Need) -> torch.Tensor:
        """A tensor where it waits: images and pairs in the host's memory, others on the device."""
        found: torch.Tensor = self._get(need)
        self._versions.note(need, found)
        return found

    def lacks(self, need: str) -> str | None:
        """Why this part is missing; None if it is there."""
        if need in self._parts:
            return None
        return self._missing.get(need, f"the samples have no {need.replace('_', ' ')}")

    def only(self, needs: tuple[str, ...], reader: str) -> FeatureSet:
        """The same samples, restricted to the parts that a reader may read."""
        view = copy.copy(self)
        view._reader, view._allowed, view._versions = reader, frozenset(needs), Versions()
        return view

    def changed(self) -> list[str]:
        """The parts that a reader has written to."""
        return self._versions.changed()

    def _tensor(self, need: Need) -> torch.Tensor:
        return self._moved(self.stored(need))

    def _moved(self, tensor: torch.Tensor) -> torch.Tensor:
        from ganbench.base.transfers import to_device

        return to_device(tensor, self.device)

    def _get(self, need: str) -> Any:
        if need not in self._allowed:
            raise UndeclaredNeedError(
                f"{self._reader} reads {need!r}, but its needs do not name it; write needs = "
                f"({', '.join(repr(n) for n in NEEDS if n in self._allowed | {need})},)"
            )
        reason = self.lacks(need)
        if reason is not None:
            raise NotThereError(reason)
        return self._parts[need]()


class Versions:
    """Notice writes into tensors by the counter that torch keeps, which costs nothing to read."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[torch.Tensor, int]] = {}

    def note(self, name: str, tensor: torch.Tensor) -> None:
        """Look at a tensor before others get it."""
        if not tensor.is_inference():  # torch does not count writes into these
            self._seen.setdefault(name, (tensor, tensor._version))

    def changed(self) -> list[str]:
        """The names of tensors with writes since `note`."""
        return [name for name, (tensor, then) in self._seen.items() if tensor._version != then]


@dataclass(frozen=True)
class Measured:
    """The values of one metric, and the settings that decide them.

    :ivar values: column -> value; NaN for a value that is not defined.
    :ivar details: the settings that decide the values, in JSON's types.
    :ivar note: the same in a few words, for a table.
    :ivar reason: why the values are missing, or empty.
    :ivar warnings: sentences to show with the values.
    """

    values: Mapping[str, float]
    details: Mapping[str, Any] = field(default_factory=dict)
    note: str = ""
    reason: str = ""
    warnings: tuple[str, ...] = ()


class Metric(Component):
    """Measures fake samples, mostly against real ones.

    :cvar needs: the parts of the feature sets that it reads: ``images``, ``features``, ``held_out``,
        ``moments``, ``class_logits``, ``labels``, ``pairs``, ``modes``, ``generator``.
    :cvar optional: the needs that may be missing.
    :cvar columns: the names and the meaning of its numbers.
    :cvar every_tick: whether it is computed at every tick, or only at the end of a trial.
    :cvar default: whether an evaluation includes it by default; for ganbench's own metrics only.
    """

    needs: ClassVar[tuple[str, ...]] = ()
    optional: ClassVar[tuple[str, ...]] = ()
    columns: ClassVar[tuple[Column, ...]] = ()
    every_tick: ClassVar[bool] = True
    default: ClassVar[bool] = False

    @property
    def compares(self) -> bool:
        """Whether it looks at real samples, that is, has a `reference`."""
        return type(self).reference is not Metric.reference

    def reference(self, real: FeatureSet) -> Mapping[str, torch.Tensor]:
        """The tensors that it needs from the real samples; cached by content, extractor and options.

        Tensors of the feature set itself, such as ``real.features``, are not stored twice.
        """
        return {}

    @abc.abstractmethod
    def compute(
        self, fake: FeatureSet, reference: Mapping[str, torch.Tensor]
    ) -> Mapping[str, float] | Measured:
        """The value of every column; NaN for a value that is not defined.

        Return a `Measured` to add details, or the reason for missing values.
        """
