"""Run folders made up for tests: of report tools, and of whatever else reads results."""

from __future__ import annotations

import hashlib
import itertools
import math
import os
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import pandas as pd
import tomli_w
from PIL import Image, ImageDraw, PngImagePlugin

from ganbench.components.column import Column
from ganbench.store.results_table import refresh_table
from ganbench.store.run_folder import RunFolder
from ganbench.store.schema import ENDED_WELL

Row = dict[str, Any]


def write_synthetic_run(
    path: str | os.PathLike[str],
    *,
    architectures: Sequence[str] = ("dcgan[width=32]", "mlp"),
    losses: Sequence[str] = ("non-saturating", "wgan-gp"),
    datasets: Sequence[str] = ("digits",),
    regularizers: Sequence[str] = ("none",),
    augmentations: Sequence[str] = ("none",),
    seeds: int = 2,
    ticks: int = 10,
    images: int = 200_000,
    pictures: bool = False,
    table: bool = True,
    edit: Callable[[Row], Row | None] = lambda row: row,
    columns: Iterable[Column] = (),
) -> RunFolder:
    """Write a run folder as a real run leaves it, with made-up numbers that are always the same.

    :param seeds: trials of each cell.
    :param ticks: evaluations of each trial, tick 0 not counted.
    :param images: the budget.
    :param pictures: whether to draw samples.png and progress.png.
    :param table: whether to write results.parquet.
    :param edit: changes a trial's row before it is written; a trial whose row becomes None has not
        ended. Only trials that are ``ok`` or ``diverged`` get a history and samples.
    :param columns: describes what ``edit`` adds to rows, as a run does that measures it.
    """
    run = RunFolder(path).create()
    if described := list(columns):
        run.describe(described)
    axes = (architectures, losses, datasets, regularizers, augmentations)
    for specs in itertools.product(*axes):
        for seed in range(seeds):
            _write_trial(run, specs, seed, ticks, images, pictures, edit)
    lists = {"architecture": architectures, "loss": losses, "dataset": datasets}
    grid = {"grid": {**lists, "seeds": seeds}, "budget": {"images": images}}
    run.grid_file.write_text(tomli_w.dumps(grid), encoding="utf-8")
    if table:
        refresh_table(run)
    return run


def synthetic_row(trial: str, specs: Sequence[str], seed: int, images: int = 200_000) -> Row:
    """A complete row of a trial that went well, with made-up numbers."""
    dice = random.Random(f"{specs} {seed}")
    best = math.exp(dice.uniform(1.5, 4.0))
    drift = dice.choice([1.0, 1.02, 1.1, 1.9])
    speed = dice.uniform(2_000, 9_000)
    names = ("architecture", "loss", "dataset", "regularizer", "augmentation")
    return {
        "trial": trial,
        **dict(zip(names, specs, strict=True)),
        "task": "unconditional",
        "seed": seed,
        "status": "ok",
        "error": None,
        "steps": images // 64,
        "images": images,
        "train_seconds": images / speed,
        "eval_seconds": dice.uniform(1, 9),
        "wall_seconds": images / speed + 12,
        "images_per_second": speed,
        "step_ms": 64_000 / speed,
        "peak_memory_mb": dice.uniform(300, 900),
        "generator_params": 1_061_633,
        "discriminator_params": 662_977,
        "extractor": f"small-cnn@5d41402a:10000/{len(specs[2])}0000:train",
        "fd": best * drift,
        "fd_best": best,
        "cs_mean": dice.uniform(5, 9.5),
        "cs_std": 0.1,
        "kid_mean": dice.uniform(0.001, 0.05),
        "kid_std": 0.001,
        **{name: dice.uniform(0.3, 1) for name in ("precision", "recall", "density", "coverage")},
        "verdict": "degraded" if drift > 1.5 else "stable",
        "fd_drift": drift,
        "fd_auc": math.log(best) + 0.5,
        "fd_rough": dice.uniform(0.01, 0.2),
        **{name: dice.uniform(0.5, 0.9) for name in ("d_auc", "d_sat", "g_grad_cv", "d_grad_cv")},
        "batch_size": 64,
        "precision_mode": "fp32",
        "device": "cpu (2 threads)",
        "exclusive": True,
        "started": f"2026-01-02T03:{seed % 60:02d}:05+00:00",
        "ganbench_version": "0.1.0",
        "torch_version": "2.6.0",
        "providers": "ganbench==0.1.0",
        "protocol": "1",
        "budget": f"{images}img",
    }


