"""Choose size, extractor and cells by what this machine trains in the time."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ganbench.base.errors import UsageError
from ganbench.base.paths import cache_root
from ganbench.base.text import counted, duration
from ganbench.components.data import DataSpec
from ganbench.execution.placement import Placement
from ganbench.execution.total.costs import Costs
from ganbench.execution.total.deadline import Deadline
from ganbench.execution.total.measuring import measured_costs
from ganbench.execution.total.shares import PLANNED
from ganbench.fit.candidates import Candidate, Candidates, grid_of, is_of
from ganbench.fit.halving import ENOUGH, Cost, Start, start
from ganbench.fit.look import FolderFacts
from ganbench.grid.cell import Cell
from ganbench.grid.plan import expand
from ganbench.registry.guard import quiet_stdout
from ganbench.registry.lookup import default_registry
from ganbench.registry.specs import format_spec

Say = Callable[[str], None]
#: Part of the time for evaluation.
SHARE = 0.2
_FEWEST_SAMPLES, _MOST_SAMPLES = 128, 5_000
#: A candidate that takes longer than the quickest one by this factor is left out.
_SLOWEST = 4.0
#: Images of a step's timing, and how many times faster a machine must be to try something larger.
_TIMED_IMAGES, _FASTER = 1_000, 5.0
#: Real images per second of the time, for features that are slow to compute; and when they are.
_REAL_PER_SECOND, _SLOW_SAMPLE = 2.0, 2e-3
#: Seconds of each trial for starting, saving and its pictures.
_AROUND = 2.0
_SMALLEST_SIDE = 8


@dataclass
class Choice:
    """What was chosen so far.

    :ivar costs: of the cells, as they were measured; ``training`` by their place.
    """

    dataset: str
    size: int
    extractor: str
    cells: list[Candidate]
    costs: Costs
    image_seconds: list[float]


class Chooser:
    """Measures candidates, and chooses among them.

    :param total: seconds of the whole fit.
    :param deadline: when it is over.
    """

    def __init__(
        self,
        candidates: Candidates,
        facts: FolderFacts,
        root: Path,
        placement: Placement,
        total: float,
        deadline: Deadline,
        say: Say,
        stop: Callable[[], bool],
    ) -> None:
        self._all, self._facts, self._root = candidates, facts, root
        self._placement, self._slots = placement, max(1, len(placement.slots))
        self._total, self._deadline = total, deadline
        self._say, self._stop = say, stop

    def choose(self) -> tuple[Choice, Mapping[str, Any], list[Cost], Start]:
        """The choice, the evaluation settings, each cell's cost, and the first round.

        :raises UsageError: if nothing can be trained in the time.
        """
        choice = self._larger_cells(self._larger_images(self._smallest()))
        choice = self._without_slow(choice)
        evaluation, ticks = self._evaluation(choice)
        costs = self._costs(choice, evaluation["samples"])
        batch = self._all.training["batch_size"]
        begun = start(costs, batch, self._slots, self._deadline.left, ticks)
        if begun is None:
            raise UsageError(
                f"{duration(self._total)} are too short: {duration(self._deadline.left)} are left "
                "after looking and measuring, and no two cells can be trained in that; give a longer "
                "--total"
            )
        choice = replace(choice, cells=choice.cells[: begun.cells])
        return choice, evaluation, costs[: begun.cells], begun

    def dataset(self, size: int) -> str:
        """The spec of the images at a size."""
        options = {"path": str(self._facts.path), "size": size, "channels": self._facts.channels}
        bound = default_registry().bind("dataset", format_spec(self._all.dataset, options))
        return bound.spec

    def sizes(self) -> list[int]:
        """Pixels a side that the images have, from small to large."""
        side = self._facts.side
        return [size for size in self._all.sizes if size <= side] or [max(_SMALLEST_SIDE, side)]

    def _smallest(self) -> Choice:
        """The smallest variants at the smallest size, with the first extractor that will do."""
        size = self.sizes()[0]
        dataset = self.dataset(size)
        names = self._usable(dataset)
        first = [family[0] for family in self._all.families]
        choice = None
        for place, extractor in enumerate(names):
            self._say(f"measuring what this machine trains at {size}x{size} pixels ({extractor})")
            cells = first if choice is None else first[:1]
            costs, seconds = self._measured(cells, dataset, extractor)
            if choice is None:
                choice = Choice(dataset, size, extractor, first, costs, seconds)
            else:
                choice = replace(choice, extractor=extractor, costs=costs)
            if costs.features_note is None:
                break
            if place + 1 < len(names):
                self._say(f"{extractor} is left out: {costs.features_note}")
        assert choice is not None
        known = [place for place, one in enumerate(choice.image_seconds) if one > 0]
        if not known:
            raise UsageError(f"no candidate can be trained on {dataset}")
        return self._kept(choice, known)

    def _usable(self, dataset: str) -> list[str]:
        """The extractors that work without a download."""
        data: DataSpec = default_registry().bind("dataset", dataset).component.spec(self._root)
        found = []
        for spec in self._all.extractors:
            component = default_registry().bind("extractor", spec).component
            with quiet_stdout():
                reason = component.problem(data) or component.missing(
                    self._root, cache_root(), self._say
                )
            if reason is None:
                found.append(spec)
        if not found:
            raise UsageError(
                "no extractor works without a download: pip install 'ganbench[offline]'"
            )
        return found

    def _larger_images(self, choice: Choice) -> Choice:
        """Larger images as long as the machine is much faster than it has to be."""
        for size in self.sizes()[1:]:
            if not self._has_room(min(choice.image_seconds)):
                break
            dataset = self.dataset(size)
            self._say(f"measuring {size}x{size} pixels")
            costs, seconds = self._measured(choice.cells, dataset, choice.extractor)
            if not any(one > 0 for one in seconds):
                break
            choice = replace(choice, dataset=dataset, size=size, costs=costs, image_seconds=seconds)
            choice = self._kept(choice, [i for i, one in enumerate(seconds) if one > 0])
        return choice

    def _larger_cells(self, choice: Choice) -> Choice:
        """The next variant of each family, where its smaller one leaves much room."""
        pairs = (pair for family in self._all.families for pair in itertools.pairwise(family))
        following = {id(one): after for one, after in pairs}
        while True:
            places = [
                place
                for place, one in enumerate(choice.cells)
                if id(one) in following and self._has_room(choice.image_seconds[place])
            ]
            if not places:
                return choice
            larger = [following.pop(id(choice.cells[place])) for place in places]
            self._say(f"measuring {counted(len(larger), 'larger cell')}")
            _, seconds = self._measured(larger, choice.dataset, choice.extractor)
            cells, images = list(choice.cells), list(choice.image_seconds)
            for place, cell, one in zip(places, larger, seconds, strict=True):
                if one > 0 and self._enough(one):
                    cells[place], images[place] = cell, one
            choice = replace(choice, cells=cells, image_seconds=images)

    def _has_room(self, image_seconds: float) -> bool:
        return self._enough(_FASTER * image_seconds)

    def _enough(self, image_seconds: float) -> bool:
        """Whether four such cells of three seeds would see enough images in the time."""
        one = [Cost(image_seconds * self._all.training["batch_size"], 0.0, _AROUND)] * 4
        batch = self._all.training["batch_size"]
        begun = start(one, batch, self._slots, self._deadline.left, 1)
        images = 0 if begun is None else 3 * begun.steps * batch  # of two rounds
        return begun is not None and (begun.cells, begun.seeds) == (4, 3) and images >= ENOUGH

    def _kept(self, choice: Choice, places: Sequence[int]) -> Choice:
        """The choice with some of its cells, the quickest first."""
        order = sorted(places, key=lambda place: choice.image_seconds[place])
        return replace(
            choice,
            cells=[choice.cells[place] for place in order],
            image_seconds=[choice.image_seconds[place] for place in order],
        )

    def _without_slow(self, choice: Choice) -> Choice:
        quickest = min(choice.image_seconds)
        fast = [
            place for place, one in enumerate(choice.image_seconds) if one <= _SLOWEST * quickest
        ]
        return self._kept(choice, fast)

    def _measured(
        self, cells: Sequence[Candidate], dataset: str, extractor: str
    ) -> tuple[Costs, list[float]]:
        """Costs, and each candidate's seconds for an image; 0 where it cannot be trained."""
        if self._stop():
            raise KeyboardInterrupt
        evaluation = dict(self._all.evaluation) | self._features(extractor)
        training, budget = self._all.training, {"images": _TIMED_IMAGES}
        grid = grid_of(cells, dataset, training, evaluation, budget)
        with quiet_stdout():
            planned = expand(grid, self._root).cells
        found = [cell_of(planned, one) for one in cells]
        usable = [one for one in found if one.reason is None]
        if not usable:
            raise UsageError(f"no candidate can be trained on {dataset}: {found[0].reason}")
        costs = measured_costs(
            grid,
            usable,
            self._root,
            self._placement,
            self._say,
            self._stop,
            self._deadline,
            timing=min(20.0, 0.08 * self._total),
        )
        return costs, [costs.training.get(one.id, 0.0) / _TIMED_IMAGES for one in found]

    def _features(self, extractor: str, costs: Costs | None = None) -> dict[str, Any]:
        """The extractor, with fewer real images where features are slow to compute."""
        found: dict[str, Any] = {"extractor": extractor}
        on_cpu = self._placement.device == "cpu"
        if on_cpu and (costs is None or costs.sample > _SLOW_SAMPLE):
            few = max(_FEWEST_SAMPLES, int(_REAL_PER_SECOND * self._total))
            found["reference_samples"] = few
        return found

    def _evaluation(self, choice: Choice) -> tuple[dict[str, Any], int]:
        """The evaluation settings, and the ticks of the first round."""
        costs = choice.costs
        trials = 8 if len(choice.cells) > 3 else 6
        usable = PLANNED * self._deadline.left * self._slots
        allowed = SHARE * 0.35 * usable / trials
        samples, ticks = _FEWEST_SAMPLES, 1
        for asked, some in ((256, 1), (512, 1), (1_000, 2), (2_000, 2), (_MOST_SAMPLES, 2)):
            if costs.evaluation(some, asked) <= allowed:
                samples, ticks = asked, some
        features = self._features(choice.extractor, costs)
        return dict(self._all.evaluation) | features | {"samples": samples}, ticks

    def _costs(self, choice: Choice, samples: int) -> list[Cost]:
        tick = choice.costs.start + choice.costs.sample * samples
        end = 2 * tick + choice.costs.end * samples + _AROUND
        batch = self._all.training["batch_size"]
        return [Cost(one * batch, tick, end) for one in choice.image_seconds]


def cell_of(cells: Sequence[Cell], candidate: Candidate) -> Cell:
    """The cell of a candidate among those of its grid."""
    return next(cell for cell in cells if is_of(cell.columns, candidate))
