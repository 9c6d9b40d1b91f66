"""The verdict beside the eye of somebody who reads training curves, on curves of real trainings.

The trainings were short ones on a CPU: the shipped quick grid and single runs of other architectures
on small images, evaluated at equally spaced ticks. What the eye says was written down from plots of
the curves before the verdicts were looked at; where it would not decide, it says borderline, and the
verdict is recorded for what the definition makes of such a curve.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from ganbench.evaluation.stability import stability


@dataclass(frozen=True)
class Curve:
    """Fréchet distances over training, rounded to four digits.

    :ivar eye: ``stable``, ``degraded``, ``never-learned`` or ``borderline``.
    :ivar verdict: of `stability`, where the eye would not decide.
    """

    training: str
    kimg: list[float]
    fd: list[float]
    eye: str
    why: str
    verdict: str = ""


_QUICK = [0, 16, 32, 48, 64, 80]  # the ticks of the quick grid: components on digits

CURVES = [
    Curve(
        "r3gan, relativistic, digits",
        [10 * tick for tick in range(11)],
        [26.81, 3.546, 2.137, 1.556, 1.5, 1.426, 1.372, 1.555, 1.77, 1.522, 1.533],
        "stable",
        "falls fast and flutters around its level",
    ),
    Curve(
        "dcgan, lsgan, digits",
        _QUICK,
        [73.51, 9.238, 8.879, 7.46, 7.961, 7.372],
        "stable",
        "slows down, without harm",
    ),
    Curve(
        "mlp, wgan-gp, digits",
        _QUICK,
        [68.93, 7.277, 6.443, 5.235, 4.121, 3.56],
        "stable",
        "falls at every tick",
    ),
    Curve(
        "sagan, hinge, mnist",
        [0, 3.264, 6.496, 9.12, 11.68, 14.656, 17.536],
        [82.9, 71.03, 46.21, 38.13, 31.69, 30.25, 31.08],
        "stable",
        "levels off",
    ),
    Curve(
        "cyclegan, lsgan, automobiles and horses of cifar10",
        [0, 0.312, 0.564, 0.82, 1.088, 1.344, 1.876],
        [217.0, 96.23, 82.6, 76.15, 72.35, 70.3, 67.68],
        "stable",
        "falls at every tick",
    ),
    Curve(
        "progan, wgan-gp, digits",
        [10 * tick for tick in range(11)],
        [26.59, 21.16, 22.85, 23.75, 25.21, 24.21, 26.63, 16.06, 12.07, 10.69, 9.989],
        "stable",
        "flat while its images are small, learns as they grow",
    ),
    Curve(
        "progan, wgan-gp, mnist",
        [0, 6.672, 13.328, 20, 26.672, 33.328, 40],
        [54.86, 48.34, 52.15, 66.78, 28.46, 31.11, 22.38],
        "borderline",
        "lurches as it grows, has come a little way and still falls",
        verdict="stable",
    ),
    Curve(
        "mlp, hinge, digits, one seed",
        _QUICK,
        [68.1, 7.142, 3.79, 2.674, 2.932, 5.376],
        "degraded",
        "twice as far away at the end as at its best",
    ),
    Curve(
        "mlp, hinge, digits, another seed",
        _QUICK,
        [67.2, 7.148, 3.926, 3.256, 2.677, 3.392],
        "borderline",
        "the last tick is up by a quarter: flutter, or the start of the rise above",
        verdict="stable",
    ),
    Curve(
        "mlp, lsgan, digits",
        _QUICK,
        [68.93, 6.579, 5.192, 8.773, 9.472, 9.591],
        "degraded",
        "turns early and stays up",
    ),
    Curve(
        "mlp, non-saturating, digits",
        _QUICK,
        [68.1, 6.835, 4.274, 5.217, 5.932, 7.08],
        "degraded",
        "turns early and rises steadily",
    ),
    Curve(
        "pix2pix, non-saturating, colorization of cifar10",
        [0, 4.68, 8.456, 12.48, 16.976, 21.352, 25.568],
        [59.68, 5.141, 4.165, 3.385, 2.357, 2.976, 3.871],
        "borderline",
        "rises for two ticks, to where it was at half time and far below the start",
        verdict="degraded",
    ),
    Curve(
        "stylegan2, non-saturating, digits",
        [20 * tick for tick in range(6)],
        [28.4, 27.34, 32.65, 26.49, 39.52, 49.64],
        "never-learned",
        "never below the start to speak of, and above it in the end",
    ),
    Curve(
        "stylegan2, non-saturating, mnist",
        [0, 1.2, 2.016, 3.04, 3.968, 4.896, 6.448],
        [47.26, 50.76, 68.58, 80.41, 50.07, 57.33, 39.35],
        "never-learned",
        "wanders above the start; cut short",
    ),
    Curve(
        "r3gan, relativistic, mnist",
        [0, 0.8, 1.6, 2.592, 3.616, 4.64, 5.664],
        [48.64, 52.93, 55.12, 56.75, 52.9, 47.22, 42.1],
        "never-learned",
        "a hump, then hardly below the start; cut short",
    ),
    Curve(
        "dcgan, non-saturating, mnist",
        [0, 8.32, 16.704, 25.024],
        [88.41, 78.09, 65.6, 50.37],
        "borderline",
        "learns without a doubt, but was stopped before it got anywhere",
        verdict="never-learned",
    ),
]


@pytest.mark.parametrize("curve", CURVES, ids=lambda curve: curve.training)
def test_the_verdict_is_what_the_eye_says(curve: Curve) -> None:
    found = stability([1000 * k for k in curve.kimg], curve.fd)["verdict"]
    assert found == (curve.verdict if curve.eye == "borderline" else curve.eye)
