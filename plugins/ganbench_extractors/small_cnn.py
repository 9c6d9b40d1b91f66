"""A small classifier as feature extractor, for labeled data unlike Inception's photographs."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import filelock

import ganbench
from ganbench import (
    DataSpec,
    Extractor,
    ExtractorContext,
    FeatureNetwork,
    ImageData,
    UsageError,
    option,
)
from ganbench.base.errors import StorageError
from ganbench.base.files import json_digest
from ganbench.base.tensor_files import weights_digest
from ganbench_extractors.classifier_file import load_classifier, save_classifier
from ganbench_extractors.color import features_of
from ganbench_extractors.shipped import RECIPE, content_of, load_shipped

if TYPE_CHECKING:
    from ganbench_extractors.classifier import Classifier

_SMALLEST = 8


class SmallCnn(Extractor):
    """The penultimate layer of a classifier that is trained on the data set's training split.

    If that split has no labels, ``of`` names a data set with labels: small-cnn[of=mnist] for
    two-classes[of=mnist,a=3,b=8]. Its images must have the samples' size and channels.

    For digits and mnist the weights come with ganbench, bound to the content of these data. For other
    data the network is trained on first use, which gives the same bits on one kind of processor only,
    and cached under the data's content. The weights' hash is part of the identity.
    """

    steps: int | None = option(None, "training steps of 128 images; none: 300 to 1000", ge=1)
    features: int = option(64, "length of the feature vector", ge=2)
    of: str = option("", "spec of a data set whose classes are learned in place of the data's own")

    def __post_init__(self) -> None:
        if self.of:  # an unknown name or option is an error at once
            ganbench.get("dataset", self.of)

    def problem(self, data: DataSpec) -> str | None:
        """Classes and images of 8 pixels a side are needed."""
        if data.kind != "image":
            return f"small-cnn needs images, not {data}; use the extractor pixels"
        if data.classes < 2 and not self.of:
            return (
                "small-cnn learns from labels, but the data has none; use small-cnn[of=…] with "
                "labeled data of this size, inception-v3-compat or pixels"
            )
        if min(data.height, data.width) < _SMALLEST:
            return (
                f"small-cnn needs {_SMALLEST} pixels a side, not {data}; use the extractor pixels"
            )
        return None

    def prepare(self, context: ExtractorContext) -> FeatureNetwork:
        """The classifier that ganbench ships, or the cached one, or else a newly trained one."""
        from ganbench_extractors.classifier import new_classifier

        lessons = self._lessons(context)
        network = new_classifier(lessons.data, self.features).eval().requires_grad_(False)
        record = self._shipped(network, lessons) or self._cached(network, lessons, context)
        if "test_accuracy" in record:
            record |= {"majority_rate": _majority_rate(lessons.labeled("test"))}
        network.to(context.device)
        name = f"small-cnn[of={self.of}]" if self.of else "small-cnn"
        return FeatureNetwork(
            identity=f"{name}@{record['sha256'][:10]}",
            forward=features_of(network, lambda images: images),
            batch_size=512,
            classifies=not self.of,
            info=record,
        )

    def _shipped(self, network: Classifier, lessons: _Lessons) -> dict[str, Any] | None:
        if self != SmallCnn(of=self.of):
            return None
        return load_shipped(network, lessons.data, lambda: lessons.labeled("train"))

    def _cached(
        self, network: Classifier, lessons: _Lessons, context: ExtractorContext
    ) -> dict[str, Any]:
        """Train once; other processes wait."""
        path = context.cache / "small-cnn" / f"{self._key(lessons)}.safetensors"
        record = load_classifier(path, network)
        if record is None:
            with _only_process(path):
                record = load_classifier(path, network)
                if record is None:
                    trained, record = self._train(lessons, context.log)
                    with contextlib.suppress(StorageError):  # it is trained again the next time
                        save_classifier(path, trained, record)
                    network.load_state_dict(trained.state_dict())
                    record |= {"sha256": weights_digest(network)}
        return record

    def _lessons(self, context: ExtractorContext) -> _Lessons:
        if self.of:
            return _borrowed_lessons(self.of, context)
        return _Lessons(context.data, context.load, context.dataset_key)

    def _train(
        self, lessons: _Lessons, log: Callable[[str], None]
    ) -> tuple[Classifier, dict[str, Any]]:
        from ganbench_extractors.classifier import accuracy, train_classifier, usual_steps

        train = lessons.labeled("train")
        steps = self.steps or usual_steps(len(train))
        where = f" on {self.of}" if self.of else ""
        log(f"training the small classifier for features{where} ({steps} steps)")
        network = train_classifier(train, lessons.data, self.features, steps)
        record: dict[str, Any] = {"steps": steps, "train_images": len(train)}
        with contextlib.suppress(UsageError):  # some data has no test split
            record["test_accuracy"] = accuracy(network, lessons.labeled("test"))
            log(f"its accuracy on the test split is {record['test_accuracy']:.2%}")
        return network, record

    def _key(self, lessons: _Lessons) -> str:
        data = lessons.data
        parts = [RECIPE, lessons.key, data.shape, data.classes, self.steps, self.features]
        return json_digest(parts, 32)


class _Lessons(NamedTuple):
    """The training data of a classifier.

    :ivar key: identifies the training split's content.
    """

    data: DataSpec
    load: Callable[[str], ImageData]
    key: str

    def labeled(self, split: str) -> ImageData:
        data = self.load(split)
        if data.labels is None:
            raise UsageError(f"small-cnn learns from labels, but the {split} split has none")
        return data


def _majority_rate(data: ImageData) -> float:
    """The share of the most frequent class."""
    assert data.labels is not None
    return float(data.labels.bincount().max()) / len(data)


def _borrowed_lessons(of: str, context: ExtractorContext) -> _Lessons:
    """Those of the data set ``of``."""
    dataset = ganbench.get("dataset", of)
    spec: DataSpec = dataset.spec(context.root)
    if spec.kind != "image" or spec.shape != context.data.shape:
        learned, samples = (_without_sources(data) for data in (spec, context.data))
        raise UsageError(
            f"small-cnn[of={of}] learns from {learned}, but the samples are {samples}: name data of "
            "their size and channels"
        )
    if spec.classes < 2:
        raise UsageError(f"small-cnn[of={of}] learns from labels, but {of} has none")

    def load(split: str) -> ImageData:
        if split not in dataset.splits:
            raise UsageError(f"{of} has no {split} split")
        data = dataset.load(split, context.root)
        if not isinstance(data, ImageData):
            raise UsageError(f"small-cnn[of={of}] learns in memory, but {of} does not fit")
        return data

    return _Lessons(spec, load, f"{of} {content_of(load('train'))}")


def _without_sources(data: DataSpec) -> DataSpec:
    return dataclasses.replace(data, source_channels=0, pairing="none")


@contextlib.contextmanager
def _only_process(path: Path) -> Iterator[None]:
    """Make other processes wait; without file locks, each of them trains for itself."""
    with contextlib.ExitStack() as held:
        with contextlib.suppress(OSError, NotImplementedError):  # of a file system without locks
            path.parent.mkdir(parents=True, exist_ok=True)
            held.enter_context(filelock.FileLock(path.with_suffix(".lock")))
        yield
