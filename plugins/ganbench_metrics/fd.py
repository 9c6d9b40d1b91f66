"""The Fréchet distance, and the one that infinitely many samples would have."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ganbench import Column, FeatureSet, Measured, Metric, option

if TYPE_CHECKING:
    from torch import Tensor

    from ganbench_metrics.frechet import Reference

_STANDARD = 50_000  # samples of a number that may be called FID


class _ToMoments(Metric):
    """The real side as the moments of its features, ready for Fréchet distances."""

    def reference(self, real: FeatureSet) -> Mapping[str, Tensor]:
        """``mean`` (d,), a ``root`` (d, r) of the covariance, and the numbers of samples."""
        import torch

        from ganbench_metrics.frechet import Reference

        moments = real.moments
        return {
            "mean": moments.mean,
            "root": Reference.from_moments(moments).root,
            "n": torch.tensor([moments.n, real.count]),
        }

    def _prepared(self, reference: Mapping[str, Tensor]) -> Reference:
        from ganbench import Moments
        from ganbench_metrics.frechet import Reference

        root = reference["root"]
        moments = Moments(int(reference["n"][0]), reference["mean"], rows=root.mT)
        return Reference(moments, root)

    def _real_count(self, reference: Mapping[str, Tensor]) -> int | None:
        return int(reference["n"][1]) or None


class FrechetDistance(_ToMoments):
    """The Fréchet distance between normal distributions that are fitted to the features.

    It sees the mean and the covariance of the features only. It falls as the sets grow: compare it
    at equal numbers of samples.
    """

    paper = "Heusel et al., 2017, arXiv:1706.08500"
    default = True
    needs = ("moments",)
    columns = (
        Column(
            "fd",
            meaning="Fréchet distance between real and generated samples, on the extractor's features",
            better="lower",
            scale="log",
            label="Fréchet distance",
            shown=True,
            floor=True,
            held_out=True,
        ),
        Column(
            "fid",
            meaning="`fd`, only where the features are the standard FID's and the fakes are 50,000",
            better="lower",
            scale="log",
            label="FID",
            shown=True,
        ),
    )

    def compute(self, fake: FeatureSet, reference: Mapping[str, Tensor]) -> Measured:
        """``fd``, at least 0 up to rounding, and ``fid``."""
        from ganbench_metrics.frechet import distance_between

        distance = distance_between(self._prepared(reference), fake.moments)
        standard = fake.extractor.standard_fid and fake.count == _STANDARD
        details = {"n_fake": fake.count, "n_real": self._real_count(reference), "ddof": 1}
        values = {"fd": distance, "fid": distance if standard else math.nan}
        return Measured(values, details, warnings=tuple(_cautions(fake, standard)))


def _cautions(fake: FeatureSet, standard: bool) -> Iterator[str]:
    """What a person should know of a distance of so few samples."""
    width = len(fake.moments.mean)
    if fake.count < width:
        yield (
            f"{fake.count} fake images are fewer than the {width} features: the covariance is "
            "singular, and fd is far above that of many images"
        )
    if fake.extractor.standard_fid and not standard:
        yield (
            f"fd is called fid only at {_STANDARD:,} fake images: that of {fake.count:,} compares with "
            f"others of {fake.count:,} only"
        )


class ExtrapolatedDistance(_ToMoments):
    """The Fréchet distance at several numbers of samples, on a line to infinitely many."""

    paper = "Chong and Forsyth, 2020, arXiv:1911.07023"
    default = True
    every_tick = False
    needs = ("moments", "features")
    columns = (
        Column(
            "fd_infinity",
            meaning="`fd` extrapolated to infinitely many generated samples; may be negative",
            better="lower",
            label="Fréchet distance, extrapolated",
        ),
    )

    sizes: int = option(15, "numbers of samples at which the distance is taken", ge=2)

    def compute(self, fake: FeatureSet, reference: Mapping[str, Tensor]) -> Measured:
        """``fd_infinity``; NaN with a reason where the samples are too few."""
        from ganbench_metrics.extrapolation import extrapolate
        from ganbench_metrics.matrices import SEED

        found = extrapolate(self._prepared(reference), fake.features, self.sizes)
        if found is None:
            reason = f"{len(fake)} fake images are too few for {self.sizes} sizes"
            return Measured({"fd_infinity": math.nan}, reason=reason)
        details: dict[str, Any] = {
            "sizes": found.sizes,
            "distances": found.distances,
            "slope": found.slope,
            "residual": found.residual,
            "seed": SEED,
            "n_real": self._real_count(reference),
        }
        note = f"{len(found.sizes)} sizes from {found.sizes[0]:,} to {found.sizes[-1]:,}"
        return Measured({"fd_infinity": found.intercept}, details, note)
