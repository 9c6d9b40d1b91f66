"""What a fit has decided, in its folder: the same command goes on from there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ganbench.base.errors import UsageError
from ganbench.base.files import write_atomically
from ganbench.fit.candidates import Candidate
from ganbench.fit.halving import Cost, Start

FILE = "fit.json"
_VERSION = 1


@dataclass
class Round:
    """One round.

    :ivar cells: places of the candidates in `FitRecord.cells`.
    :ivar multiple: of the first round's steps and ticks.
    :ivar trials: the ids of the round's trials, once it has ended.
    """

    cells: list[int]
    multiple: int
    trials: list[str] = field(default_factory=list)
    ended: bool = False


@dataclass
class FitRecord:
    """The choices and the rounds.

    :ivar images: the folder of images, absolute.
    :ivar fingerprint: of its files.
    :ivar dataset: its spec.
    :ivar cells: the candidates that take part, the quickest first.
    :ivar costs: of each of them, in seconds.
    """

    images: str
    fingerprint: str
    dataset: str
    training: Mapping[str, Any]
    evaluation: Mapping[str, Any]
    cells: list[Candidate]
    costs: list[Cost]
    start: Start
    rounds: list[Round] = field(default_factory=list)

    def save(self, folder: Path) -> None:
        """Write it down; raises StorageError."""
        content = {"version": _VERSION, **asdict(self)}
        write_atomically(folder / FILE, json.dumps(content, indent=2) + "\n")


def load(folder: Path, images: Path, fingerprint: str) -> FitRecord | None:
    """The record of an earlier fit in a folder; None without one.

    :raises UsageError: if it is of other images, or damaged.
    """
    path = folder / FILE
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be read ({error}); give another folder with -o") from None
    if found.pop("version", None) != _VERSION or found["images"] != str(images):
        raise UsageError(
            f"{folder} has a fit of {found.get('images')}; give another folder with -o"
        )
    if found["fingerprint"] != fingerprint:
        raise UsageError(
            f"the images in {images} changed since the fit in {folder} began; give another folder "
            "with -o"
        )
    found["costs"] = [Cost(**one) for one in found["costs"]]
    found["rounds"] = [Round(**one) for one in found["rounds"]]
    return FitRecord(**{**found, "start": Start(**found["start"])})
