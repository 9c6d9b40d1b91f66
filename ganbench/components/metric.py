"""The contract of metrics: what they need, what they call their numbers, how they compute them."""

from __future__ import annotations

import abc
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal, get_args

from ganbench.components.base import Component
from ganbench.components.column import Column
from ganbench.errors import BrokenComponentError

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
    """A feature set lacks what a metric asked for; the message says why."""


class UndeclaredNeedError(LookupError):
    """A metric reads what its ``needs`` does not name."""


class ChangedSamplesError(BrokenComponentError):
    """A metric changed tensors that others read: what they would find now is wrong."""


class FeatureSet:
    """The real or the fake samples as a metric sees them; what it did not ask for is refused.

    Of many samples (over 100,000), a choice that is the same for ever stands for all; the moments are
    always those of all. Everything is in one fixed order and on one `device`.

    :ivar count: samples behind the moments; 0 where that is not published.
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
        """(m, d) float32 features of real samples that no model was trained with: the test split."""
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
        """(n,) classes: of real samples their own, of fake ones those that were asked for."""
        return self._tensor("labels")

    @property
    def pairs(self) -> torch.Tensor:
        """(n, c, h, w) uint8: for each translated image, the right one."""
        return self._tensor("pairs")

    @property
    def modes(self) -> Modes:
        """The modes of the mixture that the real samples are drawn from."""
        modes: Modes = self._get("modes")
        return modes

    @property
    def generator(self) -> Callable[..., torch.Tensor]:
        """(latents, labels=None) -> float32 images in [-1, 1], in evaluation mode."""
        generator: Callable[..., torch.Tensor] = self._get("generator")
        return generator

    def lacks(self, need: str) -> str | None:
        """Why this part is not there; None if it is."""
        if need in self._parts:
            return None
        return self._missing.get(need, f"there are no {need.replace('_', ' ')}")

    def only(self, needs: tuple[str, ...], reader: str) -> FeatureSet:
        """The same samples, for a reader who may read these parts."""
        view = FeatureSet(
            self.count, self.size, self.extractor, self.device, self._parts, self._missing
        )
        view._reader, view._allowed = reader, frozenset(needs)
        return view

    def changed(self) -> list[str]:
        """The parts that were read from here and written to since."""
        return self._versions.changed()

    def _tensor(self, need: str) -> torch.Tensor:
        found: torch.Tensor = self._get(need)
        self._versions.note(need, found)
        return found

    def _get(self, need: str) -> Any:
        if need not in self._allowed:
            raise UndeclaredNeedError(
                f"{self._reader} reads {need!r}, which its needs do not name; write needs = "
                f"({', '.join(repr(n) for n in NEEDS if n in self._allowed | {need})},)"
            )
        reason = self.lacks(need)
        if reason is not None:
            raise NotThereError(reason)
        return self._parts[need]()


class Versions:
    """Notices what torch writes into tensors: it counts that, which costs nothing to read."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[torch.Tensor, int]] = {}

    def note(self, name: str, tensor: torch.Tensor) -> None:
        """Look at a tensor before others get it."""
        if not tensor.is_inference():  # such ones are not counted
            self._seen.setdefault(name, (tensor, tensor._version))

    def changed(self) -> list[str]:
        """The names of those that were written to since."""
        return [name for name, (tensor, then) in self._seen.items() if tensor._version != then]


@dataclass(frozen=True)
class Measured:
    """The values of one metric, with what decides them.

    :ivar values: column -> value; NaN where it is not defined.
    :ivar details: what decides the values, in JSON's types.
    :ivar note: the same in a few words, for a table.
    :ivar reason: why there are no values, or empty.
    :ivar warnings: sentences that a person should read with the values.
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
    :cvar optional: those of them that it reads only where they are there.
    :cvar columns: what it calls its numbers, and what they mean.
    :cvar recipe: raise it when the meaning of the numbers or of the reference changes.
    :cvar every_tick: whether it is computed at every tick; else at the end of a trial only.
    :cvar default: whether evaluations that name no metrics take it; heeded for ganbench's own only.
    """

    needs: ClassVar[tuple[str, ...]] = ()
    optional: ClassVar[tuple[str, ...]] = ()
    columns: ClassVar[tuple[Column, ...]] = ()
    recipe: ClassVar[int] = 1
    every_tick: ClassVar[bool] = True
    default: ClassVar[bool] = False

    @property
    def compares(self) -> bool:
        """Whether it looks at real samples: whether it has a `reference`."""
        return type(self).reference is not Metric.reference

    def reference(self, real: FeatureSet) -> Mapping[str, torch.Tensor]:
        """What it must know of the real samples; kept under a key of content, extractor and options.

        Tensors that are the feature set's own, such as ``real.features``, take no room of their own.
        """
        return {}

    @abc.abstractmethod
    def compute(
        self, fake: FeatureSet, reference: Mapping[str, torch.Tensor]
    ) -> Mapping[str, float] | Measured:
        """The value of every column, NaN where it is not defined.

        A `Measured` says besides what decides the values, or why there are none.
        """
