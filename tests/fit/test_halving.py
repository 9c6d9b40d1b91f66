"""How the rounds of `ganbench fit` share the time."""

from __future__ import annotations

import pytest

from ganbench.execution.total.shares import makespan
from ganbench.fit.halving import ENOUGH, KNOWN, Cost, next_multiple, rounds, start


def cell(images_per_second, batch=32):
    return Cost(batch / images_per_second, tick=1.0, end=2.0)


def test_half_of_the_cells_go_on_until_two_are_left():
    assert rounds(5) == [5, 3, 2]
    assert rounds(4) == [4, 2]
    assert rounds(3) == [3, 2]
    assert rounds(2) == [2, 2]


def test_much_time_buys_cells_and_seeds():
    begun = start([cell(1000)] * 6, 32, 2, 3600, ticks=2)
    assert (begun.cells, begun.seeds) == (5, 3)
    assert begun.steps % begun.ticks == 0
    assert begun.steps * 9 * 32 >= ENOUGH


def test_little_time_buys_few_of_both():
    begun = start([cell(200)] * 6, 32, 2, 120, ticks=1)
    assert (begun.cells, begun.seeds) == (2, 1)


def test_no_time_buys_nothing():
    assert start([cell(200)] * 6, 32, 2, 5, ticks=1) is None


@pytest.mark.parametrize("last", [True, False])
def test_the_next_round_fits_into_what_is_left(last):
    begun = start([cell(1000)] * 4, 32, 2, 1200, ticks=2)
    costs = [cell(800)] * 2
    multiple = next_multiple(costs, begun, 1, 2, 600, last)
    more = multiple - 1
    each = [
        one.step * begun.steps * more + one.tick * begun.ticks * more + one.end for one in costs
    ]
    needed = makespan([one for one in each for _ in range(begun.seeds)], 2)
    assert needed <= KNOWN * 600 * (1.0 if last or more == 1 else 0.5)
    assert next_multiple(costs, begun, 1, 2, 1.0, last) is None
