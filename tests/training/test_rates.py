from __future__ import annotations

import pytest

from ganbench.training.rates import StepTimes


def test_the_median_leaves_a_disturbance_out():
    times = StepTimes(period=1)
    for seconds in (1.0, 1.0, 90.0, 1.1, 1.0):
        times.add(10, seconds)
    assert times.median() == pytest.approx(0.1)


def test_longer_stretches_weigh_more():
    times = StepTimes(period=1)
    times.add(1, 5.0)
    times.add(1, 5.0)
    times.add(100, 10.0)
    assert times.median() == pytest.approx(0.1)


def test_half_of_the_steps_on_either_side_are_met_in_the_middle():
    times = StepTimes(period=1)
    times.add(10, 10.0)
    times.add(10, 30.0)
    assert times.median() == pytest.approx(2.0)


@pytest.mark.parametrize("stretch", [1, 2, 3, 4, 8, 12])
def test_a_term_that_is_rarely_due_keeps_its_share_of_the_time(stretch):
    """Every fourth step takes 5 seconds and the others 1, so that a step takes 2 on average."""
    times, step = StepTimes(period=4), 0
    for _ in range(48):
        steps = range(step, step + stretch)
        times.add(stretch, sum(5.0 if number % 4 == 0 else 1.0 for number in steps))
        step += stretch
    assert times.median() == pytest.approx(2.0)


def test_stretches_of_no_whole_periods_end_all_the_same():
    times = StepTimes(period=16)
    for _ in range(20):
        times.add(13, 13.0)
    assert len(times.table()) == 3  # two blocks of ten, of 130 steps, and one that has none
    assert times.median() == 1.0


def test_stretches_are_cut_to_end_with_a_period():
    times = StepTimes(period=16)
    assert times.aligned(0, 100) == 96
    assert times.aligned(5, 100) == 91
    assert times.aligned(0, 16) == 16
    assert times.aligned(3, 7) == 7  # shorter than a period
    assert StepTimes(period=1).aligned(3, 7) == 7


def test_a_short_training_has_the_mean_of_its_steps():
    times = StepTimes(period=16)
    assert times.median() is None
    times.add(3, 6.0)
    assert times.median() == 2.0


def test_times_go_on_after_a_checkpoint_and_begin_again_when_cleared():
    times, resumed = StepTimes(period=2), StepTimes(period=2)
    for seconds in (1.0, 2.0, 3.0):
        times.add(1, seconds)
    resumed.restore(times.table())
    for one in (times, resumed):
        one.add(1, 4.0)
    assert times.median() == resumed.median() == pytest.approx(2.5)
    times.clear()
    assert times.median() is None
