"""The splits of a data set, loaded and hashed once."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ganbench.base.errors import UsageError
from ganbench.components.data import ImageData
from ganbench.evaluation.constant_images import remarks_on_split
from ganbench.evaluation.loaded_split import check_loaded
from ganbench.evaluation.residence import placed
from ganbench.evaluation.sources import Source, StreamedSource, TensorSource
from ganbench.evaluation.split_remarks import remarks_on_splits
from ganbench.registry.lookup import ResolvedComponent

_PROBED = 1024  # images that stand for the content of data that does not fit in memory


class Splits:
    """Holds the splits of the data set in use, until another data set replaces it.

    :param root: the data folder.
    :param device: of data that fits in memory, if it leaves enough room there.
    :param share: of the device, above 0, up to 1.
    """

    def __init__(self, root: Path, device: torch.device, share: float = 1.0) -> None:
        self.root, self.device, self._share = root, device, share
        self._dataset, self._classes = "", 0
        self._data: dict[str, Any] = {}
        self._sources: dict[str, Source] = {}
        self._remarks: dict[str, list[str]] = {}

    def use(self, dataset: ResolvedComponent) -> bool:
        """Drop the splits of another data set; returns whether another one was held."""
        if dataset.spec == self._dataset:
            return False
        self._dataset, self._data, self._sources, self._remarks = dataset.spec, {}, {}, {}
        self._classes = 0
        return True

    def data(self, dataset: ResolvedComponent, split: str) -> Any:
        """The data of a split, as the data set loads it.

        :raises UsageError: for an unknown or empty split, or data that is missing.
        :raises ContractError: for anything else than data.
        """
        self.use(dataset)
        if split not in dataset.component.splits:
            known = " or ".join(dataset.component.splits)
            raise UsageError(f"--split {split}: {dataset.spec} has only {known}")
        if split not in self._data:
            data = dataset.component.load(split, self.root)
            check_loaded(f"load({split!r}, root) of {dataset.spec}", data)
            if split == "train" or not self._data:
                inside = isinstance(data, ImageData)
                spec = data.spec if inside else dataset.component.spec(self.root)
                self._classes = spec.classes
            if len(data) == 0:
                raise UsageError(f"the {split} split of {dataset.spec} is empty")
            self._data[split] = self._placed(data) if isinstance(data, ImageData) else data
        return self._data[split]

    def resident(
        self, dataset: ResolvedComponent, split: str, reader: str = "this extractor"
    ) -> ImageData:
        """A split that fits in memory.

        :param reader: names the caller in the error.
        :raises UsageError: as `data`, and for a split that does not fit.
        """
        data = self.data(dataset, split)
        if not isinstance(data, ImageData):
            raise UsageError(f"{reader} needs data in memory, but {dataset.spec} does not fit")
        return data

    def source(self, dataset: ResolvedComponent, split: str) -> Source:
        """A split to be measured. Its content is hashed once: gigabytes take seconds."""
        self.use(dataset)
        if split not in self._sources:
            self._sources[split] = self._source(dataset, split)
        return self._sources[split]

    def _placed(self, data: ImageData) -> ImageData:
        data, remark = placed(data, self.device, self._share)
        return replace(data, notes=(*data.notes, remark)) if remark else data

    def remarks(self) -> list[str]:
        """Warnings about the loaded splits."""
        for split in self._data.keys() - self._remarks.keys():
            data = self._data[split]
            self._remarks[split] = [*getattr(data, "notes", ()), *remarks_on_split(split, data)]
        own = [remark for split in self._data for remark in self._remarks[split]]
        return [*own, *remarks_on_splits(self._data, self._classes)]

    def _source(self, dataset: ResolvedComponent, split: str) -> Source:
        data = self.data(dataset, split)
        source: TensorSource | StreamedSource
        if isinstance(data, ImageData):
            source = TensorSource(dataset.spec, data.images, data.labels)
            source.kind, source.alpha = "dataset", data.alpha
        else:
            content = self._probed_content(dataset, split, data)
            spec = dataset.component.spec(self.root)
            source = StreamedSource(dataset.spec, data, content, spec)
            source.alpha = spec.alpha
        source.split = split
        source.notes += getattr(data, "notes", ())
        return source

    def _probed_content(self, dataset: ResolvedComponent, split: str, data: Any) -> str:
        """A hash of some images: to read all of them would take too long."""
        known = [dataset.identity(), dataset.component.fingerprint(self.root), split, len(data)]
        digest = hashlib.sha256(json.dumps(known, sort_keys=True).encode())
        for position in np.linspace(0, len(data) - 1, _PROBED).astype(int):
            image = torch.as_tensor(data[int(position)][0])
            digest.update(image.contiguous().numpy().data)
        return digest.hexdigest()
