"""When a component counts as slower: on made-up measurements with the noise of a busy machine."""

from __future__ import annotations

import numpy as np
import pytest

from ganbench.execution.bench.verdict import compared


def session(ratio, seed, launches=3, rounds=12, noise=0.03, layout=0.01):
    """Seconds of both versions: heavy tails, load that both share, and processes that differ."""
    random = np.random.default_rng(seed)
    sides = ([], [])
    for _ in range(launches):
        load = np.exp(0.3 * random.standard_normal(rounds))
        for side, kept in zip((ratio, 1.0), sides, strict=True):
            own = np.exp(layout * random.standard_normal() + noise * random.standard_t(2, rounds))
            kept.append(list(0.001 * side * load * own))
    return sides


def verdicts(ratio, count=50, **how):
    return [compared(*session(ratio, seed, **how), tests=3).verdict for seed in range(count)]


def test_a_slowdown_of_ten_percent_is_named():
    assert verdicts(1.1).count("slower") >= 48
    assert verdicts(1 / 1.1).count("faster") >= 48


@pytest.mark.parametrize("noise", [0.002, 0.03, 0.2])
def test_an_unchanged_component_is_not_named_however_noisy_the_machine(noise):
    assert not {"slower", "faster"} & set(verdicts(1.0, noise=noise))


def test_little_noise_proves_that_nothing_changed_and_much_noise_proves_nothing():
    assert verdicts(1.0, noise=0.005).count("same") >= 48
    assert set(verdicts(1.0, 20, noise=0.5)) == {"unclear"}


def test_each_launch_must_show_the_change():
    ours, theirs = session(1.0, 0, noise=0.002, layout=0.0)
    for slow in (0, 1):
        ours[slow] = [1.3 * seconds for seconds in ours[slow]]
        assert compared(ours, theirs).verdict == "unclear"
    assert compared(ours[:1], theirs[:1]).verdict == "unclear"  # one launch proves nothing
    assert compared(ours[:2], theirs[:2]).verdict == "slower"


def test_launches_that_differ_by_some_percent_are_no_change():
    assert verdicts(1.0, layout=0.02).count("slower") <= 1


def test_the_estimate_and_its_interval():
    found = [compared(*session(1.1, seed, layout=0.0), level=0.9) for seed in range(50)]
    assert np.median([one.ratio for one in found]) == pytest.approx(1.1, rel=0.005)
    assert sum(one.low <= 1.1 <= one.high for one in found) >= 40
    assert all(one.pairs == 36 for one in found)


def test_the_margin_is_what_counts_as_a_change():
    sides = session(1.05, 1, noise=0.005, layout=0.0)
    assert compared(*sides, margin=0.03).verdict == "slower"
    assert compared(*sides, margin=0.08).verdict == "same"