def synthetic_frame(
    edit: Callable[[Row], Row | None] = lambda row: row,
    *,
    architectures: Sequence[str] = ("mlp", "dcgan[width=32]"),
    losses: Sequence[str] = ("a", "b"),
    seeds: int = 4,
) -> pd.DataFrame:
    """Results as a frame without a folder: each ``fd`` is 10 times a factor drawn for the trial.

    :param edit: as for `write_synthetic_run`.
    """
    rows = []
    for architecture, loss, seed in itertools.product(architectures, losses, range(seeds)):
        specs = (architecture, loss, "digits", "none", "none")
        row = synthetic_row(f"{architecture}-{loss}-{seed}", specs, seed)
        dice = random.Random(str(row["trial"]))
        rows.append(edit(row | {"fd": 10 * math.exp(dice.gauss(0, 0.1))}))
    types = {"exclusive": "boolean", "error": "string", "seed": "Int64", "fd": "float64"}
    return pd.DataFrame([row for row in rows if row is not None]).astype(types)


def synthetic_history(row: Row, ticks: int = 10) -> Iterator[Row]:
    """A curve that ends at the row's ``fd``, with its best value on the way."""
    dice = random.Random(str(row["trial"]))
    start, last = 40 * row["fd_best"], row["fd"] or 2 * row["fd_best"]
    turn = max(1, round(0.7 * ticks)) if last > row["fd_best"] else ticks
    for tick in range(ticks + 1):
        rising = (tick - turn) / max(1, ticks - turn)
        falling = math.log(start) + (math.log(row["fd_best"]) - math.log(start)) * math.sqrt(
            min(tick, turn) / turn
        )
        level = falling + (max(rising, 0) * math.log(last / row["fd_best"]))
        noise = dice.gauss(0, 0.05) if 0 < tick < turn else 0.0
        yield {
            "tick": tick,
            "images": row["images"] * tick // ticks,
            "steps": row["steps"] * tick // ticks,
            "train_seconds": row["train_seconds"] * tick / ticks,
            "fd": math.exp(level + abs(noise)),
            "cs_mean": 1 + 7 * tick / ticks,
            "d_loss": math.nan if tick == 0 else 1 - 0.3 * tick / ticks,
            "g_loss": math.nan if tick == 0 else 1 + 0.3 * tick / ticks,
        }


def _write_trial(
    run: RunFolder,
    specs: Sequence[str],
    seed: int,
    ticks: int,
    images: int,
    pictures: bool,
    edit: Callable[[Row], Row | None],
) -> None:
    digest = hashlib.sha256(f"{specs} {seed}".encode()).hexdigest()[:10]
    short = "-".join(_name(spec) for spec in specs[:3])
    folder = run.trial(f"{short}-s{seed}-{digest}")
    folder.write_identity({"trial": folder.id, "seed": seed, "columns": list(specs)})
    folder.log_txt.write_text("a made-up trial\n", encoding="utf-8")
    row = edit(synthetic_row(folder.id, specs, seed, images))
    if row is None:
        return
    if row["status"] in ENDED_WELL:
        last = row["images"] if row["status"] == "ok" else row["images"] / 2
        history = [one for one in synthetic_history(row, ticks) if one["images"] <= last]
        folder.write_history(history)
        if pictures:
            _draw(folder.samples_png, digest, 8)
            shown = " ".join(str(record["tick"]) for record in history)
            _draw(folder.progress_png, digest, len(history), ticks=shown, gap="0")
    folder.write_row(row)


def _draw(path: str | os.PathLike[str], digest: str, rows: int, **texts: str) -> None:
    """A grid of blots, eight in a row."""
    dice, size = random.Random(digest), 28
    image = Image.new("L", (8 * size, rows * size))
    brush = ImageDraw.Draw(image)
    for x, y in itertools.product(range(0, 8 * size, size), range(0, rows * size, size)):
        left, top = x + dice.randint(2, 10), y + dice.randint(2, 10)
        brush.ellipse((left, top, left + dice.randint(4, 14), top + dice.randint(4, 14)), 220)
        brush.line((x + 14, y + 4, x + dice.randint(4, 24), y + 24), 255, 3)
    known = PngImagePlugin.PngInfo()
    for name, text in texts.items():
        known.add_text(name, text)
    image.save(path, pnginfo=known)


def _name(spec: str) -> str:
    kept = "".join(c if c.isalnum() and c.isascii() else "_" for c in spec.partition("[")[0])
    return kept[:20] or "x"
