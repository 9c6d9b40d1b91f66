"""What trials share: data on the device, and evaluators with their reference statistics."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import torch

from ganbench.components.data import DataSpec, ImageData
from ganbench.components.extractor import ExtractorContext, FeatureNetwork
from ganbench.errors import UsageError
from ganbench.evaluation.evaluator import Evaluator
from ganbench.evaluation.features import choice
from ganbench.evaluation.measuring import Measurer, Side, kept_parts
from ganbench.evaluation.meter import Saying
from ganbench.evaluation.networks import ready_network
from ganbench.evaluation.real_side import RealSide
from ganbench.evaluation.sameness import remarks_on_split
from ganbench.evaluation.sources import Source, split_source
from ganbench.grid.settings import EvaluationSettings
from ganbench.registry.lookup import Bound
from ganbench.training.data import TrainingData


class Evaluated(Protocol):
    """What is measured how: a cell, or an `EvaluationPlan`."""

    @property
    def dataset(self) -> Bound: ...
    @property
    def data(self) -> DataSpec | None: ...
    @property
    def extractors(self) -> tuple[Bound, ...]: ...
    @property
    def metrics(self) -> tuple[Bound, ...]: ...
    @property
    def evaluation(self) -> EvaluationSettings: ...


@dataclass(frozen=True, eq=False)
class EvaluationPlan:
    """What is measured how, without anything to be trained."""

    dataset: Bound
    data: DataSpec
    extractors: tuple[Bound, ...]
    metrics: tuple[Bound, ...]
    evaluation: EvaluationSettings


class Resources:
    """Data and evaluators of the data set in use; those of the one before are let go.

    :param root: the data folder.
    :param cache: where weights and reference statistics are kept.
    :param log: told what is being waited for.
    """

    def __init__(
        self, root: Path, cache: Path, device: torch.device, log: Callable[[str], None]
    ) -> None:
        self.root, self.cache, self.device, self.log = root, cache, device, log
        self._dataset = ""
        self._splits: dict[str, Any] = {}
        self._notes: dict[str, list[str]] = {}
        self._sources: dict[str, Source] = {}
        self._evaluators: dict[str, Evaluator] = {}

    def training_data(self, cell: Evaluated) -> TrainingData:
        """The training split, on the device if it fits in memory."""
        source = self._split(cell.dataset, "train")
        assert cell.data is not None
        workers = 0 if isinstance(source, ImageData) else min(4, torch.get_num_threads())
        return TrainingData(cell.data, source, workers, self._held_out(cell))

    def evaluator(self, cell: Evaluated) -> Evaluator:
        """The evaluator of a cell's data set, extractors, metrics and settings.

        :raises UsageError: if data or weights are not to be had.
        """
        self._use(cell.dataset)
        bounds = [bound.identity() for bound in (*cell.extractors, *cell.metrics)]
        key = json.dumps([bounds, vars(cell.evaluation)], sort_keys=True, default=str)
        if key not in self._evaluators:
            self._evaluators[key] = self._make_evaluator(cell)
        return self._evaluators[key]

    def notes(self) -> list[str]:
        """What a person should know about the data that was loaded."""
        return [note for notes in self._notes.values() for note in notes]

    def _held_out(self, cell: Evaluated) -> ImageData | None:
        """The images that a translation is evaluated on: the test split where there is one."""
        assert cell.data is not None
        if cell.data.pairing == "none":
            return None
        split = "test" if "test" in cell.dataset.component.splits else "train"
        return self._resident_split(cell.dataset, split, "translation")

    def _make_evaluator(self, cell: Evaluated) -> Evaluator:
        assert cell.data is not None
        settings, dataset = cell.evaluation, cell.dataset
        split = settings.reference_split
        real = self._source(dataset, split)
        if real.count < 2:
            raise UsageError(f"{dataset.spec}: the {split} split has one image; metrics need two")
        test = self._test_source(cell)
        keep = kept_parts(cell.metrics)
        sides = []
        for bound in cell.extractors:
            network = ready_network(bound, self._context(cell))
            held_out = None if test is None else self._side(test, network, cell, keep)
            side = self._side(real, network, cell, keep, held_out)
            sides.append(Side(bound.mark, network, side))
        measurer = Measurer(cell.metrics, sides, cell.data.channels, self.device, dataset)
        held = self._held_out(cell)
        most = settings.samples
        if held is not None and held.sources is not None:
            most = min(most, len(held.sources))
        return Evaluator(measurer, settings, most, split)

    def _side(
        self,
        source: Source,
        network: FeatureNetwork,
        cell: Evaluated,
        keep: frozenset[str],
        held_out: RealSide | None = None,
    ) -> RealSide:
        assert cell.data is not None
        places = choice(source.count, cell.evaluation.reference_samples)
        return RealSide(
            source,
            places,
            cell.data.channels,
            network,
            keep,
            self.device,
            self.cache,
            modes=cell.dataset.component.mixture(),
            held_out=held_out,
            meter=Saying(self.log),
        )

    def _context(self, cell: Evaluated) -> ExtractorContext:
        assert cell.data is not None
        return ExtractorContext(
            data=cell.data,
            load=functools.partial(self._resident_split, cell.dataset),
            dataset_key=self._source(cell.dataset, "train").content() or "",
            cache=self.cache,
            device=self.device,
            log=self.log,
            root=self.root,
        )

    def _test_source(self, cell: Evaluated) -> Source | None:
        """The split that no generator has seen, where a metric looks at it and it can be had."""
        wanted = any(
            "held_out" in m.component.needs
            or any(column.held_out for column in m.component.columns)
            for m in cell.metrics
        )
        splits = cell.dataset.component.splits
        if not wanted or "test" not in splits or cell.evaluation.reference_split == "test":
            return None
        try:
            return self._source(cell.dataset, "test")
        except UsageError as error:
            self.log(f"{cell.dataset.spec}: nothing is measured against the test split: {error}")
            return None

    def _source(self, dataset: Bound, split: str) -> Source:
        """A split, whose content is hashed once: gigabytes take seconds."""
        self._use(dataset)
        if split not in self._sources:
            data = self._split(dataset, split)
            self._sources[split] = split_source(dataset, split, self.root, data)
        return self._sources[split]

    def _resident_split(
        self, dataset: Bound, split: str, reader: str = "this extractor"
    ) -> ImageData:
        source = self._split(dataset, split)
        if not isinstance(source, ImageData):
            raise UsageError(f"{dataset.spec} does not fit in memory, which {reader} needs")
        return source

    def _split(self, dataset: Bound, split: str) -> Any:
        self._use(dataset)
        if split not in self._splits:
            source = dataset.component.load(split, self.root)
            notes = [*getattr(source, "notes", ()), *remarks_on_split(split, source)]
            if isinstance(source, ImageData):
                source = moved(source, self.device)
            if len(source) == 0:
                raise UsageError(f"the {split} split of {dataset.spec} is empty")
            self._splits[split], self._notes[split] = source, notes
        return self._splits[split]

    def _use(self, dataset: Bound) -> None:
        if dataset.spec != self._dataset:
            self._splits, self._notes, self._sources, self._evaluators = {}, {}, {}, {}
            self._dataset = dataset.spec


def moved(data: ImageData, device: torch.device) -> ImageData:
    """The samples on a device."""
    labels = None if data.labels is None else data.labels.to(device)
    sources = None if data.sources is None else data.sources.to(device)
    return replace(data, images=data.images.to(device), labels=labels, sources=sources)
