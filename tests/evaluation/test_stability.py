from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest

from ganbench.components.column import Column
from ganbench.evaluation.stability import stability, training_statistics

E = math.e
HIGHER = Column("score", better="higher", scale="log")


def test_a_curve_computed_by_hand() -> None:
    # ln fd is 4, 2, 1, 1.25, 1 at unequal distances.
    curve = stability([0, 100, 200, 300, 500], [E**4, E**2, E, E**1.25, E])
    area = (100 * 3 + 100 * 1.5 + 100 * 1.125 + 200 * 1.125) / 500
    assert curve == {
        "fd_best": E,
        "fd": E,
        "fd_drift": 1.0,
        "fd_auc": pytest.approx(area),
        "fd_rough": pytest.approx(0.25),  # ticks at 300 and 500 are the second half
        "verdict": "stable",
    }


def test_the_tick_at_half_time_belongs_to_the_second_half() -> None:
    curve = stability(np.arange(11), np.exp([9, 8, 7, 6, 5, 4, 3.9, 3.7, 3.7, 3.5, 3.6]))
    assert curve["fd_rough"] == pytest.approx((0.1 + 0.2 + 0 + 0.2 + 0.1) / 5)


@pytest.mark.parametrize(
    ("fd", "verdict"),
    [
        ([100, 20, 10, 12], "stable"),
        ([100, 20, 10, 15], "stable"),
        ([100, 20, 10, 15.1], "degraded"),
        ([100, 50, 60, 70], "stable"),
        ([100, 51, 60, 70], "never-learned"),
        ([100, 60, 300, 900], "never-learned"),
        ([100, 120, 300, 900], "never-learned"),
        ([100, 10, math.nan, 10], "diverged"),
        ([100, 90, 95, math.inf], "diverged"),
        ([100, 90, 95, None], "diverged"),
        ([math.inf, 20, 10, 10], "diverged"),
    ],
)
def test_the_first_verdict_that_holds_is_given(fd: list[float], verdict: str) -> None:
    assert stability([0, 1, 2, 3], fd)["verdict"] == verdict


@pytest.mark.parametrize(
    ("noise", "fresh", "verdict"),
    [
        (math.nan, math.nan, "degraded"),  # nothing is known of the noise
        (1.4, math.nan, "degraded"),
        (1.5, math.nan, "stable"),
        (1.4, 10.2, "stable"),  # a rise of 5.8, by samples that did not choose the best
    ],
)
def test_degraded_is_a_rise_of_more_than_three_deviations_of_a_difference(
    noise: float, fresh: float, verdict: str
) -> None:
    """The rise is 6: over 3 √2 sd for an sd of 1.41."""
    found = stability([0, 1, 2, 3], [100, 20, 10, 16], noise=noise, fresh=fresh)
    assert found["verdict"] == verdict


@pytest.mark.parametrize(
    ("fd", "modes", "verdict"),
    [
        ([100, 20, 10, 11, 11], [0, 8, 8, 3, 3], "collapsed"),
        ([100, 20, 10, 30, 40], [0, 8, 8, 3, 3], "collapsed"),  # rather than degraded
        ([100, 20, 10, 11, 11], [0, 8, 8, 4, 4], "stable"),  # half of them
        ([100, 20, 10, 11, 11], [0, 8, 8, 3, 8], "stable"),  # they come back
        ([100, 20, 10, 11, 11], [0, 8, 8, 8, 3], "stable"),  # once is no more than an accident
        ([100, 20, 10, 11, 11], [0.95, 0.4, 0.4, 0.4, 0.4], "stable"),  # noise covers everything
        ([100, 20, 10, 11, 11], [0, 0.09, 0.09, 0.01, 0.01], "stable"),  # there was little to lose
        ([100, 20, 10, 11, 11], [0, math.nan, 0.9, 0.1, 0.1], "stable"),  # not known
        ([100, 80, 70, 90, 90], [0, 8, 8, 3, 3], "never-learned"),
    ],
)
def test_collapsed_are_modes_that_were_lost_and_stay_so(
    fd: list[float], modes: list[float], verdict: str
) -> None:
    assert stability(range(5), fd, modes=[modes])["verdict"] == verdict
    assert stability(range(5), fd, modes=[[1.0] * 5, modes])["verdict"] == verdict


def test_modes_lost_at_the_last_tick_are_lost_where_the_best_was_the_one_before() -> None:
    assert stability([0, 1, 2], [100, 10, 11], modes=[[0, 8, 2]])["verdict"] == "collapsed"


@pytest.mark.parametrize(
    ("score", "drift", "verdict"),
    [
        ([1, 4, 8, 7], 8 / 7, "stable"),
        ([1, 4, 8, 5], 8 / 5, "degraded"),
        ([1, 1.5, 1.9, 1.9], 1.0, "never-learned"),
        ([1, 4, math.nan, 8], math.nan, "diverged"),
    ],
)
def test_where_higher_is_better_the_best_is_the_highest(
    score: list[float], drift: float, verdict: str
) -> None:
    curve = stability([0, 1, 2, 3], score, HIGHER)
    assert curve["verdict"] == verdict
    assert curve["score_best"] == np.nanmax(score)
    assert curve["score_drift"] == pytest.approx(drift, nan_ok=True)
    noisy = stability([0, 1, 2, 3], score, HIGHER, noise=5.0)["verdict"]
    assert noisy == ("stable" if verdict == "degraded" else verdict)
    assert curve["score_auc"] == pytest.approx(
        (np.log(score[1:]) + np.log(score[:-1])).sum() / 6, nan_ok=True
    )


