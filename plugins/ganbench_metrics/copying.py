"""The test of data copying C_T (Meehan et al. 2020, arXiv:2004.05675), with dgm-eval's settings.

Training samples are divided into cells. Within a cell, the distances of generated samples to the
nearest training sample are compared with those of held-out ones by the rank test of Mann and
Whitney. C_T is the mean of the cells' z-scores.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from ganbench_metrics.distances import nearest
from ganbench_metrics.matrices import SEED

_WIDTH = 64  # directions that are kept for wider features
_CELLS = 3
_STARTS = 10
_FEWEST = 20  # a cell counts if it has more generated samples


@dataclass(frozen=True)
class Cells:
    """Training samples in cells, and the distances of held-out samples to them.

    :ivar mean: (d,) of the training samples.
    :ivar axes: (d, w) the directions in which distances are taken.
    :ivar centers: (cells, w) of the cells.
    :ivar train: (n, w) training samples.
    :ivar train_cells: (n,) the cell of each.
    :ivar test_distances: (m,) of held-out samples to the nearest training sample of their cell; NaN
        where the cell has none.
    :ivar test_cells: (m,) the cell of each.
    """

    mean: Tensor
    axes: Tensor
    centers: Tensor
    train: Tensor
    train_cells: Tensor
    test_distances: Tensor
    test_cells: Tensor

    @classmethod
    def of(cls, train: Tensor, test: Tensor) -> Cells:
        """Of (n, d) training samples and (m, d) held-out ones."""
        mean = train.double().mean(0)
        axes = _principal_axes(train.double() - mean)
        points, held_out = ((side.double() - mean) @ axes for side in (train, test))
        centers = _centers(points)
        cells, test_cells = (_cell(side, centers) for side in (points, held_out))
        distances = _distances(held_out, test_cells, points, cells)
        return cls(mean, axes, centers, points, cells, distances, test_cells)

    def tensors(self) -> Mapping[str, Tensor]:
        """The fields of `Cells`."""
        return dict(vars(self))

    def z_scores(self, fake: Tensor) -> tuple[Tensor, Tensor]:
        """The z-score of every cell, NaN where it does not count, and its share of held-out samples.

        :param fake: (k, d) generated samples.
        """
        points = (fake.double() - self.mean) @ self.axes
        cells = _cell(points, self.centers)
        distances = _distances(points, cells, self.train, self.train_cells)
        scores = [
            _z_score(distances[cells == cell], self.test_distances[self.test_cells == cell])
            for cell in range(len(self.centers))
        ]
        counts = torch.bincount(self.test_cells, minlength=len(scores)).double().cpu()
        return torch.tensor(scores, dtype=torch.float64), counts / len(self.test_cells)


def c_t(cells: Cells, fake: Tensor) -> float:
    """C_T: well below 0 for copies, about 0 for new samples, well above 0 for ones that fit badly.

    :param fake: (k, d) generated samples.
    :returns: NaN where no cell has held-out samples and more than 20 generated ones.
    """
    scores, shares = cells.z_scores(fake)
    counted = ~scores.isnan()
    if not bool(counted.any()):
        return math.nan
    return float((scores * shares)[counted].sum() / shares[counted].sum())


def _principal_axes(centered: Tensor) -> Tensor:
    """(d, w) the directions of greatest variance, at most `_WIDTH`."""
    d = centered.shape[1]
    if d <= _WIDTH:
        return torch.eye(d, dtype=centered.dtype, device=centered.device)
    axes: Tensor = torch.linalg.eigh(centered.mT @ centered).eigenvectors[:, -_WIDTH:]
    return axes


def _centers(points: Tensor) -> Tensor:
    from sklearn.cluster import KMeans

    clusters = KMeans(min(_CELLS, len(points)), n_init=_STARTS, random_state=SEED)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about fewer distinct points than cells: some stay empty
        found = clusters.fit(points.cpu().numpy())
    return torch.from_numpy(found.cluster_centers_).to(points)


def _cell(points: Tensor, centers: Tensor) -> Tensor:
    return nearest(points, centers)[1][:, 0]


def _distances(points: Tensor, cells: Tensor, train: Tensor, train_cells: Tensor) -> Tensor:
    """(n,) to the nearest training sample of the same cell; NaN in a cell that has none."""
    found = torch.full_like(points[:, 0], math.nan)
    for cell in cells.unique().tolist():
        inside, members = cells == cell, train[train_cells == cell]
        if len(members):
            found[inside] = nearest(points[inside], members)[0][:, 0]
    return found


def _z_score(fake: Tensor, test: Tensor) -> float:
    """The z-score of the Mann-Whitney statistic, corrected for continuity; NaN if undefined."""
    from scipy.stats import mannwhitneyu

    if len(fake) <= _FEWEST or not len(test):
        return math.nan
    pairs = len(fake) * len(test)
    statistic = float(mannwhitneyu(fake.cpu().numpy(), test.cpu().numpy()).statistic)
    deviation = math.sqrt(pairs * (len(fake) + len(test) + 1) / 12)
    return (statistic - (pairs / 2 - 0.5)) / deviation
