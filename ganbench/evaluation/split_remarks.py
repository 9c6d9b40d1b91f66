"""Splits that do not fit their use: a single image, classes that another split lacks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch

_NAMED = 5  # classes that a remark names


def remarks_on_splits(splits: Mapping[str, Any], classes: int) -> Iterator[str]:
    """Remarks on the loaded splits of one data set, as whole sentences.

    :param splits: name -> what `Dataset.load` returned.
    :param classes: of the data set; 0 without.
    """
    for split, data in splits.items():
        if len(data) == 1:
            yield f"{split} split: it has one image; nothing can be measured against it"
    known = {split: _names(data) for split, data in splits.items() if _names(data)}
    train = known.get("train", ())
    for split, names in known.items():
        if train and names != train:
            yield (
                f"{split} split: its classes are {_listed(names)}, but those of the train split are "
                f"{_listed(train)}: labels mean different things"
            )
    present = {split: _present(data) for split, data in splits.items()}
    for split, there in present.items():
        if there is not None:
            yield from _remarks_on_classes(split, there, classes, train, present.get("train"))
        elif present.get("train") and split != "train":
            yield f"{split} split: its images have no classes, but those of the train split have"


def _remarks_on_classes(
    split: str, there: set[int], classes: int, names: tuple[str, ...], trained: set[int] | None
) -> Iterator[str]:
    absent = sorted(set(range(classes)) - there)
    beyond = sorted(number for number in there if number >= classes)
    if beyond:
        yield (
            f"{split} split: it has images of {_classes(beyond, names)}, but the data set has {classes} "
            "classes, numbered from 0"
        )
    if absent and split == "train":
        yield f"train split: it has no images of {_classes(absent, names)}, so no generator learns that"
    elif absent and trained is not None and (unseen := sorted(set(absent) & trained)):
        yield f"{split} split: it has no images of {_classes(unseen, names)}, which the train split has"


def _classes(numbers: list[int], names: tuple[str, ...]) -> str:
    """``class cat`` or ``classes cat, dog and 3 more``."""
    called = [names[number] if number < len(names) else str(number) for number in numbers]
    return f"{'class' if len(called) == 1 else 'classes'} {_listed(called)}"


def _listed(names: list[str] | tuple[str, ...]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _names(data: Any) -> tuple[str, ...]:
    return tuple(getattr(data, "class_names", ()))


def _present(data: Any) -> set[int] | None:
    """The classes of a split's images; None without labels."""
    labels = getattr(data, "labels", None)
    if labels is None:
        labels = getattr(data, "targets", None) if not hasattr(data, "images") else None
    if labels is None:
        return None
    return set(torch.as_tensor(labels).unique().tolist())
