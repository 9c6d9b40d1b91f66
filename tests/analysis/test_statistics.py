"""The statistics against scipy, against formulas of the papers, and where seeds failed."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.linalg
import scipy.stats

from ganbench.analysis.statistics.aggregates import aggregate, median
from ganbench.analysis.statistics.intervals import Interval, interval, intervals, wilson
from ganbench.analysis.statistics.paired import (
    differences,
    holm,
    improvement,
    leading,
    paired_effect,
    risk_difference,
)
from ganbench.analysis.statistics.profiles import (
    profile_band,
    time_to_target,
)
from ganbench.analysis.statistics.seeds import sample, units, unseen
from ganbench.analysis.statistics.spread import moderated, spread

INF = math.inf


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(0)


class TestAggregates:
    @pytest.mark.parametrize("count", range(1, 14))
    def test_against_scipy(self, count: int, random: np.random.Generator) -> None:
        values = random.lognormal(size=count)
        assert median(values) == pytest.approx(np.median(values))
        assert aggregate(values, "mean") == pytest.approx(np.mean(values))
        expected = scipy.stats.trim_mean(values, 0.25) if count >= 4 else math.nan
        assert aggregate(values, "iqm") == pytest.approx(expected, nan_ok=True)

    def test_a_failure_in_the_trimmed_quarter_leaves_the_iqm_finite(self) -> None:
        assert aggregate(np.array([4.0, 1.0, INF, 2.0]), "iqm") == 3.0
        assert aggregate(np.array([INF, 1.0, INF, 2.0]), "iqm") == INF
        assert aggregate(np.array([-INF, 1.0, 3.0, 2.0]), "iqm") == 1.5

    def test_infinities(self) -> None:
        assert aggregate(np.array([1.0, INF]), "mean") == INF
        assert math.isnan(aggregate(np.array([-INF, INF]), "mean"))
        assert median(np.array([1.0, INF, INF])) == INF
        assert median(np.array([INF, INF])) == INF
        assert math.isnan(median(np.array([])))
        assert math.isnan(median(np.array([1.0, math.nan])))

    def test_equal_values_are_their_own_mean(self) -> None:
        for statistic in ("mean", "median", "iqm"):
            assert aggregate(np.full(7, 0.1), statistic) == 0.1


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
        found = interval(values, "mean", level=0.9)
        assert (found.low, found.high) == pytest.approx((expected.low, expected.high))

    def test_many_groups_at_once_are_the_same(self, random: np.random.Generator) -> None:
        groups = [random.lognormal(size=n) for n in (3, 3, 5, 1, 4, 0)]
        groups.append(np.array([1.0, 2.0, INF]))
        lows, highs = intervals(groups, "median", scale="log")
        for group, low, high in zip(groups, lows, highs, strict=True):
            alone = interval(group, "median", scale="log") if len(group) else None
            expected = (alone.low, alone.high) if alone else (math.nan, math.nan)
            assert (low, high) == pytest.approx(expected, nan_ok=True)

    def test_scales(self) -> None:
        values = np.array([0.5, 1.0, 2.0])
        found = interval(values, "mean", scale="log")
        assert found.low * found.high == pytest.approx(1.0)  # about the geometric mean
        share = interval(np.array([0.02, 0.05, 0.3]), "mean", scale="share")
        assert (share.low, share.high > 0.3) == (0.0, True)

    def test_the_scale_is_the_metrics_whatever_its_values(self) -> None:
        """A zero is infinitely good on a logarithm, and no reason for another scale."""
        values = np.array([0.0, 0.2, 0.3, 0.4, 0.5])
        found = interval(values, "median", scale="log")
        positive = interval(values[1:], "median", scale="log")
        assert found.low == 0.0
        assert found.high >= positive.high > 0.4

    def test_one_value_has_none(self) -> None:
        assert not interval(np.array([1.0]), "mean").exists
        assert not interval(np.array([]), "median").exists
        assert not interval(np.array([1.0, 2.0, 3.0]), "iqm").exists
        assert not interval(np.array([1.0]), "mean").excludes(5.0)

    def test_it_repeats_with_its_seed(self, random: np.random.Generator) -> None:
        values = random.normal(size=9)
        first = interval(values, "iqm", seed=1, replicates=300)
        assert first == interval(values, "iqm", seed=1, replicates=300)
        assert first != interval(values, "iqm", seed=2, replicates=300)
        assert first.low < first.high


class TestFailures:
    @pytest.mark.parametrize("statistic", ["mean", "median", "iqm"])
    @pytest.mark.parametrize("count", [3, 5, 8, 20])
    def test_no_interval_is_narrower_for_a_failure(
        self, statistic: str, count: int, random: np.random.Generator
    ) -> None:
        for _ in range(20):
            values = random.lognormal(size=count)
            without = interval(values[1:], statistic, scale="log")  # type: ignore[arg-type]
            values[0] = INF
            found = interval(values, statistic, scale="log")  # type: ignore[arg-type]
            if without.exists:
                assert found.low <= without.low + 1e-12
                assert found.high >= without.high

    def test_few_seeds_leave_no_bound_on_the_bad_side(self) -> None:
        found = interval(np.array([1.0, 2.0, INF]), "median", scale="log")
        assert (0 < found.low < 1, found.high) == (True, INF)
        higher = interval(np.array([1.0, 2.0, -INF]), "median")
        assert (higher.low, higher.high > 2) == (-INF, True)

    def test_many_seeds_bound_the_median_by_their_order(self) -> None:
        values = np.append(np.arange(1.0, 20.0), INF)
        assert interval(values, "median").high == 15.0  # the 15th of 20: binomial tables
        assert interval(values, "mean").high == INF

    def test_all_failed(self) -> None:
        assert interval(np.full(3, INF), "median") == Interval(-INF, INF)
        assert interval(np.full(8, INF), "median") == Interval(INF, INF)

    def test_failures_of_both_signs_leave_nothing_or_the_order(self) -> None:
        assert interval(np.array([-INF, 1.0, INF]), "median") == Interval(-INF, INF)
        values = np.concatenate([[-INF], np.arange(18.0), [INF]])
        found = interval(values, "median")
        assert (found.low, found.high) == (4.0, 13.0)


class TestImprovement:
    def test_against_mann_whitney(self, random: np.random.Generator) -> None:
        a = [random.integers(0, 5, n).astype(float) for n in (3, 6)]
        b = [random.integers(0, 5, n).astype(float) for n in (4, 2)]
        shares = [
            scipy.stats.mannwhitneyu(x, y).statistic / (len(x) * len(y))
            for x, y in zip(a, b, strict=True)
        ]
        assert improvement(a, b, higher=True).probability == pytest.approx(np.mean(shares))
        assert improvement(a, b).probability == pytest.approx(1 - np.mean(shares))

    def test_rliable_on_runs_by_tasks(self) -> None:
        """Its aggregates over (runs, tasks): a trimmed mean of all, and a mean over tasks of U."""
        x = np.array([[0.8, 2.0], [1.0, 2.5], [1.2, 8.0]])
        y = np.array([[0.5, 1.0], [0.9, 3.0], [1.3, 4.0]])
        assert aggregate(x.ravel(), "iqm") == pytest.approx(
            scipy.stats.trim_mean(x, 0.25, axis=None)
        )
        assert aggregate(x.ravel(), "iqm") == pytest.approx((1.0 + 1.2 + 2.0 + 2.5) / 4)
        assert improvement([*x.T], [*y.T], higher=True).probability == pytest.approx(
            (5 / 9 + 5 / 9) / 2
        )

    def test_failures_are_beaten_and_tie_among_themselves(self) -> None:
        a, b = np.array([1.0, INF]), np.array([2.0, INF])
        assert improvement([a], [b]).probability == (1 + 1 + 0 + 0.5) / 4

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
    def test_a_seeds_blocks_are_averaged_first(self, random: np.random.Generator) -> None:
        values = random.normal(size=(4, 6))
        found = paired_effect([*values], [range(6)] * 4)
        alone = paired_effect([values.mean(axis=0)])
        assert (found.estimate, found.p) == pytest.approx((alone.estimate, alone.p))
        assert found.seeds == 6
        assert found.estimate == pytest.approx(scipy.stats.trim_mean(values.mean(axis=0), 1 / 6))
        doubled = paired_effect([*values, *values], [range(6)] * 8)  # no more evidence than before
        assert doubled.interval.high == pytest.approx(found.interval.high)

    def test_without_shared_seeds_it_is_welchs(self, random: np.random.Generator) -> None:
        a, b = random.normal(0, 1, 4), random.normal(0, 3, 9)
        expected = scipy.stats.ttest_ind(a, -b, equal_var=False)
        found = paired_effect([a, b])
        assert found.p == pytest.approx(expected.pvalue)
        bounds = expected.confidence_interval()
        ends = (2 * found.interval.low, 2 * found.interval.high)
        assert ends == pytest.approx((bounds.low, bounds.high))

    def test_partly_shared_seeds_have_the_variance_cr2(self, random: np.random.Generator) -> None:
        """Bell and McCaffrey's formula, with the matrices that it is written in."""
        seeds = [[0, 1, 2, 3], [0, 1, 2], [2, 3, 4]]
        strata = [random.normal(size=len(own)) for own in seeds]
        cluster, y = np.concatenate(seeds), np.concatenate(strata)
        x = np.repeat(np.eye(3), [len(own) for own in seeds], axis=0)
        hat = x @ np.linalg.inv(x.T @ x) @ x.T
        weight = np.full(3, 1 / 3) @ np.linalg.inv(x.T @ x) @ x.T
        residuals, variance = y - hat @ y, 0.0
        for seed in range(5):
            own = cluster == seed
            root = scipy.linalg.sqrtm(np.linalg.inv((np.eye(len(y)) - hat)[np.ix_(own, own)]))
            variance += float(weight[own] @ root.real @ residuals[own]) ** 2
        found = sample(strata, seeds)
        assert found.values.mean() == pytest.approx(np.mean([s.mean() for s in strata]))
        assert scipy.stats.sem(found.values) ** 2 == pytest.approx(variance)
        assert 1 < found.freedom < 5

    def test_seeds_that_collapse_leave_the_effect_where_it_is(self) -> None:
        values = np.array([0.1, 0.12, 0.08, 0.11, 5.0])
        assert paired_effect([values]).estimate == pytest.approx(0.11)
        assert paired_effect([values]).statistic == "iqm"
        assert paired_effect([values[2:]]).estimate == 0.11
        assert paired_effect([values[2:]]).statistic == "median"

    def test_a_failure_turns_means_into_medians(self) -> None:
        found = paired_effect([np.array([0.1, 0.2, 0.3, INF]), np.array([0.2, 0.1, 0.3])])
        assert found.statistic == "median"
        assert found.estimate == 0.2
        assert (found.interval.low < 0.15, found.interval.high) == (True, INF)

    def test_a_seed_that_fails_in_few_blocks_keeps_a_value(self) -> None:
        strata = [np.array([0.1, 0.2, 0.3]), np.array([0.1, INF, 0.3]), np.array([0.3, 0.4, -INF])]
        assert sample(strata, [range(3)] * 3).values.tolist() == [0.1, 0.4, 0.3]
        both = sample([np.array([INF, 1.0]), np.array([-INF, 1.0])], [range(2)] * 2)
        assert both.values.tolist() == [0.0, 1.0]  # failures of both sides cancel

    def test_what_so_many_seeds_are_worth(self) -> None:
        assert units([range(5)] * 8) == pytest.approx(5)
        assert units([[0, 1], [2, 3], [4, 5]]) == pytest.approx(6)
        assert 3 < units([[0, 1, 2], [2, 3, 4]]) < 6

    def test_what_seeds_cannot_see(self) -> None:
        for count in (3, 10):
            assert (1 - unseen(count)) ** count == pytest.approx(0.05)
        assert unseen(3) == pytest.approx(0.632, abs=1e-3)

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

    def test_holm_pays_for_tests_that_are_not_shown(self) -> None:
        assert holm([0.01, 0.004], 6) == pytest.approx([0.05, 0.024])

    def test_nothing_worse_is_marked_than_what_is_not(self) -> None:
        assert leading([False, True, False, True]) == [True, False, False, False]
        assert leading([]) == []

    def test_shares_of_shared_seeds_are_worth_the_seeds(self) -> None:
        a, b = np.array([True, True, False] * 4), np.zeros(12, dtype=bool)
        once, often = risk_difference(a[:3], b[:3]), risk_difference(a, b, units=3)
        assert (once.interval.low, once.interval.high) == pytest.approx(
            (often.interval.low, often.interval.high)
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
    def test_shares_up_to_each_threshold_with_wilsons_bounds(self) -> None:
        band = profile_band([np.array([1.0, 2.0, INF])], np.array([0.5, 2.0, 9.0]), 3)
        assert band.middle.tolist() == pytest.approx([0, 2 / 3, 2 / 3])
        expected = wilson(2, 3)
        assert (band.low[1], band.high[1]) == (expected.low, expected.high)

    def test_trials_of_shared_seeds_count_once(self) -> None:
        scores, taus = [np.array([1.0, 2.0, INF])] * 4, np.array([2.0])
        assert profile_band(scores, taus, 3) == profile_band(scores[:1], taus, 3)

    def test_few_scores_have_no_bounds_and_none_no_share(self) -> None:
        pairs = profile_band([np.array([2.0]), np.array([4.0])], np.array([3.0]), 2)
        assert pairs.middle.tolist() == [0.5]
        assert np.isnan([pairs.low, pairs.high]).all()
        empty = profile_band([], np.array([2.0]), 0)
        assert np.isnan([empty.middle, empty.low, empty.high]).all()

    def test_time_to_a_target(self) -> None:
        x, fd = np.array([0.0, 1.0, 2.0, 3.0]), np.array([9.0, math.nan, 2.0, 3.0])
        assert time_to_target(x, fd, 2.5) == 2.0
        assert time_to_target(x, fd, 1.0) == INF
        assert time_to_target(x, fd, 9.0, higher=True) == 0.0


class TestModerated:
    def test_as_the_paper_has_it(self, random: np.random.Generator) -> None:
        """Smyth 2004, equations of section 6.2: moments of log variances give the prior back."""
        prior, shared, own = 6.0, 0.3, np.full(4000, 3.0)
        truth = prior * shared / random.chisquare(prior, 4000)
        variances = truth * random.chisquare(3.0, 4000) / 3
        found, freedom = moderated(variances, own)
        assert freedom[0] - 3 == pytest.approx(prior, rel=0.15)
        expected = (prior * shared + own * variances) / (prior + own)
        assert found == pytest.approx(expected, rel=0.15)

    def test_equal_spreads_are_pooled(self, random: np.random.Generator) -> None:
        groups = [random.normal(0, 2, 3) for _ in range(40)]
        variances = np.array([group.var(ddof=1) for group in groups])
        even = np.full(40, 2.0)
        found, freedom = moderated(variances.mean() + 0.01 * (variances - variances.mean()), even)
        assert found == pytest.approx(np.full(40, variances.mean()))
        assert freedom.tolist() == [80.0] * 40
        assert moderated(variances, even, most=5)[1].max() <= 5

    def test_nothing_is_shared_where_there_is_nothing_to_share(self) -> None:
        for variances in (np.array([2.0]), np.zeros(3)):
            found, freedom = moderated(variances, np.full(len(variances), 2.0))
            assert found.tolist() == variances.tolist()
            assert freedom.tolist() == [2.0] * len(variances)

    def test_intervals_of_few_seeds_get_narrower(self, random: np.random.Generator) -> None:
        groups = [random.lognormal(n, 0.2, 3) for n in range(12)]
        own, together = (intervals(groups, "median", scale="log", shared=s) for s in (False, True))
        widths = [np.log(high / low) for low, high in (own, together)]
        assert np.median(widths[1]) < 0.6 * np.median(widths[0])
