"""Choose, check and prepare the extractors of ``ganbench eval``."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from ganbench.base.errors import UsageError
from ganbench.components.data import DataSpec, ImageData
from ganbench.components.dataset import Dataset
from ganbench.components.extractor import ExtractorContext, FeatureNetwork, Features
from ganbench.evaluation.checked_network import checked_features
from ganbench.evaluation.feature_space import ready_network
from ganbench.evaluation.inputs import Inputs, Opener, Published
from ganbench.evaluation.sampled_source import TrialSource
from ganbench.evaluation.sources import Source
from ganbench.grid.auto_extractor import choose
from ganbench.registry.lookup import ResolvedComponent, default_registry
from ganbench.registry.specs import Spec

_SIZES_SHOWN = 5
_EXTRACTOR = "the extractor"  # in messages


@dataclass(frozen=True)
class ReadyExtractor:
    """An extractor that is ready.

    :ivar width: the length of its features.
    :ivar logits: whether it gives logits.
    """

    extractor: ResolvedComponent
    network: FeatureNetwork
    width: int
    logits: bool

    def record(self) -> dict[str, Any]:
        """The network's record, in JSON's types."""
        info = self.network.info.items()
        return {
            "spec": self.extractor.spec,
            "identity": self.network.identity,
            "standard_fid": self.network.standard_fid,
            "features": self.width,
            "logits": self.logits,
            "batch_size": self.network.batch_size,
            "arithmetic": self.network.arithmetic,
            **{k: v for k, v in info if v is None or isinstance(v, (str, int, float, bool))},
        }


@dataclass(frozen=True)
class Extractors:
    """Makes extractors ready for the images of one comparison.

    :param batch_size: images for one pass; None leaves it to the extractor.
    :ivar choices: a sentence for each extractor that replaces another.
    """

    inputs: Inputs
    opener: Opener
    batch_size: int | None = None
    choices: list[str] = field(default_factory=list)

    def by_default(self) -> list[str | Spec]:
        """The extractor that statistics name; or those of a trial with its own data set; or ``auto``."""
        fake, dataset = self.inputs.fake, self.inputs.dataset
        named = [one.statistics.spec for one in self.inputs.published if one.statistics.spec]
        if named:
            return [named[0]]
        if not isinstance(fake, TrialSource):
            return ["auto"]
        own, identity = fake.own_extractors(), fake.identity
        if dataset is not None and _same_component(dataset.identity(), identity["dataset"]):
            return list(own)
        own_specs = " ".join(f"--extractor '{spec}'" for spec in own)
        self.choices.append(
            f"auto chooses the extractor, because the real images are not the data set of trial "
            f"{fake.trial}; the trial was evaluated with {own_specs}"
        )
        return ["auto"]

    def ready(self, spec: str | Spec) -> ReadyExtractor:
        """The extractor of a spec, or of ``auto``.

        :raises UsageError: if it cannot process the images, does not fit given statistics, or its
            weights are missing.
        """
        if not self.inputs.sources:
            return self._stand_in(spec)
        chosen, dataset = self._chosen(spec), self.inputs.dataset
        root = self.opener.splits.root
        shape = self._shape(dataset)
        problem = chosen.component.problem(shape)
        if problem is not None and dataset is None:
            dataset = self._stated_dataset()
            shape = self._shape(dataset)
            problem = chosen.component.problem(shape)
        if problem is not None:
            raise UsageError(problem)
        if not chosen.component.resizes:
            _check_sizes(self.inputs.sources, chosen.spec)
        self.opener.meter.begin(f"preparing {chosen.spec}")
        context = ExtractorContext(
            data=shape,
            load=functools.partial(self._load, dataset),
            # As in trials, so that a classifier that was trained for them is found.
            dataset_key="" if dataset is None else self._content(dataset),
            cache=self.opener.cache,
            device=self.opener.device,
            log=self.opener.meter.say,
            root=root,
        )
        network = ready_network(chosen, context, self.batch_size)
        ready = ReadyExtractor(chosen, network, *_probe(network, shape, self.opener.device))
        for side in self.inputs.published:
            _check_fit(side, network.identity, ready)
        return ready

    def _stand_in(self, spec: str | Spec) -> ReadyExtractor:
        """A network without weights, for statistics on both sides."""
        chosen, sides = self._chosen(spec), self.inputs.published
        stated = [side.statistics.extractor for side in sides if side.statistics.extractor]
        network = FeatureNetwork(stated[0] if stated else "unknown", forward=_no_images)
        ready = ReadyExtractor(chosen, network, len(sides[0].statistics.mean), False)
        for side in sides:
            _check_fit(side, stated[0] if stated else "", ready, sides[0].label)
        return ready

    def _content(self, dataset: ResolvedComponent) -> str:
        return self.opener.splits.source(dataset, "train").content() or ""

    def _chosen(self, spec: str | Spec) -> ResolvedComponent:
        if spec == "auto":
            dataset = self.inputs.dataset
            own = Dataset.extractor if dataset is None else dataset.component.extractor
            choice = choose(own, self.opener.splits.root, self.opener.cache, self.opener.meter.say)
            if choice.reason:
                self.choices.append(choice.sentence)
            spec = choice.taken
        return default_registry().bind("extractor", spec)

    def _shape(self, dataset: ResolvedComponent | None) -> DataSpec:
        classes = 0 if dataset is None else dataset.component.spec(self.opener.splits.root).classes
        return self.inputs.shape(classes)

    def _stated_dataset(self) -> ResolvedComponent | None:
        """The data set that statistics name: an extractor may have been made for it."""
        for side in self.inputs.published:
            if side.statistics.dataset:
                return default_registry().bind("dataset", side.statistics.dataset)
        return None

    def _load(self, dataset: ResolvedComponent | None, split: str) -> ImageData:
        if dataset is None:
            raise UsageError(
                "this extractor trains on the real data set, but --real is not a data set; choose "
                "another --extractor"
            )
        return self.opener.splits.resident(dataset, split)


def _check_fit(
    side: Published, identity: str, ready: ReadyExtractor, other: str = _EXTRACTOR
) -> None:
    """Raise UsageError for statistics of another network."""
    known = side.statistics
    if known.extractor and identity and known.extractor != identity:
        mend = known.spec and other == _EXTRACTOR
        advice = f"; choose --extractor '{known.spec}'" if mend else ""
        raise UsageError(
            f"the statistics in {side.label} come from {known.extractor}, but {other} is "
            f"{identity}: their distance has no meaning{advice}"
        )
    if len(known.mean) != ready.width:
        raise UsageError(
            f"the statistics in {side.label} have {len(known.mean)} features, but {other} has "
            f"{ready.width}: another network made them"
        )


def _no_images(images: torch.Tensor) -> Features:
    raise UsageError("both sides are statistics, so there are no images to process")


def _same_component(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two records are of one component with equal options, in whatever version."""
    return all(one.get(name) == other.get(name) for name in ("name", "provider", "options"))


def _check_sizes(sources: Sequence[Source], extractor: str) -> None:
    """Raise UsageError for images of several sizes."""
    sizes = {size for source in sources for size in source.sizes}
    if len(sizes) <= 1:
        return
    found = "; ".join(f"{source.label}: {_sizes(source)}" for source in sources)
    raise UsageError(
        f"{extractor} needs images of one size, but there are {len(sizes)} sizes ({found}); resize "
        f"the images, or use an extractor that resizes them, such as {Dataset.extractor}"
    )


def _sizes(source: Source) -> str:
    common = source.sizes.most_common(_SIZES_SHOWN)
    shown = ", ".join(f"{count} of {width}x{height}" for (height, width), count in common)
    return shown + (", …" if len(source.sizes) > len(common) else "")


def _probe(network: FeatureNetwork, shape: DataSpec, device: torch.device) -> tuple[int, bool]:
    """The length of the features, and whether the extractor gives logits, from one black image."""
    dtype = torch.uint8 if shape.kind == "image" else torch.float32
    with torch.no_grad():
        image = torch.zeros(1, *shape.shape, dtype=dtype, device=device)
        answer = checked_features(network, network.forward(image), 1)
    return answer.features.shape[1], answer.logits is not None
