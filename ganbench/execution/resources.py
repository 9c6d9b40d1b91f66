"""What trials share: data on the device, and evaluators with their reference statistics."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import DataLoader, Subset

from ganbench.components.data import ImageData
from ganbench.components.extractor import ExtractorContext
from ganbench.errors import UsageError
from ganbench.evaluation.evaluator import Evaluator
from ganbench.evaluation.reference import Protocol, RealStatistics, content_hash, real_statistics
from ganbench.evaluation.sameness import remarks_on_split
from ganbench.grid.cell import Cell
from ganbench.grid.settings import EvaluationSettings
from ganbench.registry.lookup import Bound
from ganbench.training.data import TrainingData
from ganbench.training.streams import derive_seed

_READ_BATCH = 1000
_PROBED = 1024


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
        self._contents: dict[str, str] = {}
        self._evaluators: dict[tuple[str, EvaluationSettings], Evaluator] = {}

    def training_data(self, cell: Cell) -> TrainingData:
        """The training split, on the device if it fits in memory."""
        source = self._split(cell.dataset, "train")
        assert cell.data is not None
        workers = 0 if isinstance(source, ImageData) else min(4, torch.get_num_threads())
        return TrainingData(cell.data, source, workers, self._held_out(cell))

    def evaluator(self, cell: Cell) -> Evaluator:
        """The evaluator of a cell's data set, extractor and protocol.

        :raises UsageError: if data or weights are not to be had.
        """
        self._use(cell.dataset)
        key = (cell.extractor.spec, cell.evaluation)
        if key not in self._evaluators:
            self._evaluators[key] = self._make_evaluator(cell)
        return self._evaluators[key]

    def notes(self) -> list[str]:
        """What a person should know about the data that was loaded."""
        return [note for notes in self._notes.values() for note in notes]

    def _held_out(self, cell: Cell) -> ImageData | None:
        """The images that a translation is evaluated on: the test split where there is one."""
        assert cell.data is not None
        if cell.data.pairing == "none":
            return None
        split = "test" if "test" in cell.dataset.component.splits else "train"
        return self._resident_split(cell.dataset, split, "translation")

    def _make_evaluator(self, cell: Cell) -> Evaluator:
        assert cell.data is not None
        settings, dataset = cell.evaluation, cell.dataset
        held_out = self._held_out(cell)
        if held_out is not None and held_out.sources is not None:
            settings = replace(settings, samples=min(settings.samples, len(held_out.sources)))
        network = cell.extractor.component.prepare(
            ExtractorContext(
                data=cell.data,
                load=functools.partial(self._resident_split, dataset),
                dataset_key=self._content(dataset, "train"),
                cache=self.cache,
                device=self.device,
                log=self.log,
                root=self.root,
            )
        )
        split = settings.reference_split
        count = min(settings.reference_samples, len(self._split(dataset, split)))
        if count < 2:
            raise UsageError(f"{dataset.spec}: the {split} split has one image; metrics need two")
        kept = min(count, max(settings.prdc_samples, 10 * settings.kid_subset_size))
        protocol = Protocol(split, count, kept, settings.prdc_samples, settings.prdc_k)
        real = real_statistics(
            functools.partial(self._real_batches, dataset, split, cell.data.classes > 0),
            self._content(dataset, split),
            network,
            protocol,
            self.cache,
        )
        real = _on_device(real, self.device)
        return Evaluator(cell.data, dataset.component, network, real, protocol, settings)

    def _real_batches(
        self, dataset: Bound, split: str, labelled: bool, count: int
    ) -> Iterator[tuple[torch.Tensor, torch.Tensor | None]]:
        """``count`` real samples in a random order that is the same for ever, with their labels."""
        source = self._split(dataset, split)
        shuffle = torch.Generator().manual_seed(derive_seed(0, "reference order"))
        order = torch.randperm(len(source), generator=shuffle)[:count]
        if isinstance(source, ImageData):
            for part in order.split(_READ_BATCH):
                rows = part.to(source.images.device)
                yield source.images[rows], None if source.labels is None else source.labels[rows]
            return
        for images, labels in DataLoader(Subset(source, order.tolist()), batch_size=_READ_BATCH):
            yield images.to(self.device), labels.to(self.device) if labelled else None

    def _content(self, dataset: Bound, split: str) -> str:
        """A hash of the split, worked out once: gigabytes take seconds."""
        self._use(dataset)
        if split not in self._contents:
            self._contents[split] = self._hash(dataset, split)
        return self._contents[split]

    def _hash(self, dataset: Bound, split: str) -> str:
        source = self._split(dataset, split)
        if isinstance(source, ImageData):
            return content_hash(source)
        known = [dataset.identity(), dataset.component.fingerprint(self.root), split, len(source)]
        digest = hashlib.sha256(json.dumps(known, sort_keys=True).encode())
        # Reading all of it would take too long; some of it tells other content well enough.
        for images, _ in self._real_batches(dataset, split, False, min(len(source), _PROBED)):
            digest.update(images.cpu().contiguous().numpy().data)
        return digest.hexdigest()

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
            self._splits, self._notes, self._contents, self._evaluators = {}, {}, {}, {}
            self._dataset = dataset.spec


def moved(data: ImageData, device: torch.device) -> ImageData:
    """The samples on a device."""
    labels = None if data.labels is None else data.labels.to(device)
    sources = None if data.sources is None else data.sources.to(device)
    return replace(data, images=data.images.to(device), labels=labels, sources=sources)


def _on_device(real: RealStatistics, device: torch.device) -> RealStatistics:
    reference = real.reference
    moments = replace(
        reference.moments,
        mean=reference.moments.mean.to(device),
        cov=reference.moments.cov.to(device),
    )
    return replace(
        real,
        reference=replace(reference, moments=moments, root=reference.root.to(device)),
        features=real.features.to(device),
        radii=real.radii.to(device),
        labels=None if real.labels is None else real.labels.to(device),
    )
