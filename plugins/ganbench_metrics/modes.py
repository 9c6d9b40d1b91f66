"""Lost modes of a mixture of Gaussians."""

from __future__ import annotations

from ganbench import Column, FeatureSet, Measured, Metric
from ganbench_metrics.matrices import Tensors

_RADIUS = 3.0  # in sigma


class LostModes(Metric):
    """The number of modes of a mixture that the samples reach, their quality and their evenness.

    It ignores the shape of a mode within three standard deviations.
    """

    paper = "Srivastava et al., 2017, arXiv:1705.07761; Lin et al., 2018, arXiv:1712.04086"
    default = True
    needs = ("images", "modes")
    columns = (
        Column(
            "modes",
            unit="modes",
            meaning="modes of a mixture that the samples reach",
            better="higher",
            scale="count",
            shown=True,
            lost_modes=True,
        ),
        Column(
            "high_quality",
            meaning="share of samples within three standard deviations of a mode",
            better="higher",
            scale="share",
            shown=True,
        ),
        Column(
            "reverse_kl",
            unit="nats",
            meaning="KL of the samples' modes from the true ones; missing if no sample is near a mode",
            better="lower",
            scale="log",
            label="reverse KL",
        ),
    )

    def compute(self, fake: FeatureSet, reference: Tensors) -> Measured:
        """``modes`` from 0 to all, ``high_quality`` in [0, 1], ``reverse_kl`` in [0, ln modes]."""
        from ganbench_metrics.mixtures import mixture_statistics

        modes = fake.modes
        points = fake.images.flatten(1)
        values = mixture_statistics(points, modes.centers, modes.sigma, _RADIUS)
        details = {"n_fake": len(points), "modes": len(modes.centers), "radius": _RADIUS}
        return Measured(values, details, f"of {len(modes.centers)} modes")
