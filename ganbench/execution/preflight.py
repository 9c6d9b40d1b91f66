"""Everything that a run checks before it trains, and the time of one evaluation."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import torch

from ganbench.base.errors import ContractError, GanbenchError, one_line
from ganbench.base.paths import cache_problem, cache_root
from ganbench.evaluation.evaluator import Evaluator
from ganbench.evaluation.sampled_source import NOISE, SampledSource
from ganbench.execution.resources import Resources
from ganbench.execution.supervise.backlog import group_of
from ganbench.grid.cell import Cell
from ganbench.training.batches import TrainingData
from ganbench.training.initial_weights import initial_problems
from ganbench.training.trainer import Trainer

#: Evaluations of a trial beside its ticks: before training, and of the best tick.
MORE_EVALUATIONS = 2
#: Samples of a first evaluation, and the seconds that a whole one may take.
_FEW, _LONG = 256, 60.0


@dataclass
class Preflight:
    """What was found.

    :ivar checked: a sentence for each group of cells whose data and features are ready.
    :ivar notes: sentences about data and the cache.
    :ivar problems: a sentence for each reason why the run would stop before training.
    :ivar samples: of the evaluation that was timed.
    :ivar seconds: it took; None if none could be timed.
    """

    checked: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    samples: int = 0
    seconds: float | None = None

    def evaluation_of(self, cell: Cell) -> float:
        """About how long the evaluations of a trial take, in seconds; 0 where that is not known."""
        if self.seconds is None or not self.samples:
            return 0.0
        whole = self.seconds * cell.evaluation.samples / self.samples
        return whole * (cell.evaluation.ticks + MORE_EVALUATIONS)


def preflight(
    cells: Iterable[Cell], root: Path, device: torch.device, say: Callable[[str], None]
) -> Preflight:
    """Load data and features of all cells, as workers do before they train, and time one evaluation.

    What is computed stays in the cache, so the run does not compute it again.

    :param root: the data folder.
    :param say: receives sentences about long work.
    """
    found = Preflight()
    if (warning := cache_problem(cache_root())) is not None:
        found.notes.append(warning)
    resources, cells = Resources(root, cache_root(), device, say), list(cells)
    groups: dict[str, Cell] = {}
    for cell in cells:
        groups.setdefault(group_of(cell), cell)
    found.problems += initial_problems(cells)
    for group, cell in groups.items():
        try:
            data, evaluator = resources.training_data(cell), resources.evaluator(cell)
            found.checked.append(f"{group}: ready, {evaluator.extractor}")
            if found.seconds is None:
                found.samples, found.seconds = _timed(cell, data, evaluator, device)
        except ContractError as error:  # its own trials fail, and no others
            found.notes.append(f"{group}: {error}")
        except GanbenchError as error:
            found.problems.append(str(error))
        except Exception as error:  # of third-party code: its trials' rows will say it
            found.notes.append(f"{group}: {one_line(error)}")
        found.notes += [f"{group}: {note}" for note in resources.notes()]
    found.problems = list(dict.fromkeys(found.problems))
    return found


def _timed(
    cell: Cell, data: TrainingData, evaluator: Evaluator, device: torch.device
) -> tuple[int, float]:
    """The samples and the seconds of one evaluation of an untrained generator.

    Where a whole evaluation would take long, it is one of a few samples.
    """
    pairs = None if data.held_out is None else data.held_out.targets
    few, seconds = min(_FEW, evaluator.samples), 0.0
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        trainer = Trainer(cell, 0, data, device)
        for samples in dict.fromkeys([few, evaluator.samples]):
            if seconds * samples / few > _LONG:
                break
            start = time.perf_counter()
            evaluator.at_tick(
                SampledSource("a dry run", trainer.sampler(), samples, NOISE, pairs=pairs)
            )
            few, seconds = samples, time.perf_counter() - start
    return few, seconds
