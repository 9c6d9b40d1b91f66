"""The contract of data sets, as tests."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor

from ganbench.base.paths import data_root
from ganbench.components.data import DataSpec, ImageData
from ganbench.components.dataset import Dataset, Split
from ganbench.evaluation.loaded_split import check_loaded
from ganbench.registry.specs import parse_spec
from ganbench.testing.components import ComponentTests
from ganbench.testing.harness import own_randomness

_MOST = 20_000  # samples that are looked at in a split that does not fit in memory


class DatasetTests(ComponentTests):
    """Inherit, and name the data set::

        class TestBlobs(DatasetTests):
            component = Blobs(count=40)

    :cvar component: the data set under test.
    :cvar root: the data folder; ``$GANBENCH_DATA`` or the user's cache by default.
    :cvar shared: the greatest share of test samples that may also be training samples, bit by bit:
        collections from the wild have some.
    """

    component: Dataset
    root: ClassVar[Path | None] = None
    shared: ClassVar[float] = 0.01

    def test_it_has_a_training_split(self) -> None:
        """`splits` names the splits that `load` gives."""
        splits = self.component.splits
        assert "train" in splits, f"splits={splits} must have 'train'"
        assert set(splits) <= {"train", "test"}, f"splits are train and test, not {splits}"

    def test_its_extractor_is_a_spec(self) -> None:
        """``extractor = "auto"`` means this extractor."""
        parse_spec(self.component.extractor)

    def test_samples_are_8_bit_images_or_points(self) -> None:
        """(n, c, h, w): uint8, or float32 points within [-1, 1]; no split is empty."""
        for split, images, _ in self._splits():
            assert images.ndim == 4, f"{split}: samples are {tuple(images.shape)}"
            if images.dtype != torch.uint8:
                assert images.dtype == torch.float32, f"{split}: samples are {images.dtype}"
                assert images.abs().max() <= 1, f"{split}: points lie beyond [-1, 1]"
            assert images.min() < images.max(), f"{split}: all values are {images.min().item()}"

    def test_labels_are_classes(self) -> None:
        """int64 from 0 to the number of classes; the training split has all classes."""
        classes = self._spec().classes
        for split, images, labels in self._splits():
            if not classes or labels is None:
                assert not classes, f"{split}: spec says {classes} classes, and labels are None"
                continue
            assert labels.dtype == torch.int64, f"{split}: labels are {labels.dtype}, not int64"
            assert len(labels) == len(images), f"{split}: {len(labels)} labels"
            low, high = labels.min().item(), labels.max().item()
            assert low >= 0, f"{split}: label {low} is negative"
            assert high < classes, f"{split}: label {high} of {classes} classes"
            found = len(labels.unique())
            assert split != "train" or found == classes, f"train: {found} of {classes} classes"

    def test_spec_agrees_with_what_is_loaded(self) -> None:
        """Networks are built from `Dataset.spec`."""
        spec = self._spec()
        for split in self.component.splits:
            data = self._load(split)
            if isinstance(data, ImageData):
                names = len(data.class_names)
                assert names in (0, spec.classes), f"{split}: {names} names, {spec.classes} classes"
        for split, images, _ in self._splits():
            shape = tuple(images.shape[1:])
            kind = "image" if images.dtype == torch.uint8 else "points"
            assert shape == spec.shape, f"{split}: samples are {shape}, spec says {spec.shape}"
            assert kind == spec.kind, f"{split}: samples are of kind {kind}, spec says {spec.kind}"

    def test_splits_are_disjoint(self) -> None:
        """A model must not be tested with its training samples."""
        digests = {split: _digests(images) for split, images, _ in self._splits()}
        if len(digests) < 2:
            return
        train = set(digests["train"])
        share = sum(digest in train for digest in digests["test"]) / len(digests["test"])
        assert share <= self.shared, f"{share:.1%} of the test samples are training samples, too"

    def test_loading_is_reproducible(self) -> None:
        """The same samples in the same order every time, with a random state of its own."""
        root = self._root()
        for split, images, labels in self._splits():
            with own_randomness("load"):
                again = _tensors(self.component.load(split, root))
            same = torch.equal(images, again[0])
            assert same, f"{split}: another call of load gives other samples"
            same = labels is None or (again[1] is not None and torch.equal(labels, again[1]))
            assert same, f"{split}: another call of load gives other labels"

    def test_data_that_does_not_fit_in_memory_can_be_sent_to_loader_processes(self) -> None:
        """A ``torch.utils.data`` data set is read by several processes."""
        for split in self.component.splits:
            data = self._load(split)
            if not isinstance(data, ImageData):
                try:
                    copy = pickle.loads(pickle.dumps(data))
                except Exception as error:
                    raise AssertionError(
                        f"{split}: the data set cannot be pickled ({error}): keep no lambda, open file "
                        "or local class in it, and open files in __getitem__"
                    ) from error
                assert len(copy) == len(data), f"{split}: pickling changes its length"

    def test_statistics_are_numbers(self) -> None:
        """Of samples as a generator makes them; they become columns of the trial's row."""
        _, images, _ = next(self._splits())
        samples = images[:500].float()
        samples = samples / 127.5 - 1 if images.dtype == torch.uint8 else samples
        for name, value in self.component.statistics(samples).items():
            assert isinstance(name, str), f"{name!r} must be text, the name of a column"
            assert isinstance(value, (int, float)), f"{name} is {value!r}, not a number"

    def _root(self) -> Path:
        return data_root(self.root)

    def _spec(self) -> DataSpec:
        spec = self.component.spec(self._root())
        assert isinstance(spec, DataSpec), (
            f"spec(root) returns {spec!r}: return a ganbench.DataSpec"
        )
        return spec

    def _load(self, split: Split) -> Any:
        """A split, loaded once for all tests of a data set."""
        root = self._root()
        key = (type(self.component), repr(self.component), root)
        if key not in _kept:
            _kept.clear()
        splits = _kept.setdefault(key, {})
        if split not in splits:
            data: Any = self.component.load(split, root)
            check_loaded(f"load({split!r}, root)", data)
            assert len(data) > 0, f"the {split} split is empty"
            splits[split] = data
        return splits[split]

    def _splits(self) -> Iterator[tuple[Any, Tensor, Tensor | None]]:
        for split in self.component.splits:
            yield split, *_tensors(self._load(split))


_kept: dict[tuple[Any, ...], dict[str, Any]] = {}


def _tensors(data: Any) -> tuple[Tensor, Tensor | None]:
    if isinstance(data, ImageData):
        return data.images, data.labels
    items = [data[index] for index in range(min(len(data), _MOST))]
    shapes = {tuple(image.shape) for image, _ in items if isinstance(image, Tensor)}
    assert len(shapes) < 2, f"images of a data set have one shape, not {sorted(shapes)[:3]}"
    for image, _ in items[:1]:
        assert isinstance(image, Tensor), f"items are (image, label), not ({type(image)}, …)"
    images, labels = zip(*items, strict=True)
    return torch.stack(images), torch.tensor(list(map(int, labels)))


def _digests(images: Tensor) -> list[bytes]:
    rows = images.contiguous().flatten(1).numpy()
    return [hashlib.blake2b(row.tobytes(), digest_size=16).digest() for row in rows]
