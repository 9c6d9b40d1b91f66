"""Shared resources of trials: data on the device, and evaluators with reference statistics."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from ganbench.base.errors import UsageError
from ganbench.components.data import DataSpec, ImageData
from ganbench.components.extractor import ExtractorContext
from ganbench.evaluation.evaluator import Evaluator
from ganbench.evaluation.feature_space import (
    feature_space,
    has_test_split,
    kept_parts,
    ready_network,
)
from ganbench.evaluation.loaded_split import check_spec
from ganbench.evaluation.measurer import Measurer
from ganbench.evaluation.progress_meter import Saying
from ganbench.evaluation.real_features import RealSettings
from ganbench.evaluation.sources import Source
from ganbench.evaluation.splits import Splits
from ganbench.generators.trained import translated_split
from ganbench.grid.cell import Cell
from ganbench.grid.settings import EvaluationSettings
from ganbench.registry.lookup import ResolvedComponent
from ganbench.training.batches import TrainingData


@dataclass(frozen=True, eq=False)
class EvaluationPlan:
    """What is measured, and how, without anything to train."""

    dataset: ResolvedComponent
    data: DataSpec
    extractors: tuple[ResolvedComponent, ...]
    metrics: tuple[ResolvedComponent, ...]
    evaluation: EvaluationSettings


#: What is measured, and how.
Evaluated = Cell | EvaluationPlan


class Resources:
    """Data and evaluators of the data set in use. Another data set takes its place.

    :param root: the data folder.
    :param cache: the folder of weights and reference statistics.
    :param log: receives sentences about long work.
    :param share: of the device that a trial has, above 0, up to 1.
    """

    def __init__(
        self,
        root: Path,
        cache: Path,
        device: torch.device,
        log: Callable[[str], None],
        share: float = 1.0,
    ) -> None:
        self.root, self.cache, self.device, self.log = root, cache, device, log
        self._splits = Splits(root, device, share)
        self._evaluators: dict[str, Evaluator] = {}

    def training_data(self, cell: Evaluated) -> TrainingData:
        """The training split, on the device if it fits there."""
        self._use(cell.dataset)
        source = self._splits.data(cell.dataset, "train")
        assert cell.data is not None
        if isinstance(source, ImageData):
            check_spec(f"load('train', root) of {cell.dataset.spec}", source, cell.data)
        workers = 0 if isinstance(source, ImageData) else min(4, torch.get_num_threads())
        return TrainingData(cell.data, source, workers, self._held_out(cell))

    def evaluator(self, cell: Evaluated) -> Evaluator:
        """The evaluator of a cell's data set, extractors, metrics and settings.

        :raises UsageError: if data or weights are missing.
        """
        self._use(cell.dataset)
        components = [one.identity() for one in (*cell.extractors, *cell.metrics)]
        key = json.dumps([components, vars(cell.evaluation)], sort_keys=True, default=str)
        if key not in self._evaluators:
            self._evaluators[key] = self._make_evaluator(cell)
        return self._evaluators[key]

    def notes(self) -> list[str]:
        """Sentences for a person about the loaded data and features."""
        weak = (evaluator.features_note for evaluator in self._evaluators.values())
        return [*self._splits.remarks(), *dict.fromkeys(filter(None, weak))]

    def _use(self, dataset: ResolvedComponent) -> None:
        if self._splits.use(dataset):
            self._evaluators = {}

    def _held_out(self, cell: Evaluated) -> ImageData | None:
        """The images that a translation is evaluated on."""
        assert cell.data is not None
        if cell.data.pairing == "none":
            return None
        split = translated_split(cell.dataset.component)
        return self._splits.resident(cell.dataset, split, "translation")

    def _make_evaluator(self, cell: Evaluated) -> Evaluator:
        assert cell.data is not None
        settings, dataset = cell.evaluation, cell.dataset
        real = self._splits.source(dataset, settings.reference_split)
        if real.count < 2:
            raise UsageError(
                f"{dataset.spec}: the {settings.reference_split} split has one image; "
                "metrics need two"
            )
        channels = cell.data.channels
        how = RealSettings(
            channels,
            kept_parts(cell.metrics),
            self.device,
            self.cache,
            dataset.component.mixture(),
            settings.reference_samples,
            Saying(self.log),
        )
        test, context = self._test_source(cell), self._context(cell)
        spaces = [
            feature_space(one, ready_network(one, context), how, real, test)
            for one in cell.extractors
        ]
        measurer = Measurer(cell.metrics, spaces, channels, self.device, dataset)
        held_out, samples = self._held_out(cell), settings.samples
        if held_out is not None and held_out.sources is not None:
            if len(held_out.sources) < 2:
                raise UsageError(
                    f"{dataset.spec}: the {translated_split(dataset.component)} split has one image "
                    "to translate; metrics need two"
                )
            samples = min(samples, len(held_out.sources))
        return Evaluator(measurer, settings, samples, settings.reference_split)

    def _context(self, cell: Evaluated) -> ExtractorContext:
        assert cell.data is not None
        return ExtractorContext(
            data=cell.data,
            load=functools.partial(self._splits.resident, cell.dataset),
            dataset_key=self._splits.source(cell.dataset, "train").content() or "",
            cache=self.cache,
            device=self.device,
            log=self.log,
            root=self.root,
        )

    def _test_source(self, cell: Evaluated) -> Source | None:
        """The split that no generator has seen, if a metric reads it and its data is there."""
        wanted = any(
            "held_out" in m.component.needs
            or any(column.held_out for column in m.component.columns)
            for m in cell.metrics
        )
        if not wanted or not has_test_split(cell.dataset, cell.evaluation.reference_split):
            return None
        try:
            source = self._splits.source(cell.dataset, "test")
        except UsageError as error:
            self.log(f"{cell.dataset.spec}: nothing is measured against the test split: {error}")
            return None
        return source if source.count > 1 else None  # the notes say so
