"""The small classifiers that ganbench ships, so that everybody has the same features.

Training gives the same bits on one kind of processor only. `make_weights` makes the files again.
"""

from __future__ import annotations

import hashlib
from importlib.resources import as_file, files
from typing import TYPE_CHECKING, Any

from ganbench import DataSpec, ImageData
from ganbench_extractors.classifier_file import load_classifier, read_record

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn

RECIPE = (
    1  # of the network and its training; raise it when either changes, and make the files again
)
FOLDER = "weights"


def content_of(data: ImageData) -> str:
    """A hash of images and labels."""
    digest = hashlib.sha256(repr(tuple(data.images.shape)).encode())
    for tensor in (data.images, data.labels):
        if tensor is not None:
            digest.update(tensor.cpu().contiguous().numpy().data)
    return digest.hexdigest()


def fitting(spec: DataSpec) -> dict[str, Any]:
    """The shape that a record and the data must share for its classifier to fit."""
    return {"recipe": RECIPE, "shape": list(spec.shape), "classes": spec.classes}


def load_shipped(
    network: nn.Module, spec: DataSpec, train: Callable[[], ImageData]
) -> dict[str, Any] | None:
    """Fill the network with the weights for data of this content, and return their record.

    :param train: loads the training split; called only if there are weights for data of its shape.
    :returns: None if no shipped classifier was trained on these images and labels.
    """
    content = None
    for entry in (files("ganbench_extractors") / FOLDER).iterdir():
        with as_file(entry) as path:
            record = read_record(path)
            if not fitting(spec).items() <= record.items():
                continue
            content = content or content_of(train())
            if record["content"] == content:
                return load_classifier(path, network)
    return None
