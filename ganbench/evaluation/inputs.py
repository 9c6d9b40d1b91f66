"""Open the fake and the real images that the user names."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import torch

from ganbench.base.channels import MOST_CHANNELS, view_rule
from ganbench.base.errors import DataNotFoundError, UsageError, did_you_mean
from ganbench.base.image_files import is_archive, open_images
from ganbench.base.paths import check_path
from ganbench.components.data import DataSpec
from ganbench.evaluation.npz import NpzSource, members, single_array
from ganbench.evaluation.progress_meter import Meter
from ganbench.evaluation.sampled_source import TrialSource
from ganbench.evaluation.sources import FileSource, Source, TensorSource
from ganbench.evaluation.splits import Splits
from ganbench.evaluation.statistics_files import (
    Statistics,
    holds_more,
    holds_statistics,
    read_statistics,
)
from ganbench.evaluation.value_ranges import advice, range_of
from ganbench.generators.trained import component_of
from ganbench.registry.lookup import ResolvedComponent, default_registry
from ganbench.store.run_folder import RunFolder
from ganbench.store.run_selectors import split_run
from ganbench.store.trial_folder import TrialFolder
from ganbench.store.trial_search import candidates


class Published(NamedTuple):
    """Statistics from a file.

    :ivar notes: warnings for the user.
    """

    label: str
    statistics: Statistics
    notes: list[str]


@dataclass(frozen=True)
class Inputs:
    """The two sides of a comparison.

    :ivar real: None if no metric compares.
    :ivar dataset: the data set of the real images, if they come from one.
    """

    fake: Source | Published
    real: Source | Published | None
    dataset: ResolvedComponent | None

    @property
    def real_images(self) -> Source | None:
        """The real side, where it is images."""
        return self.real if isinstance(self.real, Source) else None

    @property
    def sources(self) -> list[Source]:
        """The sides that are images."""
        return [side for side in (self.real, self.fake) if isinstance(side, Source)]

    @property
    def published(self) -> list[Published]:
        """The sides that are statistics."""
        return [side for side in (self.real, self.fake) if isinstance(side, Published)]

    @property
    def same(self) -> bool:
        """Whether both sides are the same images."""
        real, fake = self.real_images, self.fake
        if real is None or not isinstance(fake, Source) or real.kind != fake.kind:
            return False
        return real.content() == fake.content()

    @functools.cached_property
    def channels(self) -> int:
        """Three as in torch-fidelity; one if the real side is a data set of gray images.

        Beside statistics, as many as these were made with, if they say so.
        """
        real, fake = self.real_images, self.fake
        if real is None or not (real.points or self.dataset is not None):
            if isinstance(fake, Source) and fake.points:
                return fake.channels
            for side in self.published:
                stated = side.statistics.channels
                if stated in (1, 3) or (isinstance(fake, Source) and stated == fake.channels):
                    return stated
            self._tell_view()
            return 3
        if not isinstance(fake, Source):
            return real.channels
        if real.channels not in (1, 3) and fake.channels != real.channels and not real.points:
            raise UsageError(
                f"{real.label} has {real.channels} channels, and {fake.label} has {fake.channels}; "
                "compare images of equal channels, or two folders of pictures"
            )
        if real.channels == 1 and fake.channels == 3 and not real.points:
            fake.notes.append(f"{fake.label} was converted to gray, because {real.label} is gray")
        return real.channels

    def _tell_view(self) -> None:
        """Note by which rule images of other channels are seen in color."""
        for source in self.sources:
            rule = view_rule(source.channels, source.alpha)
            if rule:
                source.notes.append(f"of {source.label}, the networks see {rule}")

    def check_kinds(self) -> None:
        """Raise UsageError if one side holds points and the other images."""
        real, fake = self.real_images, self.fake
        if real is not None and isinstance(fake, Source) and real.points != fake.points:
            points, images = (real, fake) if real.points else (fake, real)
            raise UsageError(f"{points.label} holds points, but {images.label} holds images")

    def shape(self, classes: int) -> DataSpec:
        """The shape of most of the real images, or of the fake ones; one side must be images."""
        source = self.sources[0]
        (height, width), _ = source.sizes.most_common(1)[0]
        kind: Literal["image", "points"] = "points" if source.points else "image"
        alpha = source.alpha and source.channels == self.channels
        return DataSpec(self.channels, height, width, classes, kind, alpha=alpha)


@dataclass(frozen=True)
class Opener:
    """Opens the images that the user names.

    :param samples: images of a trial's generator.
    :param split: of a data set.
    :ivar device: of the networks.
    :ivar meter: receives the progress of the work.
    """

    splits: Splits
    cache: Path
    device: torch.device
    samples: int
    seed: int
    split: str
    skip_broken: bool
    meter: Meter

    def check_fake(self, named: Any) -> None:
        """Raise UsageError for a text that `fake` cannot open."""
        if not isinstance(named, (str, Path)):
            return
        check_path(named, "--fake")
        _refuse_run(str(named))
        if find_trial(str(named)) is None and not Path(named).expanduser().exists():
            raise DataNotFoundError(
                f"--fake {named}: this is not a folder, archive, .npz file or trial "
                "(write RUN:TRIAL, such as runs/quick:dcgan-hinge-digits-s0)"
            )

    def fake(self, named: Any) -> Source | Published:
        """What is measured: a folder, an archive, an .npz file, a trial, an array, or statistics."""
        if not isinstance(named, (str, Path)):
            return _in_memory(named, "fake")
        text, path = str(named), Path(named).expanduser()
        trial = find_trial(text)
        if trial is not None:
            root = self.splits.root
            return TrialSource(text, trial, self.samples, self.seed, self.device, root)
        return _statistics(text, path) or self._images(text, path)

    def real(self, named: Any) -> tuple[Source | Published, ResolvedComponent | None]:
        """Images to compare with, or their statistics; and their data set, if they have one."""
        if not isinstance(named, (str, Path, ResolvedComponent)):
            return _in_memory(named, "real"), None
        if not isinstance(named, ResolvedComponent):
            check_path(named, "--real")
        dataset = named if isinstance(named, ResolvedComponent) else _dataset(str(named))
        if dataset is not None:
            return self.splits.source(dataset, self.split), dataset
        text, path = str(named), Path(str(named)).expanduser()
        _refuse_run(text)
        if not path.exists():
            names = default_registry().components("dataset")
            said = {name: info.aliases for name, info in names.items()}
            raise DataNotFoundError(
                f"--real {text}: this is not a folder, archive, .npz file or data set"
                f"{did_you_mean(text.partition('[')[0], names, said)}"
            )
        return _statistics(text, path) or self._images(text, path), None

    def _images(self, text: str, path: Path) -> Source:
        if path.is_file() and path.suffix.lower() == ".npz":
            return NpzSource(text, path)
        if path.is_file() and path.suffix.lower() == ".npy":
            raise UsageError(single_array(path))
        if not path.is_dir() and not (path.is_file() and is_archive(path)):
            raise UsageError(f"{text} is neither a folder, a zip or tar archive, nor an .npz file")
        files = open_images(path)
        self.meter.begin(f"looking at {text}", len(files.names))
        return FileSource(text, files, self.cache, self.skip_broken, self.meter.advance)


def find_trial(text: str) -> TrialFolder | None:
    """The trial that ``RUN:TRIAL``, ``RUN/TRIAL`` or its own folder names; None for another text.

    :raises UsageError: if the run exists, but not the trial.
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
    found = split_run(text)
    if found is None:
        found = split_run(str(path.parent))
        if found is None or found.selector:
            return None
        return found.run.find(path.name)
    return found.run.find(found.selector) if found.selector else None


