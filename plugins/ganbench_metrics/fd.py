"""The Fréchet distance, and its extrapolation to infinitely many samples."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import ganbench
from ganbench import Column, FeatureSet, Measured, Metric, option
from ganbench_metrics.matrices import SEED, Tensors

if TYPE_CHECKING:
    from ganbench_metrics.frechet import Reference

_STANDARD = 50_000  # fake samples of an FID


class _ToMoments(Metric):
    """The real side as the moments of its features, ready for Fréchet distances."""

    def reference(self, real: FeatureSet) -> Tensors:
        """``mean`` (d,), a ``root`` (d, r) of the covariance, and the numbers of samples."""
        import torch

        from ganbench_metrics.frechet import Reference

        moments = real.moments
        return {
            "mean": moments.mean,
            "root": Reference.from_moments(moments).root,
            "n": torch.tensor([moments.n, real.count]),
        }

    def _prepared(self, reference: Tensors) -> Reference:
        from ganbench_metrics.frechet import Reference

        root = reference["root"]
        moments = ganbench.Moments(int(reference["n"][0]), reference["mean"], rows=root.mT)
        return Reference(moments, root)

    def _real_count(self, reference: Tensors) -> int | None:
        return int(reference["n"][1]) or None


class FrechetDistance(_ToMoments):
    """The Fréchet distance between normal distributions that are fitted to the features.

    It uses only the mean and the covariance of the features. It falls as the sets grow: compare it at
    equal numbers of samples.
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
            meaning="`fd`, only for the standard FID's features and 50,000 fakes",
            better="lower",
            scale="log",
            label="FID",
            shown=True,
        ),
    )

    def compute(self, fake: FeatureSet, reference: Tensors) -> Measured:
        """``fd``, 0 or more, and ``fid``."""
        from ganbench_metrics.frechet import distance_between

        distance = distance_between(self._prepared(reference), fake.moments)
        standard = fake.extractor.standard_fid and fake.count == _STANDARD
        details = {"n_fake": fake.count or None, "n_real": self._real_count(reference), "ddof": 1}
        values = {"fd": distance, "fid": distance if standard else math.nan}
        return Measured(values, details, warnings=tuple(_cautions(fake, standard)))


def _cautions(fake: FeatureSet, standard: bool) -> Iterator[str]:
    """Warnings about a distance of few samples."""
    if not fake.count:  # published statistics without the number of samples
        return
    width = len(fake.moments.mean)
    if fake.count < width:
        yield (
            f"{fake.count} fake images are fewer than the {width} features: the covariance is "
            "singular, and fd is much larger than for many images"
        )
    if fake.extractor.standard_fid and not standard:
        yield (
            f"fd is called fid only at {_STANDARD:,} fake images: compare it only with other distances "
            f"of {fake.count:,} images"
        )


class ExtrapolatedDistance(_ToMoments):
    """The Fréchet distance at several numbers of samples, extrapolated to infinitely many."""

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

    sizes: int = option(15, "how many numbers of samples to measure the distance at", ge=2)

    def compute(self, fake: FeatureSet, reference: Tensors) -> Measured:
        """``fd_infinity``; NaN with a reason where the samples are too few."""
        from ganbench_metrics.extrapolation import extrapolate

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
