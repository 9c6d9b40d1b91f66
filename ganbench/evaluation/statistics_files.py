"""Files of feature statistics: ``mu`` (d,) and ``sigma`` (d, d), as pytorch-fid reads and writes them.

ganbench's own files name the extractor and the number of images beside them.
"""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from ganbench.base.errors import UsageError, reason
from ganbench.base.files import write_atomically
from ganbench.evaluation.moments import Moments
from ganbench.evaluation.npz import DAMAGE, Member, members

_NEEDED = frozenset({"mu", "sigma"})
#: What ganbench writes beside them: identity and spec of the extractor, what it saw, number of images.
_OWN = frozenset({"extractor", "spec", "dataset", "channels", "n"})
_MOST_FEATURES = 16_384  # whose covariance takes 2 GiB


class Statistics(NamedTuple):
    """Mean and covariance of features.

    :ivar mean: (d,) fp64.
    :ivar cov: (d, d) fp64, symmetric.
    :ivar extractor: the identity of the network; empty if the file does not name it.
    :ivar spec: the extractor's spec; empty if the file does not name it.
    :ivar dataset: the spec of the data set that the extractor was made for; empty without one.
    :ivar channels: of the images that the extractor saw; 0 if the file does not name them.
    :ivar images: their number; 0 if the file does not name it.
    """

    mean: torch.Tensor
    cov: torch.Tensor
    extractor: str = ""
    spec: str = ""
    dataset: str = ""
    channels: int = 0
    images: int = 0

    def moments(self, device: torch.device) -> Moments:
        """As metrics read them. Without a number of images, the rank may be full."""
        count = self.images or len(self.mean) + 1
        return Moments(count, self.mean.to(device), self.cov.to(device))


def holds_statistics(arrays: Mapping[str, Member]) -> bool:
    """Whether a file holds statistics of features."""
    return set(arrays) >= _NEEDED


def holds_more(arrays: Mapping[str, Member]) -> bool:
    """Whether a file of statistics holds something else as well, such as images."""
    return not set(arrays) <= _NEEDED | _OWN


def read_statistics(path: Path) -> Statistics:
    """The statistics in a file.

    :raises UsageError: if they are not a mean and a covariance.
    """
    arrays = members(path)
    shapes = {name: arrays[name].shape for name in _NEEDED}
    width = shapes["mu"][-1] if len(shapes["mu"]) == 1 else 0
    if not 1 <= width <= _MOST_FEATURES or shapes["sigma"] != (width, width):
        raise UsageError(
            f"{path}: mu {shapes['mu']} and sigma {shapes['sigma']} must be a mean (d,) and a "
            "covariance (d, d)"
        )
    try:
        with np.load(path, allow_pickle=False) as file:
            mean, cov = (
                torch.from_numpy(file[name].astype(np.float64)) for name in ("mu", "sigma")
            )
            own = {name: file[name][()] for name in _OWN & set(file.files)}
    except (*DAMAGE, TypeError) as error:
        raise UsageError(f"{path} cannot be read as .npz: {reason(error)}") from error
    if not bool(mean.isfinite().all() and cov.isfinite().all()):
        raise UsageError(f"{path}: mu or sigma is not finite")
    if not torch.allclose(cov, cov.mT, rtol=1e-3, atol=1e-6 * float(cov.abs().max())):
        raise UsageError(f"{path}: sigma is not symmetric, as a covariance must be")
    if bool((cov.diagonal() < 0).any()):
        raise UsageError(f"{path}: sigma has negative variances")
    return Statistics(mean, (cov + cov.mT) / 2, **_stated(own))


def checked_place(path: str | os.PathLike[str]) -> Path:
    """Where statistics shall be written.

    :raises UsageError: if no file of statistics can be there.
    """
    target = Path(path).expanduser()
    if target.suffix.lower() != ".npz":
        raise UsageError(f"--save-statistics {path}: the name must end in .npz")
    if target.is_dir():
        raise UsageError(f"--save-statistics {path} is a folder; name a file")
    if not target.parent.is_dir():
        raise UsageError(f"--save-statistics {path}: there is no folder {target.parent}")
    return target


def write_statistics(
    path: Path, moments: Moments, extractor: str, spec: str, dataset: str = "", channels: int = 0
) -> None:
    """Write statistics as float64, whole or not at all; see `Statistics`.

    :raises StorageError: if they cannot be written.
    """
    buffer = io.BytesIO()
    arrays: dict[str, Any] = {
        "mu": moments.mean.cpu().numpy(),
        "sigma": moments.cov.cpu().numpy(),
        "n": np.int64(moments.n),
        "extractor": np.str_(extractor),
        "spec": np.str_(spec),
        "dataset": np.str_(dataset),
        "channels": np.int64(channels),
    }
    np.savez(buffer, **arrays)
    write_atomically(path, buffer.getvalue())


def _stated(own: Mapping[str, Any]) -> dict[str, Any]:
    """What ganbench wrote; other programs may use the same names for something else."""
    found: dict[str, Any] = {
        name: str(own[name])
        for name in ("extractor", "spec", "dataset")
        if isinstance(own.get(name), np.str_)
    }
    for name, key, least in (("n", "images", 2), ("channels", "channels", 1)):
        if isinstance(own.get(name), np.integer) and own[name] >= least:
            found[key] = int(own[name])
    return found
