"""What a person names as the two sides of a comparison, opened."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from ganbench.components.data import DataSpec
from ganbench.errors import DataNotFoundError, UsageError, did_you_mean
from ganbench.evaluation.image_files import is_archive, open_images
from ganbench.evaluation.npz import (
    NpzSource,
    Statistics,
    holds_statistics,
    members,
    read_statistics,
)
from ganbench.evaluation.ranges import advice, range_of
from ganbench.evaluation.sources import (
    FileSource,
    Source,
    TensorSource,
    split_source,
)
from ganbench.execution.generated import TrialSource
from ganbench.paths import check_path
from ganbench.registry.lookup import Bound, default_registry
from ganbench.registry.specs import Spec
from ganbench.results.store import RunFolder, TrialFolder


class Published(NamedTuple):
    """Statistics from a file.

    :ivar notes: sentences that a person should read.
    """

    label: str
    statistics: Statistics
    notes: list[str]


@dataclass(frozen=True)
class Opener:
    """Opens what is named.

    :param samples: images of a trial's generator.
    :param looking: (label, files) -> what is told how many of the files have been looked at.
    """

    root: Path
    cache: Path
    device: torch.device
    samples: int
    seed: int
    split: str
    skip_broken: bool
    looking: Callable[[str, int], Callable[[int], None]]

    def check_fake(self, named: Any) -> None:
        """Raise UsageError if a text names nothing that `fake` could open."""
        if not isinstance(named, (str, Path)):
            return
        check_path(named, "--fake")
        if find_trial(str(named)) is not None:
            return
        if not Path(named).expanduser().exists():
            raise DataNotFoundError(
                f"--fake {named}: there is no such folder, archive or .npz file, and no such trial "
                "(write RUN:TRIAL, such as runs/quick:dcgan-hinge-digits-s0)"
            )

    def fake(self, named: Any) -> Source:
        """Images to be measured: a folder, an archive, an .npz file, a trial, or an array."""
        if not isinstance(named, (str, Path)):
            return _in_memory(named, "fake")
        text = str(named)
        path = Path(text).expanduser()
        trial = find_trial(text)
        if trial is not None:
            return TrialSource(text, trial, self.samples, self.seed, self.device, self.root)
        if path.exists():
            if path.suffix.lower() == ".npz" and holds_statistics(members(path)):
                raise UsageError(
                    f"{text} holds published statistics; they can only be the real side"
                )
            return self._images(text, path)
        raise DataNotFoundError(
            f"--fake {text}: there is no such folder, archive or .npz file, and no such trial "
            "(write RUN:TRIAL, such as runs/quick:dcgan-hinge-digits-s0)"
        )

    def real(self, named: Any) -> tuple[Source | Published, Bound | None]:
        """Images to be measured against, or their statistics; a data set is told as well."""
        if not isinstance(named, (str, Path, Bound)):
            return _in_memory(named, "real"), None
        if not isinstance(named, Bound):
            check_path(named, "--real")
        bound = named if isinstance(named, Bound) else _dataset(str(named))
        if bound is not None:
            return self._split_of(bound), bound
        text = str(named)
        path = Path(text).expanduser()
        if not path.exists():
            names = default_registry().components("dataset")
            raise DataNotFoundError(
                f"--real {text}: there is no such folder, archive or .npz file, and no such data "
                f"set{did_you_mean(text.partition('[')[0], names)}"
            )
        if path.suffix.lower() == ".npz":
            arrays = members(path)
            if holds_statistics(arrays):
                return _published(text, path, len(arrays) > 2), None
        return self._images(text, path), None

    def _images(self, text: str, path: Path) -> Source:
        if path.is_file() and path.suffix.lower() == ".npz":
            return NpzSource(text, path)
        if path.is_dir() and (path / "trials").is_dir():
            raise UsageError(
                f"{text} is a run folder; name one of its trials: {text.rstrip('/')}:TRIAL"
            )
        if not path.is_dir() and not (path.is_file() and is_archive(path)):
            raise UsageError(f"{text} is neither a folder, a zip or tar archive, nor an .npz file")
        files = open_images(path)
        return FileSource(
            text, files, self.cache, self.skip_broken, self.looking(text, len(files.names))
        )

    def _split_of(self, bound: Bound) -> Source:
        return split_source(bound, self.split, self.root)


def find_trial(text: str) -> TrialFolder | None:
    """The trial that ``RUN:TRIAL``, ``RUN/TRIAL`` or its own folder names; None if it is none.

    :raises UsageError: if there is such a run, but no such trial in it.
    """
    path = Path(text).expanduser()
    if (
        path.is_dir()
        and path.absolute().parent.name == "trials"
        and (path / "trial.json").is_file()
    ):
        return TrialFolder(path.absolute())
    if path.exists():
        return None
    run, colon, trial = text.rpartition(":")
    for folder, name in ((run, trial) if colon else ("", ""), (str(path.parent), path.name)):
        where = Path(folder).expanduser()
        if folder and name and (where / "trials").is_dir():
            return RunFolder(where).open().find(name)
    return None


def dataset_of(folder: TrialFolder) -> Bound:
    """The data set of a trial, from the distribution that the trial had it from."""
    known = (folder.read_identity() or {}).get("dataset")
    try:
        spec = Spec(known["name"], known["options"], known["provider"])  # type: ignore[index]
    except (KeyError, TypeError):
        raise UsageError(f"trial {folder.id} has no readable trial.json; say --real") from None
    return default_registry().bind("dataset", spec)


def shape_of(source: Source, channels: int, classes: int) -> DataSpec:
    """The shape of most of the images."""
    (height, width), _ = source.sizes.most_common(1)[0]
    kind = "points" if source.points else "image"
    return DataSpec(channels, height, width, classes, kind)  # type: ignore[arg-type]


def _dataset(text: str) -> Bound | None:
    """The data set that a text names. A folder of the same name is meant by ./NAME."""
    name = text.partition("[")[0].strip()
    registry = default_registry()
    qualified = ":" in name and not Path(text).exists() and "/" not in name
    if name in registry.components("dataset") or (qualified and "[" in text):
        return registry.bind("dataset", text)
    return None


def _published(text: str, path: Path, more: bool) -> Published:
    notes = [
        f"{text} holds published statistics: they compare only if they were made with the same "
        "network, weights and resizing"
    ]
    if more:
        notes.append(f"only mu and sigma of {text} are used, and none of its images")
    return Published(text, read_statistics(path), notes)


def _how_to_convert(tensor: torch.Tensor) -> str:
    """What to do with values of another type; empty where the type is right."""
    if tensor.dtype == torch.uint8 or not tensor.numel() or tensor.is_complex():
        return ""
    whole = not tensor.dtype.is_floating_point
    array = (tensor if whole else tensor.double()).detach().cpu().numpy()
    return f"; {advice(array.dtype, range_of([array]))}"


def _in_memory(images: Any, name: str) -> Source:
    try:
        tensor = images if isinstance(images, torch.Tensor) else torch.as_tensor(np.asarray(images))
    except (TypeError, ValueError):  # of texts, of objects, of lists of unlike lengths
        raise UsageError(
            f"{name} must be a path or uint8 images, not {type(images).__name__}"
        ) from None
    if tensor.ndim != 4 or tensor.dtype != torch.uint8 or tensor.shape[1] not in (1, 3):
        raise UsageError(
            f"{name} must be uint8 images (n, 1 or 3, height, width), not {tensor.dtype} "
            f"{tuple(tensor.shape)}{_how_to_convert(tensor)}"
        )
    return TensorSource(f"{name} images", tensor.detach().cpu())
