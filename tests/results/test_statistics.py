"""The statistics against scipy, against formulas of the papers, and where seeds failed."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats

from ganbench.results.statistics.aggregates import iqm, mean, median
from ganbench.results.statistics.improvement import improvement, probability_of_improvement
from ganbench.results.statistics.intervals import Interval, interval, intervals, wilson
from ganbench.results.statistics.paired import (
    differences,
    holm,
    paired_effect,
    risk_difference,
)
from ganbench.results.statistics.profiles import (
    performance_profile,
    profile_bands,
    time_to_target,
)
from ganbench.results.statistics.spread import spread

INF = math.inf


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(0)


class TestAggregates:
    @pytest.mark.parametrize("count", range(1, 14))
    def test_against_scipy(self, count: int, random: np.random.Generator) -> None:
        values = random.lognormal(size=count)
        assert median(values) == pytest.approx(np.median(values))
        assert mean(values) == pytest.approx(np.mean(values))
        expected = scipy.stats.trim_mean(values, 0.25) if count >= 4 else math.nan
        assert iqm(values) == pytest.approx(expected, nan_ok=True)

    def test_a_failure_in_the_trimmed_quarter_leaves_the_iqm_finite(self) -> None:
        assert iqm(np.array([4.0, 1.0, INF, 2.0])) == 3.0
        assert iqm(np.array([INF, 1.0, INF, 2.0])) == INF
        assert iqm(np.array([-INF, 1.0, 3.0, 2.0])) == 1.5

    def test_infinities(self) -> None:
        assert mean(np.array([1.0, INF])) == INF
        assert math.isnan(mean(np.array([-INF, INF])))
        assert median(np.array([1.0, INF, INF])) == INF
        assert median(np.array([INF, INF])) == INF
        assert math.isnan(median(np.array([])))
        assert math.isnan(median(np.array([1.0, math.nan])))

    def test_equal_values_are_their_own_mean(self) -> None:
        for aggregate in (mean, median, iqm):
            assert aggregate(np.full(7, 0.1)) == 0.1


class TestWilson:
    @pytest.mark.parametrize(("count", "n"), [(0, 3), (1, 3), (3, 3), (2, 10), (7, 40)])
    @pytest.mark.parametrize("level", [0.8, 0.95])
    def test_against_scipy(self, count: int, n: int, level: float) -> None:
        expected = scipy.stats.binomtest(count, n).proportion_ci(level, method="wilson")
        found = wilson(count, n, level)
        assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-12)

    def test_of_nothing(self) -> None:
        assert not wilson(0, 0).exists


class TestSpread:
    @pytest.mark.parametrize("statistic", ["median", "iqm"])
    def test_the_form_is_the_bootstrap_variance(
        self, statistic: str, random: np.random.Generator
    ) -> None:
        values = random.normal(size=7)
        function = np.median if statistic == "median" else _trimmed
        expected = scipy.stats.bootstrap(
            (values,), function, n_resamples=20_000, method="percentile", rng=random
        ).standard_error
        known = spread(statistic, 7, replicates=20_000)  # type: ignore[arg-type]
        ordered = np.sort(values)[None]
        corrected = math.sqrt(known.variances(ordered)[0] / _factor(statistic, 7))
        assert corrected == pytest.approx(expected, rel=0.05)

    def test_of_the_mean_it_is_the_standard_error(self, random: np.random.Generator) -> None:
        values = random.normal(size=5)
        error = math.sqrt(spread("mean", 5).variances(np.sort(values)[None])[0])
        assert error == pytest.approx(scipy.stats.sem(values))


def _trimmed(values: np.ndarray, axis: int) -> np.ndarray:
    found: np.ndarray = scipy.stats.trim_mean(values, 0.25, axis=axis)
    return found


def _factor(statistic: str, count: int) -> float:
    """The correction for few values, found again from normal values by another way."""
    random = np.random.default_rng(1)
    samples = random.normal(size=(800, count))
    function = np.median if statistic == "median" else _trimmed
    truth = np.var(function(random.normal(size=(40_000, count)), axis=1))
    drawn = random.integers(0, count, (400, count))
    naive = np.mean([np.var(function(sample[drawn], axis=1)) for sample in samples])
    return float(truth / naive)


class TestInterval:
    def test_of_a_mean_it_is_students(self, random: np.random.Generator) -> None:
        values = random.normal(3, 2, 6)
        expected = scipy.stats.ttest_1samp(values, 0).confidence_interval(0.9)
        found = interval([values], "mean", level=0.9)
        assert (found.low, found.high) == pytest.approx((expected.low, expected.high))

    def test_of_two_strata_it_is_welchs(self, random: np.random.Generator) -> None:
        a, b = random.normal(0, 1, 4), random.normal(0, 3, 9)
        expected = scipy.stats.ttest_ind(a, -b, equal_var=False).confidence_interval()
        found = interval([a, b], "mean")
        assert (2 * found.low, 2 * found.high) == pytest.approx((expected.low, expected.high))

    def test_many_groups_at_once_are_the_same(self, random: np.random.Generator) -> None:
        groups = [random.lognormal(size=n) for n in (3, 3, 5, 1, 4, 0)]
        groups.append(np.array([1.0, 2.0, INF]))
        lows, highs = intervals(groups, "median", scale="log")
        for group, low, high in zip(groups, lows, highs, strict=True):
            alone = interval([group], "median", scale="log") if len(group) else None
            expected = (alone.low, alone.high) if alone else (math.nan, math.nan)
            assert (low, high) == pytest.approx(expected, nan_ok=True)

    def test_scales(self) -> None:
        values = np.array([0.5, 1.0, 2.0])
        found = interval([values], "mean", scale="log")
        assert found.low * found.high == pytest.approx(1.0)  # about the geometric mean
        share = interval([np.array([0.02, 0.05, 0.3])], "mean", scale="share")
        assert (share.low, share.high > 0.3) == (0.0, True)
        below = interval([np.array([-0.1, 0.2, 0.3])], "mean", scale="log")
        assert below == interval([np.array([-0.1, 0.2, 0.3])], "mean")

    def test_one_value_has_none(self) -> None:
        assert not interval([np.array([1.0])], "mean").exists
        assert not interval([np.array([1.0, 2.0]), np.array([1.0])], "median").exists
        assert not interval([], "median").exists
        assert not interval([np.array([1.0, 2.0, 3.0])], "iqm").exists
        assert not interval([np.array([1.0])], "mean").excludes(5.0)

    def test_it_repeats_with_its_seed(self, random: np.random.Generator) -> None:
        strata = [random.normal(size=5), random.normal(size=4)]

        def spread_of(kept: object) -> float:
            return float(np.std(np.concatenate(kept)))  # type: ignore[call-overload]

        for statistic in ("iqm", spread_of):
            first = interval(strata, statistic, seed=1, replicates=300)  # type: ignore[arg-type]
            assert first == interval(strata, statistic, seed=1, replicates=300)  # type: ignore[arg-type]
            assert first != interval(strata, statistic, seed=2, replicates=300)  # type: ignore[arg-type]
            assert first.low < first.high


class TestFailures:
    @pytest.mark.parametrize("statistic", ["mean", "median", "iqm"])
    @pytest.mark.parametrize("count", [3, 5, 8, 20])
    def test_no_interval_is_narrower_for_a_failure(
        self, statistic: str, count: int, random: np.random.Generator
    ) -> None:
        for _ in range(20):
            values = random.lognormal(size=count)
            without = interval([values[1:]], statistic, scale="log")  # type: ignore[arg-type]
            values[0] = INF
            found = interval([values], statistic, scale="log")  # type: ignore[arg-type]
            if without.exists:
                assert found.low <= without.low + 1e-12
                assert found.high >= without.high

    def test_few_seeds_leave_no_bound_on_the_bad_side(self) -> None:
        found = interval([np.array([1.0, 2.0, INF])], "median", scale="log")
        assert (0 < found.low < 1, found.high) == (True, INF)
        higher = interval([np.array([1.0, 2.0, -INF])], "median")
        assert (higher.low, higher.high > 2) == (-INF, True)

    def test_many_seeds_bound_the_median_by_their_order(self) -> None:
        values = np.append(np.arange(1.0, 20.0), INF)
        assert interval([values], "median").high == 15.0  # the 15th of 20: binomial tables
        assert interval([values], "mean").high == INF

    def test_all_failed(self) -> None:
        assert interval([np.full(3, INF)], "median") == Interval(-INF, INF)
        assert interval([np.full(8, INF)], "median") == Interval(INF, INF)

    def test_failures_of_both_signs_leave_nothing_or_the_order(self) -> None:
        assert interval([np.array([-INF, 1.0, INF])], "median") == Interval(-INF, INF)
        values = np.concatenate([[-INF], np.arange(18.0), [INF]])
        found = interval([values], "median")
        assert (found.low, found.high) == (4.0, 13.0)


class TestImprovement:
    def test_against_mann_whitney(self, random: np.random.Generator) -> None:
        a = [random.integers(0, 5, n).astype(float) for n in (3, 6)]
        b = [random.integers(0, 5, n).astype(float) for n in (4, 2)]
        shares = [
            scipy.stats.mannwhitneyu(x, y).statistic / (len(x) * len(y))
            for x, y in zip(a, b, strict=True)
        ]
        assert probability_of_improvement(a, b, higher=True) == pytest.approx(np.mean(shares))
        assert probability_of_improvement(a, b) == pytest.approx(1 - np.mean(shares))

    def test_rliable_on_runs_by_tasks(self) -> None:
        """Its aggregates over (runs, tasks): a trimmed mean of all, and a mean over tasks of U."""
        x = np.array([[0.8, 2.0], [1.0, 2.5], [1.2, 8.0]])
        y = np.array([[0.5, 1.0], [0.9, 3.0], [1.3, 4.0]])
        assert iqm(x.ravel()) == pytest.approx(scipy.stats.trim_mean(x, 0.25, axis=None))
        assert iqm(x.ravel()) == pytest.approx((1.0 + 1.2 + 2.0 + 2.5) / 4)
        assert probability_of_improvement([*x.T], [*y.T], higher=True) == pytest.approx(
            (5 / 9 + 5 / 9) / 2
        )

    def test_failures_are_beaten_and_tie_among_themselves(self) -> None:
        a, b = np.array([1.0, INF]), np.array([2.0, INF])
        assert probability_of_improvement([a], [b]) == (1 + 1 + 0 + 0.5) / 4

    def test_a_clean_sweep_keeps_a_width(self) -> None:
        a, b = np.arange(3.0), np.arange(3.0) + 10
        found = improvement([a], [b])
        assert found.probability == found.interval.high == 1.0
        assert not found.interval.excludes(0.5)  # three against three can never tell
        assert improvement([a, a, a], [b, b, b]).interval.excludes(0.5)

    def test_nothing(self) -> None:
        assert math.isnan(improvement([], []).probability)
        assert not improvement([np.array([])], [np.array([1.0])]).interval.exists


class TestPaired:
    def test_against_scipy(self, random: np.random.Generator) -> None:
        a, b = random.lognormal(size=6), random.lognormal(size=6)
        expected = scipy.stats.ttest_rel(np.log(a), np.log(b))
        found = paired_effect([differences(a, b, "log")])
        assert found.p == pytest.approx(expected.pvalue)
        bounds = expected.confidence_interval()
        assert (found.interval.low, found.interval.high) == pytest.approx((bounds.low, bounds.high))

    def test_a_failure_turns_means_into_medians(self) -> None:
        found = paired_effect([np.array([0.1, 0.2, 0.3, INF]), np.array([0.2, 0.1, 0.3])])
        assert found.statistic == "median"
        assert found.estimate == pytest.approx((0.25 + 0.2) / 2)
        assert (found.interval.low < 0.15, found.interval.high) == (True, INF)

    def test_failures_alone_can_tell(self) -> None:
        assert paired_effect([np.full(3, INF)]).p == pytest.approx(0.25)
        assert paired_effect([np.full(8, INF)]).p < 0.01
        assert paired_effect([np.array([INF, -INF, 0.1])]).p == 1.0

    def test_two_failures_tie(self) -> None:
        both = differences(np.array([INF, 2.0]), np.array([INF, 1.0]), "log")
        assert both.tolist() == [0.0, math.log(2)]

    def test_ties_prove_nothing(self) -> None:
        assert paired_effect([np.zeros(12)]).p == 1.0

    def test_equal_differences_prove_little(self) -> None:
        assert not paired_effect([np.full(3, 1.0)]).interval.excludes(0.0)
        assert paired_effect([np.full(8, 1.0)]).interval.excludes(0.0)
        assert paired_effect([np.zeros(3)]).interval == Interval(0.0, 0.0)

    def test_one_pair_has_an_estimate_and_no_interval(self) -> None:
        found = paired_effect([np.array([0.5])])
        assert (found.estimate, found.interval.exists, math.isnan(found.p)) == (0.5, False, True)

    def test_holm(self) -> None:
        # The example of R's p.adjust(c(0.01, 0.02, 0.03, 0.04), "holm").
        assert holm([0.04, 0.01, math.nan, 0.03, 0.02]) == pytest.approx(
            [0.06, 0.04, math.nan, 0.06, 0.06], nan_ok=True
        )

    def test_risk_difference_as_newcombe_published_it(self) -> None:
        """Newcombe 1998, table II, method 10: 36 both, 12 and 2 one only, 0 neither."""
        cells = ((True, True, 36), (True, False, 12), (False, True, 2), (False, False, 0))
        a = np.array([first for first, _, n in cells for _ in range(n)])
        b = np.array([second for _, second, n in cells for _ in range(n)])
        found = risk_difference(a, b)
        assert found.estimate == pytest.approx(0.2)
        assert (found.interval.low, found.interval.high) == pytest.approx(
            (0.0569, 0.3404), abs=5e-4
        )

    def test_no_failure_still_has_a_width(self) -> None:
        none = np.zeros(3, dtype=bool)
        found = risk_difference(none, none).interval
        assert found.low == -found.high < -0.4


class TestProfiles:
    def test_shares_up_to_each_threshold(self) -> None:
        scores = {"a": np.array([1.0, 2.0, INF]), "b": [np.array([2.0]), np.array([4.0])]}
        found = performance_profile(scores, np.array([0.5, 2.0, 9.0]))
        assert found["a"].tolist() == pytest.approx([0, 2 / 3, 2 / 3])
        assert found["b"].tolist() == [0, 0.5, 1]
        upwards = performance_profile(scores, np.array([0.5, 2.0, 9.0]), higher=True)
        assert upwards["b"].tolist() == [1, 1, 0]

    def test_bands_are_wilsons(self) -> None:
        band = profile_bands({"a": np.array([1.0, 2.0, INF])}, np.array([2.0]))["a"]
        expected = wilson(2, 3)
        assert (band.low[0], band.high[0]) == (expected.low, expected.high)
        empty = profile_bands({"a": np.array([])}, np.array([2.0]))["a"]
        assert np.isnan([empty.middle, empty.low, empty.high]).all()

    def test_time_to_a_target(self) -> None:
        x, fd = np.array([0.0, 1.0, 2.0, 3.0]), np.array([9.0, math.nan, 2.0, 3.0])
        assert time_to_target(x, fd, 2.5) == 2.0
        assert time_to_target(x, fd, 1.0) == INF
        assert time_to_target(x, fd, 9.0, higher=True) == 0.0
