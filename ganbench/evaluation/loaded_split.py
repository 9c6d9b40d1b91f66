"""Whether a data set loaded what its contract says: one sentence in place of a later consequence."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from ganbench.base.errors import ContractError
from ganbench.base.text import kind_of_value
from ganbench.components.data import DataSpec, ImageData

_RIGHT = (
    "return a ganbench.ImageData, or a torch.utils.data data set of (uint8 image (c, h, w), label) "
    "pairs"
)

_NO_DATA_SETS = (tuple, list, dict, str, torch.Tensor, np.ndarray)


def check_loaded(where: str, data: Any) -> None:
    """Check what `Dataset.load` returned.

    :param where: names the call, such as ``load('train', root) of stripes``.
    :raises ContractError: says what it is, and what to return.
    """
    if isinstance(data, ImageData):
        _check_images(where, data)
    elif isinstance(data, _NO_DATA_SETS) or not _is_data_set(data):
        raise ContractError(f"{where} returns {_kind(data)}: {_RIGHT}")
    elif len(data):
        _check_item(where, data[0])


def check_spec(where: str, data: ImageData, spec: DataSpec) -> None:
    """Check that samples are what `Dataset.spec` says, since networks are built for that.

    :raises ContractError: names both.
    """
    found = data.spec
    if (found.shape, found.kind) != (spec.shape, spec.kind):
        types = "; images are uint8, float32 is for points" if found.kind != spec.kind else ""
        problem = f"{where} gives {found}, and spec(root) says {spec}: they must agree{types}"
        raise ContractError(problem)
    if spec.classes and found.classes > spec.classes:
        raise ContractError(
            f"{where} gives labels up to {found.classes - 1}, and spec(root) says {spec.classes} "
            f"classes: labels are 0 to {spec.classes - 1}"
        )


def _check_images(where: str, data: ImageData) -> None:
    if data.images.is_floating_point() and not bool(data.images.isfinite().all()):
        raise ContractError(f"{where} gives values that are not finite")
    low = int(data.labels.min()) if data.labels is not None and len(data) else 0
    if low < 0:
        raise ContractError(f"{where} gives the label {low}: labels are class numbers from 0 on")


def _check_item(where: str, item: Any) -> None:
    """The first item stands for all."""
    if not isinstance(item, (tuple, list)) or len(item) != 2:
        raise ContractError(f"{where} has items of {_kind(item)}: make them (image, label) pairs")
    image, label = item
    try:
        pixels = torch.as_tensor(image)
    except (TypeError, ValueError, RuntimeError):
        raise ContractError(
            f"{where} has items whose image is {_kind(image)}: make it a uint8 tensor (c, h, w), for "
            "example by torchvision.transforms.functional.pil_to_tensor"
        ) from None
    if pixels.dtype != torch.uint8 or pixels.ndim != 3:
        raise ContractError(
            f"{where} has items whose image is {tuple(pixels.shape)} of {pixels.dtype}: make it a "
            "uint8 tensor (c, h, w)"
        )
    try:
        int(-1 if label is None else label)
    except (TypeError, ValueError):
        raise ContractError(
            f"{where} has items with the label {label!r}: make it a class number from 0 on"
        ) from None


def _is_data_set(data: Any) -> bool:
    return hasattr(data, "__getitem__") and hasattr(data, "__len__")


def _kind(value: Any) -> str:
    size = f" of {len(value)}" if isinstance(value, (tuple, list)) else ""
    return f"{kind_of_value(value)}{size}"
