"""``ganbench.fit``: from a folder of images to the best GAN that a time allows."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from ganbench.base.paths import check_path, data_root
from ganbench.base.text import counted
from ganbench.execution.placement import choose_device, place, planned_threads
from ganbench.execution.run_options import RunOptions, parse_seconds
from ganbench.execution.supervise.stopping import stop_on_signals
from ganbench.execution.total.deadline import Deadline
from ganbench.fit.candidates import name_of, shipped
from ganbench.fit.choose import Chooser
from ganbench.fit.look import FolderFacts, look
from ganbench.fit.outcome import FitResult, command_for, rounds_record, words
from ganbench.fit.record import FILE, FitRecord, load
from ganbench.fit.search import Search, Standing, rows_of
from ganbench.registry.lookup import default_registry
from ganbench.store.primary import PRIMARY
from ganbench.store.run_folder import RunFolder

Say = Callable[[str], None]
#: Part of the time for pictures, export and report, and the least and the most seconds of it.
_AFTER, _AFTER_LEAST, _AFTER_MOST = 0.08, 12.0, 90.0
#: The largest part of the time in which images are decoded to find damaged ones.
_LOOK = 0.05
#: Trials of the last round: two cells with three seeds.
_LAST_TRIALS = 6


def fit(
    images: str | os.PathLike[str],
    total: str | float = "20m",
    out: str | os.PathLike[str] | None = None,
    *,
    device: str | None = None,
    jobs: int | str = "auto",
    data_dir: str | Path | None = None,
    say: Say | None = None,
    quiet: bool = True,
) -> FitResult:
    """Find the GAN that does best on a folder of images in a time.

    It looks at the images, measures what this machine trains, chooses size, features and a handful of
    cells, and trains them in rounds: cells that fall behind hand their time to the others. The same
    call goes on from where an earlier one stopped, with a time of its own.

    :param images: a folder in any nesting, or a zip or tar archive; sub-folders are classes.
    :param total: such as ``"20m"`` or a number of seconds: for everything.
    :param out: the run folder; ``runs/fit-<name of the folder>`` by default.
    :param device: as in `ganbench.run`; likewise ``jobs`` and ``data_dir``.
    :param say: receives what a person should know meanwhile.
    :param quiet: show no progress on standard error.
    :returns: the best cell, in words and as files.
    :raises UsageError: for images or a time that nothing can be learned from; nothing is trained.
    """
    check_path(images, "the folder of images")
    seconds = parse_seconds(total)
    deadline = Deadline.after(seconds)
    written = total if isinstance(total, str) else f"{seconds:g}s"
    place_of_images = Path(images).expanduser().absolute()
    folder = RunFolder(Path("runs") / f"fit-{place_of_images.stem}" if out is None else out)
    options = _options(device, jobs)
    say = _once(say or (lambda sentence: None))
    folder.check()
    facts = look(place_of_images, _LOOK * seconds)
    command = command_for(os.fspath(images), written, folder.path)
    with stop_on_signals() as stop:
        begun = _begin(facts, folder, data_root(data_dir), options, seconds, deadline, say, stop)
    after = min(_AFTER_MOST, max(_AFTER_LEAST, _AFTER * seconds))
    search = Search(
        begun,
        folder,
        data_root(data_dir),
        options,
        _slots(options),
        Deadline(deadline.at - after),
        say,
        quiet,
    )
    search.run()
    return _finished(search, folder, facts, data_root(data_dir), command)


def _options(device: str | None, jobs: int | str) -> RunOptions:
    """Options with the same threads in every round: with others, no trial could go on bit by bit."""
    options = RunOptions.of(device=device, jobs=jobs, extend=True)
    chosen = choose_device(device)
    on_cpu = chosen.type == "cpu"
    threads = planned_threads(1, _LAST_TRIALS) if on_cpu else place(chosen, options).threads
    return replace(options, threads=threads)


def _once(say: Say) -> Say:
    """Say each sentence once: every process that loads the images has the same remarks."""
    said = set[str]()

    def new(sentence: str) -> None:
        if sentence not in said:
            said.add(sentence)
            say(sentence)

    return new


def _begin(
    facts: FolderFacts,
    folder: RunFolder,
    root: Path,
    options: RunOptions,
    seconds: float,
    deadline: Deadline,
    say: Say,
    stop: Callable[[], bool],
) -> FitRecord:
    """The choices of an earlier fit in the folder, or new ones."""
    candidates = shipped()
    placement = place(choose_device(options.device), options)
    chooser = Chooser(candidates, facts, root, placement, seconds, deadline, say, stop)
    smallest = default_registry().bind("dataset", chooser.dataset(chooser.sizes()[0])).component
    for sentence in facts.sentences(smallest.spec(root).classes):
        say(sentence)
    fingerprint = smallest.fingerprint(root)
    earlier = load(folder.path, facts.path, fingerprint)
    if earlier is not None:
        say(f"going on from {folder.path / FILE}")
        return earlier
    choice, evaluation, costs, begun = chooser.choose()
    record = FitRecord(
        images=str(facts.path),
        fingerprint=fingerprint,
        dataset=choice.dataset,
        training=dict(candidates.training),
        evaluation=evaluation,
        cells=choice.cells,
        costs=costs,
        start=begun,
    )
    folder.create()
    record.save(folder.path)
    for sentence in _plan_sentences(choice.size, choice.extractor, facts, record):
        say(sentence)
    return record


def _plan_sentences(size: int, extractor: str, facts: FolderFacts, record: FitRecord) -> list[str]:
    begun, batch = record.start, record.training["batch_size"]
    cells = "; ".join(name_of(cell) for cell in record.cells)
    squares = all(width == height for width, height in (facts.smallest, facts.largest))
    seen = "" if squares else " of the centered square of each image"
    return [
        f"chosen: {size}x{size} pixels{seen}, features of {extractor}, evaluations of "
        f"{record.evaluation['samples']:,} samples",
        f"chosen: {counted(len(record.cells), 'cell')} with {counted(begun.seeds, 'seed')}, first "
        f"{begun.steps * batch:,} images each: {cells}",
    ]


def _slots(options: RunOptions) -> int:
    return len(place(choose_device(options.device), options).slots)


def _finished(
    search: Search, folder: RunFolder, facts: FolderFacts, root: Path, command: str
) -> FitResult:
    record = search.record
    ended = [number for number, one in enumerate(record.rounds) if one.ended]
    rounds = [search.standings(number) for number in ended]
    known: dict[str, Any] = {
        "folder": folder.path,
        "command": command,
        "facts": facts.record(),
        "rounds": rounds_record(record, rounds),
        "interrupted": search.interrupted,
    }
    if not rounds:
        why = "it was interrupted" if search.interrupted else "the time was over"
        sentence = f"No round ended: {why} before. What was trained is kept."
        return FitResult(best=None, trial=None, sentences=[sentence], files={}, **known)
    rows = rows_of(folder, record.rounds[ended[-1]])
    floor = float(rows[f"{PRIMARY}_floor"].median()) if f"{PRIMARY}_floor" in rows else math.nan
    sentences = words(record, rounds, floor)
    best = rounds[-1][0]
    if math.isinf(best.middle):
        return FitResult(best=None, trial=None, sentences=sentences, files={}, **known)
    trial = _typical_trial(rows, record, best)

    from ganbench.fit.files import write_files  # loads torch

    sentences += [*_not_learned(rows), *_weak(rows)]
    files, notes = write_files(folder.path, trial, record.dataset, root, sentences)
    return FitResult(
        best=name_of(record.cells[best.place]),
        trial=trial,
        sentences=[*sentences, *notes],
        files=files,
        **known,
    )


def _typical_trial(rows: Any, record: FitRecord, best: Standing) -> str:
    """The trial of the best cell with the best value."""
    seed = min(best.values, key=lambda one: best.values[one])
    cell = record.cells[best.place]
    own = rows[rows["seed"] == seed]
    for axis, spec in cell.items():
        own = own[own[axis] == spec]
    return str(own["trial"].iloc[0])


def _weak(rows: Any) -> list[str]:
    """Whether the features can carry the ranking."""
    notes = rows["features_note"].dropna().unique() if "features_note" in rows else []
    return [f"The ranking is not to be trusted: {note}." for note in notes]


def _not_learned(rows: Any) -> list[str]:
    """A best that is not good: no trial of the last round has learned."""
    if "verdict" not in rows or not (rows["verdict"] == "never-learned").all():
        return []
    return ["No cell has learned the images yet, the best one included: give it more time."]