def _refuse_run(text: str) -> None:
    """Raise UsageError for a run folder; says which trials it has."""
    run = RunFolder(Path(text).expanduser())
    if not (run.path.is_dir() and run.trials_dir.is_dir()):
        return
    trials = list(run.trials())
    known = f"; its trials:{candidates(trials)}" if trials else ", which has no trial yet"
    raise UsageError(
        f"{text} is a run folder; name one of its trials, as in {text.rstrip('/')}:best{known}"
    )


def dataset_of(folder: TrialFolder) -> ResolvedComponent:
    """The data set of a trial, from the same distribution as in the trial."""
    identity = folder.read_identity()
    if identity is None:
        raise UsageError(f"trial {folder.id} has no readable trial.json; name them with --real")
    return component_of("dataset", identity, folder)


def _dataset(text: str) -> ResolvedComponent | None:
    """The data set that a text names; ./NAME names a folder instead."""
    name = text.partition("[")[0].strip()
    registry = default_registry()
    qualified = ":" in name and not Path(text).exists() and "/" not in name
    if name in registry.components("dataset") or (qualified and "[" in text):
        return registry.bind("dataset", text)
    return None


def _statistics(text: str, path: Path) -> Published | None:
    """The statistics in a file; None for anything else."""
    if path.suffix.lower() != ".npz" or not path.is_file():
        return None
    arrays = members(path)
    if not holds_statistics(arrays):
        return None
    found, notes = read_statistics(path), []
    if not found.extractor:
        notes.append(
            f"{text} holds published statistics: they are comparable only if they come from the same "
            "network, weights and resizing"
        )
    if holds_more(arrays):
        notes.append(f"only mu and sigma of {text} are used, not its images")
    return Published(text, found, notes)


