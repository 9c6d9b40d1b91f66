"""Mixtures of narrow Gaussians in the plane, to count lost modes.

The protocol of VEEGAN (Srivastava et al., 2017, arXiv:1705.07761) with the settings of PacGAN (Lin
et al., 2018, arXiv:1712.04086): every point belongs to a mode drawn uniformly.
"""

from __future__ import annotations

import abc
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from ganbench import Dataset, DataSpec, ImageData, Modes, option

_SEEDS = {"train": 0, "test": 1}
_MARGIN = 10.0  # in sigma; no draw ever goes beyond it


class Mixture(Dataset):
    """Equal isotropic Gaussians, scaled into [-1, 1]: sample * `scale` = original coordinates."""

    paper = "Srivastava et al., 2017, arXiv:1705.07761; Lin et al., 2018, arXiv:1712.04086"
    extractor: ClassVar[str] = "pixels"
    recommends: ClassVar[Mapping[str, Any]] = {"flip": False}

    n: int = option(100_000, "points in each split", ge=1)
    sigma: float = option(0.01, "standard deviation of a mode", gt=0)

    @abc.abstractmethod
    def centers(self) -> np.ndarray:
        """(k, 2) means of the modes, in original coordinates."""

    @property
    def scale(self) -> float:
        """The largest coordinate of a center, plus ten standard deviations."""
        return float(np.abs(self.centers()).max()) + _MARGIN * self.sigma

    def spec(self, root: Path) -> DataSpec:
        return DataSpec(2, 1, 1, kind="points")

    def load(self, split: Literal["train", "test"], root: Path) -> ImageData:
        """(n, 2, 1, 1) float32 points in [-1, 1]; each split has its own seed."""
        import torch

        random = np.random.RandomState(_SEEDS[split])  # its stream is the same in every NumPy
        centers = self.centers()
        mode = random.randint(len(centers), size=self.n)
        points = centers[mode] + self.sigma * random.standard_normal((self.n, 2))
        scaled = (points / self.scale).astype(np.float32)
        return ImageData(torch.from_numpy(scaled).view(self.n, 2, 1, 1))

    def mixture(self) -> Modes:
        """The modes within [-1, 1]."""
        import torch

        return Modes(torch.from_numpy(self.centers() / self.scale), self.sigma / self.scale)


class Ring(Mixture):
    """Gaussians on a circle: 8 of them, radius 1, standard deviation 0.01."""

    modes: int = option(8, "Gaussians on the circle", ge=1)
    radius: float = option(1.0, "of the circle", gt=0)

    def centers(self) -> np.ndarray:
        """(modes, 2), counter-clockwise from (radius, 0)."""
        angles = 2 * np.pi * np.arange(self.modes) / self.modes
        return self.radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)


class GaussianGrid(Mixture):
    """Gaussians on a square grid around 0: 5x5 of them, 2 apart, standard deviation 0.05."""

    sigma: float = option(0.05, "standard deviation of a mode", gt=0)
    side: int = option(5, "Gaussians on a side of the grid", ge=1)
    spacing: float = option(2.0, "distance of neighbors", gt=0)

    def centers(self) -> np.ndarray:
        """(side², 2), row by row."""
        line = self.spacing * (np.arange(self.side) - (self.side - 1) / 2)
        return np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)
