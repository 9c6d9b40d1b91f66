"""What a report shows, gathered from a run folder: plain values for the template."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ganbench.report.figures import Curves, fd_curves
from ganbench.results.formatting import plain, plain_line, texts
from ganbench.results.frames import read_history, read_results
from ganbench.results.schema import STATUSES
from ganbench.results.selection import default_columns
from ganbench.results.store import RunFolder
from ganbench.results.summary import cells
from ganbench.results.view import Note, View, cell_label, failures, make_view, readable, skipped

if TYPE_CHECKING:
    import pandas as pd

_PNG = b"\x89PNG\r\n\x1a\n"
_TONES = {
    "ok": "good",
    "stable": "good",
    "collapsed": "warn",
    "never-learned": "warn",
    "interrupted": "warn",
}
_JUDGEMENTS = ("outcome", "verdict", "verdicts", "status")


@dataclass(frozen=True)
class TableCell:
    """One field; ``value`` is what it sorts by, where that is a number."""

    text: str
    value: str | None
    best: bool
    tone: str
    anchor: str | None = None


@dataclass(frozen=True)
class Table:
    """A sortable table: (header, is it numeric) for each column."""

    headers: list[tuple[str, bool]]
    rows: list[list[TableCell]]


@dataclass(frozen=True)
class Picture:
    """A trial's samples; ``uri`` is None where there are none."""

    anchor: str
    uri: str | None
    caption: str
    tone: str


@dataclass(frozen=True)
class Gallery:
    """The pictures of one cell, seed by seed."""

    dataset: str
    title: str
    pictures: list[Picture]


@dataclass(frozen=True)
class Report:
    """Everything that the template draws."""

    title: str
    facts: list[tuple[str, str]]
    grid: str
    cells: Table
    trials: Table
    captions: list[str]
    curves: list[Curves]
    galleries: list[Gallery]
    failures: list[Note]
    skipped: list[Note]
    problems: list[str]


def gather(path: str | Path) -> Report:
    """The report of a run; raises UsageError if there is no run at ``path``."""
    run = RunFolder(path).open()
    found, history = read_results(path), read_history(path)
    results = found.frame
    by_cell = make_view(results, by_cell=True)
    trials = make_view(results, columns=[*default_columns(readable(results)), "trial"])
    anchors = {trial: f"trial-{number}" for number, trial in enumerate(results["trial"])}
    return Report(
        title=plain(run.path.resolve().name),
        facts=list(_facts(results)),
        grid=_grid(run),
        cells=_table(by_cell, {}),
        trials=_table(trials, anchors),
        captions=by_cell.captions,
        curves=fd_curves(results, history.frame),
        galleries=list(_galleries(run, results, anchors)),
        failures=failures(results),
        skipped=skipped(results),
        problems=[plain(problem) for problem in (*found.problems, *history.problems)],
    )


def _facts(results: pd.DataFrame) -> Iterator[tuple[str, str]]:
    counts = results["status"].value_counts()
    ended = ", ".join(f"{counts[status]} {status}" for status in STATUSES if status in counts)
    yield "Trials", f"{len(results)}: {ended}" if len(results) else "none has ended yet"
    names = {
        "architecture": "Architectures",
        "loss": "Losses",
        "dataset": "Data sets",
        "regularizer": "Regularizers",
        "augmentation": "Augmentations",
        "seed": "Seeds",
        "budget": "Budget",
        "batch_size": "Batch size",
        "precision_mode": "Arithmetic",
        "device": "Device",
        "extractor": "Features",
        "protocol": "Protocol",
        "ganbench_version": "ganbench",
        "torch_version": "torch",
        "providers": "Providers",
    }
    for name, label in names.items():
        found = results[name].dropna().unique() if name in results.columns else ()
        values = [plain(value) for value in found]
        if values and values != ["none"]:
            yield label, _listed(values)
    trained = float(results["train_seconds"].sum())
    if trained:
        yield "Training time", duration(trained)
    started = results["started"].dropna()
    if len(started):
        yield "Begun", plain(started.min())


def duration(seconds: float) -> str:
    """``1 h 02 min``, ``3 min 20 s`` or ``4.2 s``."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def _listed(values: Sequence[str], most: int = 12) -> str:
    more = f" and {len(values) - most} more" if len(values) > most else ""
    return " · ".join(values[:most]) + more


def _grid(run: RunFolder) -> str:
    try:
        text = run.grid_file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return "\n".join(plain_line(line) for line in text.splitlines())


def _table(view: View, anchors: dict[str, str]) -> Table:
    columns = []
    for column in view.columns:
        values = [_sort_value(v) if column.numeric else None for v in view.frame[column.name]]
        judged = column.name in _JUDGEMENTS
        columns.append(
            [
                TableCell(text, value, best, tone(text) if judged else "", anchors.get(text))
                for text, value, best in zip(column.cells, values, column.best, strict=True)
            ]
        )
    headers = [(arrow_joined(column.header), column.numeric) for column in view.columns]
    return Table(headers, [list(row) for row in zip(*columns, strict=True)])


def arrow_joined(header: str) -> str:
    """A header whose arrow stays on the line of its last word."""
    return header.replace(" ↓", "\u00a0↓").replace(" ↑", "\u00a0↑")


def _sort_value(value: float) -> str | None:
    import pandas as pd

    if pd.isna(value):
        return None
    return f"{'-' if value < 0 else ''}Infinity" if math.isinf(value) else repr(float(value))


def tone(outcome: str) -> str:
    """How an outcome is coloured, or several, ``stable 2/3, error 1/3``: good, warn or bad."""
    tones = {_TONES.get(part.split(" ")[0], "bad") for part in outcome.split(", ")}
    return next((t for t in ("good", "bad", "warn") if tones == {t}), "warn")


def _galleries(run: RunFolder, results: pd.DataFrame, anchors: dict[str, str]) -> Iterator[Gallery]:
    frame = readable(results)
    places = dict(zip(frame["trial"], texts(frame["fd"]), strict=True))
    judged = dict(zip(frame["trial"], frame["outcome"], strict=True))
    for cell in cells(results):
        pictures = []
        for trial, seed in zip(cell.trials["trial"], cell.trials["seed"], strict=True):
            uri = data_uri(run.trial(trial).samples_png) if "/" not in trial else None
            caption = f"seed {seed} · {plain(judged[trial])} · fd {places[trial]}"
            pictures.append(Picture(anchors[trial], uri, caption, tone(judged[trial])))
        if pictures:
            label = cell_label(value for key, value in cell.key.items() if key != "dataset")
            yield Gallery(plain(cell.key["dataset"]), label, pictures)


def data_uri(path: Path) -> str | None:
    """A PNG as a data URI; None if the file is missing or no PNG."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    if not content.startswith(_PNG):
        return None
    return "data:image/png;base64," + base64.b64encode(content).decode()
