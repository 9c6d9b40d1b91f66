from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest

from ganbench.evaluation.stability import stability, training_statistics

E = math.e


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
        ([100, 20, 10, 15.1], "collapsed"),
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
