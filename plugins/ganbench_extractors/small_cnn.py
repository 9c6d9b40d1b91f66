"""A small classifier as feature extractor, for data with classes that Inception knows little of."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from ganbench import (
    DataSpec,
    Extractor,
    ExtractorContext,
    FeatureNetwork,
    Features,
    ImageData,
    UsageError,
    option,
)
from ganbench_extractors.classifier_file import load_classifier, save_classifier

if TYPE_CHECKING:
    from ganbench_extractors.classifier import Classifier

_RECIPE = 1  # raise it when the network or its training changes
_SMALLEST = 8


class SmallCnn(Extractor):
    """The penultimate layer of a classifier that is trained on the data set's training split.

    The training is deterministic on one kind of processor; the weights are cached under the data's
    content, and their hash is part of the identity.
    """

    steps: int | None = option(None, "training steps of 128 images; none: 300 to 1000", ge=1)
    features: int = option(64, "length of the feature vector", ge=2)

    def problem(self, data: DataSpec) -> str | None:
        """Classes and images of 8 pixels a side are needed."""
        if data.kind != "image":
            return f"small-cnn looks at images, and these are {data}; use the extractor pixels"
        if data.classes < 2:
            return "small-cnn learns from labels, and there are none; use inception-v3-compat or pixels"
        if min(data.height, data.width) < _SMALLEST:
            return (
                f"small-cnn needs {_SMALLEST} pixels a side, not {data}; use the extractor pixels"
            )
        return None

    def prepare(self, context: ExtractorContext) -> FeatureNetwork:
        """The classifier from the cache, or trained and put there; others wait for it meanwhile."""
        from ganbench_extractors.classifier import new_classifier

        network = new_classifier(context.data, self.features).eval().requires_grad_(False)
        path = context.cache / "small-cnn" / f"{self._key(context)}.safetensors"
        record = load_classifier(path, network)
        if record is None:
            with _only_process(path):
                record = load_classifier(path, network)
                if record is None:
                    save_classifier(path, *self._train(context))
                    record = load_classifier(path, network)
        if record is None:
            raise UsageError(f"{path} does not keep the classifier that is written to it")
        network.to(context.device)
        return FeatureNetwork(
            identity=f"small-cnn@{record['sha256'][:10]}",
            forward=_forward(network),
            batch_size=512,
            classifies=True,
            info=record,
        )

    def _train(self, context: ExtractorContext) -> tuple[Classifier, dict[str, Any]]:
        from ganbench_extractors.classifier import accuracy, train_classifier, usual_steps

        train = _labelled(context, "train")
        steps = self.steps or usual_steps(len(train))
        context.log(f"training the small classifier for features ({steps} steps)")
        network = train_classifier(train, context.data, self.features, steps)
        record: dict[str, Any] = {"steps": steps, "train_images": len(train)}
        with contextlib.suppress(UsageError):  # some data has no test split
            record["test_accuracy"] = accuracy(network, _labelled(context, "test"))
            context.log(f"its accuracy on the test split is {record['test_accuracy']:.2%}")
        return network, record

    def _key(self, context: ExtractorContext) -> str:
        data = context.data
        parts = [_RECIPE, context.dataset_key, data.shape, data.classes, self.steps, self.features]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


def _labelled(context: ExtractorContext, split: str) -> ImageData:
    data = context.load(split)
    if data.labels is None:
        raise UsageError(f"small-cnn learns from labels, and the {split} split has none")
    return data


def _forward(network: Classifier) -> Any:
    @torch.no_grad()
    def forward(images: torch.Tensor) -> Features:
        return Features(*network(images))

    return forward


@contextlib.contextmanager
def _only_process(path: Path) -> Iterator[None]:
    import filelock

    path.parent.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(path.with_suffix(".lock")):
        yield
