"""``gb.load_generator``, ``gb.sample`` and ``gb.export``: a trial's generator in Python."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from ganbench.base.backends import default_switches
from ganbench.base.devices import choose_device
from ganbench.base.errors import UsageError
from ganbench.base.fitting import Fit
from ganbench.base.paths import data_root
from ganbench.base.pixels import to_uint8
from ganbench.generators.export import Exported
from ganbench.generators.export import export as write
from ganbench.generators.given_images import picture_files, read_pictures
from ganbench.generators.projection import Projection, Search, check_projectable
from ganbench.generators.projection import project as search_latents
from ganbench.generators.trained import Trained, held_out_images, load_trained
from ganbench.store.run_folder import RunFolder
from ganbench.store.trial_folder import TrialFolder


def load_generator(
    run: str | os.PathLike[str],
    trial: str = "best",
    *,
    which: str = "last",
    device: str | None = "cpu",
) -> Trained:
    """The averaged generator of a trial: ``.generator`` is the `torch.nn.Module`.

    :param run: the run folder.
    :param trial: an id, a part of it, or a selector such as ``loss=hinge,seed=0``; by default the trial
        with the best primary metric.
    :param which: the ``last`` weights, or those of the ``best`` tick.
    :param device: ``cpu``, ``cuda`` or ``cuda:0``; None for a GPU if there is one.
    :raises UsageError: if no trial fits, or several do, and without a checkpoint.
    """
    return load_trained(_found(run, trial), which, choose_device(device))


def sample(
    run: str | os.PathLike[str],
    trial: str = "best",
    n: int = 64,
    *,
    seed: int = 0,
    classes: Sequence[int] | None = None,
    truncation: float | None = None,
    device: str | None = None,
    data_dir: str | Path | None = None,
) -> torch.Tensor:
    """Samples of a trial's generator, the same as ``ganbench sample`` writes.

    :param trial: as in `load_generator`.
    :param n: how many; of a generator that translates at most the images of its test split.
    :param seed: of the latents.
    :param classes: of the samples, in turn; all by default.
    :param truncation: for an architecture that has it.
    :param device: that computes; by default a GPU if there is one. Latents do not depend on it.
    :param data_dir: where a generator that translates finds its images.
    :returns: (n, c, h, w) uint8 on the CPU; points as (n, 1, 1, d) float32.
    :raises UsageError: as `load_generator`, and for what the generator cannot do.
    """
    place = _found(run, trial)
    trained = load_trained(place, device=choose_device(device))
    with default_switches():
        if trained.translates:
            given = held_out_images(place, data_root(data_dir)).sources
            assert given is not None
            made = torch.cat(list(trained.translations(given[:n], seed)))
        else:
            made = trained.sample(n, seed, truncation, classes)
    return made if trained.data.kind == "points" else to_uint8(made)


def project(
    run: str | os.PathLike[str],
    trial: str = "best",
    images: Sequence[str | Path] | torch.Tensor | np.ndarray = (),
    *,
    steps: int = 200,
    starts: int = 4,
    seed: int = 0,
    fit: Fit = "crop",
    classes: Sequence[int] | None = None,
    device: str | None = None,
) -> Projection:
    """Latents from which a trial's generator makes given images, as ``ganbench project`` finds them.

    :param trial: as in `load_generator`.
    :param images: paths of pictures or folders, or (n, c, h, w) uint8 in the generator's own shape.
    :param steps: of Adam; 0 takes the nearest random candidate.
    :param starts: candidates that are moved.
    :param seed: of the candidates; the same seed gives the same latents.
    :param fit: how pictures of another shape fit: ``crop``, ``pad`` or ``stretch``.
    :param classes: to try, for a class-conditional generator; all by default.
    :raises UsageError: as `load_generator`, and for images or generators that do not go together.
    """
    trained = load_trained(_found(run, trial), device=choose_device(device))
    check_projectable(trained)
    if isinstance(images, (torch.Tensor, np.ndarray)):
        given = torch.as_tensor(images).cpu()
        if given.dtype != torch.uint8 or given.ndim != 4:
            raise UsageError(
                f"images must be uint8 (n, c, h, w), not {given.dtype} {tuple(given.shape)}"
            )
    else:
        single = isinstance(images, (str, Path))
        files = picture_files([images] if single else images)  # type: ignore[list-item]
        given = read_pictures(files, trained.data, fit) if files else torch.empty(0)
    if not len(given):
        raise UsageError("project needs at least one image")
    with default_switches():
        return search_latents(trained, given, seed, Search(steps=steps, starts=starts), classes)


def export(
    run: str | os.PathLike[str],
    trial: str = "best",
    out: str | os.PathLike[str] | None = None,
    *,
    truncation: float | None = None,
    uint8: bool = False,
    device: str | None = "cpu",
) -> Exported:
    """Write a trial's generator to a file that works without ganbench, as ``ganbench export`` does.

    :param trial: as in `load_generator`.
    :param out: a ``.pt2`` or ``.onnx`` file; the trial's id and ``.pt2`` by default.
    :param truncation: a constant of the file, for an architecture that truncates.
    :param uint8: whether images are bytes.
    :param device: where a ``.pt2`` file computes.
    :raises UsageError: as `load_generator`, and for a wrong suffix or a missing package.
    :raises ganbench.base.errors.ExportError: if it cannot be exported, or differs from the original.
    """
    place = _found(run, trial)
    target = Path(f"{place.id}.pt2" if out is None else out)
    with default_switches():
        trained = load_trained(place, device=choose_device(device))
        return write(trained, target, truncation=truncation, uint8=uint8)


def _found(run: str | os.PathLike[str], trial: str) -> TrialFolder:
    return RunFolder(run).open().find(trial)
