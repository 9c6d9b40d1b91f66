"""Successive halving: how many cells, seeds and steps the rounds have. Arithmetic alone.

Cells begin together and are compared after equal numbers of steps. The better half goes on from its
checkpoints, with the time of those that fell behind (Jamieson and Talwalkar 2016, arXiv:1502.07943).
Each round is a multiple of the first one's steps, so that a trial goes on bit by bit.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ganbench.execution.total.shares import PLANNED, makespan

#: Cells and seeds that are tried, the first that the time allows.
SHAPES = ((5, 3), (4, 3), (4, 2), (3, 2), (3, 1), (2, 1))
#: Images that a trial of the last round should see, and those that have to do where none can.
ENOUGH, LITTLE = 60_000, 15_000
#: Parts of the time that is left which the rounds before the last one take.
_FIRST, _MIDDLE = 0.35, 0.5
_FINALISTS = 2
#: The part of what is left that is planned once a round has shown the speeds.
KNOWN = 0.9


@dataclass(frozen=True)
class Cost:
    """Seconds of one trial: of a step, of the evaluations, and of what surrounds it.

    :ivar tick: of one evaluation; ``end`` of what the end of a round adds.
    """

    step: float
    tick: float
    end: float


@dataclass(frozen=True)
class Start:
    """The first round.

    :ivar cells: how many of the candidates take part.
    :ivar steps: of the first round, a multiple of ``ticks``.
    """

    cells: int
    seeds: int
    steps: int
    ticks: int


def rounds(cells: int) -> list[int]:
    """How many cells each round has: half of those before, and two at last.

    Two cells have two rounds: the first one finds out how fast they are in truth.
    """
    if cells <= _FINALISTS:
        return [cells, cells]
    found = [cells]
    while found[-1] > _FINALISTS:
        found.append(max(_FINALISTS, (found[-1] + 1) // 2))
    return found


def start(
    costs: Sequence[Cost], images_per_step: int, slots: int, seconds: float, ticks: int
) -> Start | None:
    """The most cells and seeds whose last round sees `ENOUGH` images, or `LITTLE`; else the fewest.

    :param costs: of the candidates, the quickest first.
    :param seconds: for all rounds.
    :returns: None if not one evaluation fits.
    """
    smallest = little = None
    for cells, seeds in SHAPES:
        taken = costs[:cells]
        counts = rounds(len(taken))
        steps = largest_steps(taken, seeds, slots, _FIRST * seconds, ticks, 1) // ticks * ticks
        if steps < ticks:
            continue
        smallest = Start(len(taken), seeds, steps, ticks)
        # A middle round doubles the steps, and the last one has what is left for few cells.
        images = steps * 3 ** (len(counts) - 1) * images_per_step
        if images >= ENOUGH:
            return smallest
        if images >= LITTLE and little is None:
            little = smallest
    return little or smallest


def largest_steps(
    costs: Sequence[Cost], seeds: int, slots: int, seconds: float, ticks: int, unit: int
) -> int:
    """The most steps, a multiple of ``unit``, that every trial can make in a time."""

    def fits(steps: int) -> bool:
        each = [
            one.step * steps + one.tick * ticks + one.end for one in costs for _ in range(seeds)
        ]
        return makespan(each, slots) <= PLANNED * seconds

    low, high = 0, 1
    while fits(high * unit) and high < 2**40:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle * unit) else (low, middle)
    return low * unit


def next_multiple(
    costs: Sequence[Cost],
    begun: Start,
    multiple: int,
    slots: int,
    seconds: float,
    last: bool,
) -> int | None:
    """By how much the first round's steps are multiplied next; None if not even one more fits.

    :param costs: of the cells that are left.
    :param multiple: of the round before.
    :param seconds: that are left.
    """
    part = 1.0 if last else _MIDDLE
    fitting = None
    for more in _growing():
        each = [
            one.step * begun.steps * more + one.tick * begun.ticks * more + one.end
            for one in costs
            for _ in range(begun.seeds)
        ]
        fits = makespan(each, slots) <= KNOWN * (seconds if more == 1 else part * seconds)
        if not fits:
            return fitting
        fitting = multiple + more
    return fitting


def _growing() -> Iterator[int]:
    yield from range(1, 1000)
