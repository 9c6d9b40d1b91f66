"""The classes and the splits of image files, from their names.

The leading folders that all files share are ignored. Then

- if every file lies in a folder ``train`` or ``test`` (or ``val``, ``valid``, ``validation``), and
  there are some of both, these are the splits, and the folders below them count from here on;
  where there are a ``test`` and a validation folder, the latter is left out;
- if every file lies in a folder and there are at least two, the folders are the classes, in
  alphabetical order; else there are no classes.

Without such split folders, a file is in the test split by a hash of its name, so that files that
are added or removed move no others.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import PurePosixPath
from typing import Literal

Split = Literal["train", "test"]

_TRAIN = "train"
_TESTS = ("test", "val", "valid", "validation")


@dataclass(frozen=True)
class Layout:
    """The names of files, their splits and classes.

    :ivar names: the files, sorted.
    :ivar splits: the split of each file; None for one that is left out.
    :ivar labels: the class of each file, or None without classes.
    :ivar class_names: in the order of the labels.
    :ivar notes: sentences about a layout that may not be meant so.
    """

    names: tuple[str, ...]
    splits: tuple[Split | None, ...]
    labels: tuple[int, ...] | None
    class_names: tuple[str, ...]
    notes: tuple[str, ...] = ()

    def members(self, split: Split) -> list[int]:
        """Positions of a split's files."""
        return [position for position, own in enumerate(self.splits) if own == split]


def arrange(names: Sequence[str], test_fraction: float) -> Layout:
    """The layout of files with these names: relative, with forward slashes."""
    ordered = tuple(sorted(names))
    folders = _without_shared([PurePosixPath(name).parts[:-1] for name in ordered])
    splits = _splits_by_folder(folders)
    if splits:
        folders = _without_shared([parts[1:] for parts in folders])
    else:
        splits = _splits_by_hash(ordered, test_fraction)
    class_names = tuple(sorted({parts[0] for parts in folders if parts}))
    if len(class_names) < 2 or not all(folders):
        return Layout(ordered, splits, None, (), tuple(_notes(folders, class_names)))
    number = {name: label for label, name in enumerate(class_names)}
    return Layout(ordered, splits, tuple(number[parts[0]] for parts in folders), class_names)


def _notes(folders: Sequence[tuple[str, ...]], class_names: tuple[str, ...]) -> Iterator[str]:
    loose = sum(not parts for parts in folders)
    if loose and len(class_names) >= 2:
        yield (
            f"{loose} of {len(folders)} images are in no class folder, so the data has no classes; "
            f"move them into one, as those in {class_names[0]}, or out of the way"
        )


def _without_shared(folders: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    levels = zip(*folders, strict=False)  # as deep as the shallowest
    shared = sum(1 for _ in takewhile(lambda level: len(set(level)) == 1, levels))
    return [parts[shared:] for parts in folders]


def _splits_by_folder(folders: Sequence[tuple[str, ...]]) -> tuple[Split | None, ...]:
    """The splits that the folders name; empty if they name none."""
    heads = [parts[0].lower() if parts else "" for parts in folders]
    tests = [name for name in _TESTS if name in heads]
    if _TRAIN not in heads or not tests or not set(heads) <= {_TRAIN, *_TESTS}:
        return ()
    meaning: dict[str, Split] = {_TRAIN: "train", tests[0]: "test"}
    return tuple(meaning.get(head) for head in heads)


def _splits_by_hash(names: Sequence[str], test_fraction: float) -> tuple[Split | None, ...]:
    return tuple("test" if _share(name) < test_fraction else "train" for name in names)


def _share(name: str) -> float:
    """A number in [0, 1) that depends on the name alone."""
    return (
        int.from_bytes(hashlib.sha256(name.encode("utf-8", "surrogateescape")).digest()[:8]) / 2**64
    )
