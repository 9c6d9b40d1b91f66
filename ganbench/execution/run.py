"""`run`: a grid from its names to its rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganbench.errors import GanbenchError, InterruptedTraining, UsageError
from ganbench.grid.budget import Budget, parse_budget
from ganbench.grid.cell import Trial
from ganbench.grid.grid import AXES, Grid
from ganbench.grid.plan import Plan, expand
from ganbench.paths import cache_root, data_root
from ganbench.registry.guard import one_line
from ganbench.registry.lookup import default_registry
from ganbench.results.schema import ENDED_WELL, FINISHED
from ganbench.results.store import RunFolder

if TYPE_CHECKING:
    import pandas
    import torch

    from ganbench.components.callback import Callback
    from ganbench.execution.progress import Progress
    from ganbench.execution.resources import Resources

EXIT_OK, EXIT_FAILED, EXIT_NOTHING, EXIT_INTERRUPTED = 0, 1, 5, 130


@dataclass(frozen=True)
class RunResult:
    """What came of a run.

    :ivar folder: the run folder.
    :ivar results: one row per trial of this grid, as `ganbench.load_results` gives them.
    :ivar trained: how many trials were trained now; the others were done before, or skipped.
    :ivar interrupted: whether the run was stopped before its end.
    """

    folder: Path
    results: pandas.DataFrame
    trained: int
    interrupted: bool = False

    @property
    def exit_code(self) -> int:
        """0 all well, 1 some trial failed, 5 nothing to run, 130 interrupted."""
        if self.interrupted:
            return EXIT_INTERRUPTED
        statuses = [status for status in self.results["status"] if status != "skipped"]
        if not statuses:
            return EXIT_NOTHING
        return EXIT_OK if all(status in ENDED_WELL for status in statuses) else EXIT_FAILED


def run(
    grid: str | Path | Mapping[str, Any] | Grid = "quick",
    out: str | Path | None = None,
    *,
    axes: Mapping[str, str | Sequence[str]] | None = None,
    seeds: int | Sequence[int] | None = None,
    budget: str | Budget | None = None,
    training: Mapping[str, Any] | None = None,
    evaluation: Mapping[str, Any] | None = None,
    data_dir: str | Path | None = None,
    device: str | None = None,
    threads: int | None = None,
    callbacks: Sequence[str | Callback] = (),
    retry_failed: bool = False,
    quiet: bool = True,
) -> RunResult:
    """Train and evaluate every trial of a grid that has no row yet, one after another.

    :param grid: a shipped grid's name, a grid file, its content as a dict, or a `Grid`.
    :param out: the run folder, ``runs/<name of the grid>`` by default; a run that is there goes on.
    :param axes: specs that replace axes of the grid: ``{"loss": ["hinge"]}``.
    :param seeds: a number of seeds, or the seeds.
    :param budget: such as ``"200000img"``, ``"2000steps"``, ``"60s"``.
    :param training: settings that override the grid's.
    :param evaluation: settings that override the grid's.
    :param data_dir: the data folder; ``$GANBENCH_DATA`` or the user's cache by default.
    :param device: ``"cpu"``, ``"cuda"``, ``"cuda:0"``; the GPU if there is one by default.
    :param threads: CPU threads; results are bit-equal for an equal number only.
    :param callbacks: specs or objects.
    :param retry_failed: train failed trials again.
    :param quiet: say nothing on standard error.
    :raises UsageError: for wrong use, before anything is written.
    """
    from ganbench.execution.progress import make_progress

    configured = configure(grid, axes, seeds, budget, training, evaluation)
    chosen = choose_device(device, threads)
    folder = RunFolder(out if out is not None else default_folder(grid))
    plan = expand(configured, data_root(data_dir))
    progress = make_progress(quiet)
    try:
        return execute(plan, folder, chosen, data_root(data_dir), progress, callbacks, retry_failed)
    finally:
        progress.close()


def configure(
    grid: str | Path | Mapping[str, Any] | Grid,
    axes: Mapping[str, str | Sequence[str]] | None = None,
    seeds: int | Sequence[int] | None = None,
    budget: str | Budget | None = None,
    training: Mapping[str, Any] | None = None,
    evaluation: Mapping[str, Any] | None = None,
) -> Grid:
    """The grid with what was given beside it laid over; raises UsageError."""
    for axis in axes or {}:
        if axis not in AXES:
            raise UsageError(f"unknown axis {axis!r}; the axes are {', '.join(AXES)}")
    given_grid = Grid.load(grid)
    configured = given_grid.with_axes(axes or {})
    if seeds is not None:
        configured = configured.with_seeds(seeds)
    if budget is not None:
        given = budget if isinstance(budget, Budget) else parse_budget(budget)
        configured = replace(configured, budget=given)
    if training or evaluation:
        configured = configured.with_settings(training or {}, evaluation or {})
    return _unpublished(configured) if configured != given_grid else configured


def _unpublished(grid: Grid) -> Grid:
    """A changed recipe makes no claim to the figures of the one that it was."""
    about = {key: value for key, value in grid.about.items() if key == "description"}
    return replace(grid, about={"changed_from": about["description"]} if about else {})


def default_folder(grid: str | Path | Mapping[str, Any] | Grid) -> Path:
    """``runs/<name>`` by the name of the grid or of its file."""
    name = Path(grid).stem if isinstance(grid, (str, Path)) else "grid"
    return Path("runs") / name


def choose_device(name: str | None, threads: int | None = None) -> torch.device:
    """The device to train on; raises UsageError if it is not there.

    :param threads: CPU threads for this process from now on; torch's own choice by default.
    """
    import torch

    if threads is not None:
        torch.set_num_threads(threads)
    if name is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise UsageError(f"unknown device {name!r}: cpu, cuda or cuda:0") from None
    if device.type not in ("cpu", "cuda"):
        raise UsageError(f"device {name!r} is not supported: cpu, cuda or cuda:0")
    if device.type == "cuda":
        if not torch.cuda.is_available():
            raise UsageError(f"--device {name}: torch finds no CUDA GPU here; use --device cpu")
        if device.index is not None and device.index >= torch.cuda.device_count():
            raise UsageError(f"--device {name}: there are {torch.cuda.device_count()} GPUs")
    return device


def execute(
    plan: Plan,
    folder: RunFolder,
    device: torch.device,
    root: Path,
    progress: Progress,
    callbacks: Sequence[str | Callback] = (),
    retry_failed: bool = False,
) -> RunResult:
    """Run what a plan has left to do."""
    from ganbench.execution.callbacks import Audience
    from ganbench.execution.interrupt import stop_on_signals
    from ganbench.execution.local import LocalRunner
    from ganbench.execution.resources import Resources

    audience = Audience(_callbacks(callbacks))
    folder.check()
    trials = list(plan.trials())
    left = _left(trials, folder, retry_failed)
    resources = Resources(root, cache_root(), device, progress.say)
    _prepare(resources, [trial for trial in left if trial.cell.reason is None], progress)
    folder.create()
    _write_grid(plan.grid, folder)
    interrupted = False
    trained = 0
    with stop_on_signals() as stop:
        runner = LocalRunner(resources, audience, progress, stop)
        for number, trial in enumerate(left, start=1):
            if stop():
                interrupted = True
                break
            if trial.cell.reason is not None:
                _write_skipped(trial, folder)
                continue
            progress.trial_started(trial, number, len(left))
            try:
                row = runner.run(trial, folder.trial(trial.id))
            except InterruptedTraining:
                interrupted = True
                break
            progress.trial_ended(row)
            trained += row["status"] != "skipped"
    return RunResult(folder.path, _results(folder, trials), trained, interrupted)


def _left(trials: Sequence[Trial], folder: RunFolder, retry_failed: bool) -> list[Trial]:
    """Trials without a final row. Skipped ones are settled anew: a mended plugin lifts a skip."""
    left = []
    for trial in trials:
        row = folder.trial(trial.id).read_row()
        status = None if row is None else row["status"]
        failed = status in FINISHED and status not in ENDED_WELL
        if status not in FINISHED or status == "skipped" or (failed and retry_failed):
            left.append(trial)
    return left


def _prepare(resources: Resources, trials: Sequence[Trial], progress: Progress) -> None:
    """Have data and evaluators ready once, so that what a person must mend shows before training.

    What a third party's code raises is left to its trials, whose rows will tell.
    """
    seen = set()
    for trial in trials:
        key = (trial.cell.dataset.spec, trial.cell.extractor.spec)
        if key in seen:
            continue
        seen.add(key)
        try:
            resources.training_data(trial.cell)
            resources.evaluator(trial.cell)
        except GanbenchError:
            raise
        except (Exception, SystemExit) as error:
            progress.say(f"{key[0]}: {one_line(error)}")
        for note in resources.notes():
            progress.say(f"{key[0]}: {note}")


def _write_grid(grid: Grid, folder: RunFolder) -> None:
    from ganbench.results.files import write_atomically

    write_atomically(folder.grid_file, grid.to_toml())


def _write_skipped(trial: Trial, folder: RunFolder) -> None:
    from ganbench.execution.trial import base_row

    place = folder.trial(trial.id)
    place.write_identity(trial.identity())
    place.write_row(base_row(trial) | {"status": "skipped", "error": trial.cell.reason})


def _results(folder: RunFolder, trials: Sequence[Trial]) -> pandas.DataFrame:
    """The rows of this grid; the folder's table is written with all rows that it holds."""
    from ganbench.results.frames import load_results

    folder.write_table()
    results = load_results(folder.path)
    return results[results["trial"].isin([trial.id for trial in trials])].reset_index(drop=True)


def _callbacks(callbacks: Sequence[str | Callback]) -> list[Callback]:
    registry = default_registry()
    return [
        registry.bind("callback", callback).component if isinstance(callback, str) else callback
        for callback in callbacks
    ]