def _how_to_convert(tensor: torch.Tensor) -> str:
    """Advice for values of another type; empty for the right type."""
    if tensor.dtype == torch.uint8 or not tensor.numel() or tensor.is_complex():
        return ""
    whole = not tensor.dtype.is_floating_point
    array = (tensor if whole else tensor.double()).detach().cpu().numpy()
    return f"; {advice(array.dtype, range_of([array]))}"


def _how_to_arrange(shape: tuple[int, ...]) -> str:
    """Advice for an array whose axes are in another order; empty where none is certain."""
    if len(shape) == 4 and not _is_arranged(shape) and 1 <= shape[3] <= MOST_CHANNELS:
        return "; move the channels forward with x.transpose(0, 3, 1, 2) in numpy"
    if len(shape) == 3 and shape[2] in (1, 3, 4):
        return "; this looks like one image (height, width, channels): x.transpose(2, 0, 1)[None]"
    if len(shape) == 3 and shape[0] in (1, 3):
        return "; this looks like one image (channels, height, width): x[None]"
    if len(shape) == 3:
        return "; give gray images their channel with x[:, None]"
    return ""


def _is_arranged(shape: tuple[int, ...]) -> bool:
    """Whether an array is (n, channels, height, width), as far as its shape tells."""
    if len(shape) != 4 or not 1 <= shape[1] <= MOST_CHANNELS:
        return False
    return shape[1] in (1, 3) or shape[3] > MOST_CHANNELS or shape[1] <= min(shape[2:])


def _in_memory(images: Any, name: str) -> Source:
    try:
        tensor = images if isinstance(images, torch.Tensor) else torch.as_tensor(np.asarray(images))
    except (TypeError, ValueError):  # of texts, of objects, of lists of unlike lengths
        raise UsageError(
            f"{name} must be a path or uint8 images, not {type(images).__name__}"
        ) from None
    if tensor.dtype != torch.uint8 or not _is_arranged(tensor.shape):
        raise UsageError(
            f"{name} must be uint8 images (n, 1 to {MOST_CHANNELS}, height, width), not {tensor.dtype} "
            f"{tuple(tensor.shape)}{_how_to_arrange(tensor.shape)}{_how_to_convert(tensor)}"
        )
    if not tensor.numel():
        raise UsageError(f"{name} has no images: its shape is {tuple(tensor.shape)}")
    return TensorSource(f"{name} images", tensor.detach().cpu())