def test_the_curve_of_a_linear_column_is_of_its_own_values() -> None:
    curve = stability([0, 2, 4], [9.0, 3, 1], Column("kid", better="lower", scale="linear"))
    assert curve["kid_auc"] == pytest.approx(4.0)
    assert curve["kid_rough"] == pytest.approx(2.0)


def test_a_diverged_curve_keeps_the_best_it_had() -> None:
    curve = stability([0, 1, 2], [100.0, 30.0, math.nan])
    assert curve["fd_best"] == 30
    assert all(math.isnan(curve[key]) for key in ("fd", "fd_drift", "fd_auc", "fd_rough"))


@pytest.mark.parametrize(("fd", "verdict"), [([], None), ([7.0], None), ([math.nan], "diverged")])
def test_less_than_two_ticks_are_no_curve(fd: list[float], verdict: str | None) -> None:
    curve = stability(range(len(fd)), fd)
    assert curve["verdict"] == verdict
    assert curve["fd"] == pytest.approx(fd[0] if fd else math.nan, nan_ok=True)
    assert all(math.isnan(curve[key]) for key in ("fd_drift", "fd_auc", "fd_rough"))


def test_two_ticks_have_no_roughness_and_no_time_has_no_area() -> None:
    assert math.isnan(stability([0, 5], [9, 1])["fd_rough"])
    assert math.isnan(stability([0, 0], [9, 1])["fd_auc"])


def test_a_distance_of_nearly_nothing_has_finite_columns() -> None:
    curve = stability([0, 1, 2, 3], [5.0, 0.0, -1e-6, -1e-6])
    assert curve["fd_best"] == -1e-6
    assert curve["fd_drift"] == 1
    assert math.isfinite(curve["fd_auc"])
    assert curve["verdict"] == "stable"


@pytest.mark.parametrize(
    ("images", "fd", "message"),
    [
        ([0, 1], [1.0], "differ in length"),
        ([0, 2, 1], [1.0, 1, 1], "fall"),
        ([0, math.nan], [1.0, 1], "finite"),
        ([[0, 1]], [[1.0, 1]], "sequence"),
    ],
)
def test_wrong_curves_are_named(images: list[float], fd: list[float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        stability(images, fd)


def test_training_is_summarized_over_its_last_tenth() -> None:
    auc = [1.0] * 50 + [0.5] * 40 + [0.6] * 10
    g_grad = [100.0] * 90 + [1.0, 3.0] * 5
    d_grad = [5.0] * 100
    assert training_statistics(auc, g_grad, d_grad) == {
        "d_auc": pytest.approx(0.6),
        "d_sat": 0.5,
        "g_grad_cv": pytest.approx(0.5),
        "d_grad_cv": 0.0,
    }


def test_short_and_broken_series_are_missing_without_a_fuss() -> None:
    nothing = training_statistics([], [], [])
    assert all(math.isnan(value) for value in nothing.values())
    one = training_statistics([0.7], [1.0], [0.0])
    assert (one["d_auc"], one["d_sat"]) == (0.7, 0.0)
    assert math.isnan(one["g_grad_cv"])
    broken = training_statistics([1.0, 1.0, math.nan], [1.0, math.inf], [1e300, 3e300])
    assert math.isnan(broken["d_auc"])
    assert broken["d_sat"] == pytest.approx(2 / 3)
    assert math.isnan(broken["g_grad_cv"])
    assert broken["d_grad_cv"] == pytest.approx(0.5)


def test_it_needs_no_torch() -> None:
    check = "import sys, ganbench.evaluation.stability; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", check], check=True)


def test_a_linear_primary_has_no_drift_and_degrades_by_half_of_its_gain() -> None:
    column = Column("kid_mean", better="lower", scale="linear")
    images = [0, 1, 2, 3]
    near_zero = stability(images, [1.0, 1e-4, -1e-5, 2e-5], column)
    assert math.isnan(near_zero["kid_mean_drift"])
    assert near_zero["verdict"] == "stable"
    assert stability(images, [1.0, 0.2, 0.1, 0.7], column)["verdict"] == "degraded"
    assert stability(images, [1.0, 0.2, 0.1, 0.7], column, noise=0.2)["verdict"] == "stable"


@pytest.mark.parametrize(
    ("curve", "verdict", "drift"),
    [
        ([10.0, 5.0, 0.0], "stable", 1.0),
        ([10.0, 0.0, 1e-9], "stable", 1.0),
        ([10.0, 0.0, 0.05], "stable", math.nan),
        ([10.0, 0.0, 5.0], "degraded", math.nan),
        ([10.0, -1e-9, 3.0], "degraded", math.nan),
        ([10.0, 0.1, 1e12], "degraded", 1e13),
    ],
)
def test_a_curve_that_touches_zero_is_judged_by_its_start(curve, verdict, drift) -> None:
    found = stability([0, 1, 2], curve)
    assert found["verdict"] == verdict
    assert found["fd_drift"] == pytest.approx(drift, nan_ok=True)
