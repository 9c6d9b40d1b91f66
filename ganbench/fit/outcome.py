"""The result of a fit: which GAN did best, by how much beyond noise, and its files."""

from __future__ import annotations

import itertools
import math
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ganbench.analysis.statistics.intervals import LEVEL
from ganbench.analysis.statistics.paired import Effect, differences, paired_effect
from ganbench.base.text import counted, percent
from ganbench.execution.run_result import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_OK
from ganbench.fit.candidates import name_of
from ganbench.fit.record import FitRecord
from ganbench.fit.search import Standing
from ganbench.present.footnotes import too_few, unseen_text
from ganbench.present.numbers import effect_text, interval_text
from ganbench.store.primary import PRIMARY


@dataclass(frozen=True)
class FitResult:
    """What `ganbench.fit` found.

    :ivar folder: the run folder, with all trials.
    :ivar best: ``architecture × loss`` of the best cell; None if no trial ended well.
    :ivar trial: the id of its best trial.
    :ivar sentences: the outcome in plain words.
    :ivar files: what was written, by kind: ``picture``, ``generator``, ``report``.
    :ivar command: that goes on from here.
    :ivar facts: of the images.
    :ivar rounds: of each round the images for each trial, and the metric of each cell and seed.
    :ivar interrupted: whether a person stopped it.
    """

    folder: Path
    best: str | None
    trial: str | None
    sentences: Sequence[str]
    files: dict[str, Path]
    command: str
    facts: dict[str, Any]
    rounds: list[dict[str, Any]] = field(default_factory=list)
    interrupted: bool = False

    def __str__(self) -> str:
        names = {"picture": "samples beside real images", "generator": "the generator"}
        files = [f"{names.get(kind, f'the {kind}')}: {path}" for kind, path in self.files.items()]
        return "\n".join([*self.sentences, *files, f"To go on: {self.command}"])

    @property
    def exit_code(self) -> int:
        """0 all well, 1 no trial ended well, 130 interrupted."""
        if self.interrupted:
            return EXIT_INTERRUPTED
        return EXIT_FAILED if self.best is None else EXIT_OK

    def record(self) -> dict[str, Any]:
        """All of it in JSON's types."""
        files = {kind: str(path) for kind, path in self.files.items()}
        return vars(self) | {
            "folder": str(self.folder),
            "sentences": list(self.sentences),
            "files": files,
            "exit_code": self.exit_code,
        }


def words(record: FitRecord, rounds: Sequence[Sequence[Standing]], floor: float) -> list[str]:
    """The outcome as sentences.

    :param rounds: the standings of each round that ended; at least one.
    :param floor: the metric of real images that no generator has seen; NaN if unknown.
    """
    last = rounds[-1]
    best = last[0]
    if math.isinf(best.middle):
        reasons = "; ".join(dict.fromkeys(f"{_named(record, o)}: {o.note}" for o in last))
        return [f"No cell gave a result: {reasons}. A longer --total may help."]
    found = [
        f"{_named(record, best)} did best: {PRIMARY} {_values(best)} ({_seeds(best)}).",
        _meaning(record, floor),
    ]
    found += _against_next(record, last)
    found += _behind(record, rounds)
    return found


def _against_next(record: FitRecord, last: Sequence[Standing]) -> list[str]:
    """How the best compares with the next one, and what the seeds cannot see."""
    best, rest = last[0], last[1:]
    if not rest:
        return []
    following = rest[0]
    seeds = sorted(best.values.keys() & following.values.keys())
    a, b = (np.array([one.values[seed] for seed in seeds]) for one in (best, following))
    name = _named(record, following)
    if not np.isfinite(b).all():
        return [f"The next one, {name}, gave no result in every seed: {following.note}."]
    effect = paired_effect([differences(a, b, "log")])
    size = f"its {PRIMARY} is {effect_text(effect, 'log')} times that of {name}"
    if not effect.interval.exists:
        return [f"Against the next one, {size}; {too_few(len(seeds))}."]
    bounds = f"{percent(LEVEL)} interval {interval_text(effect.interval, 'log')}"
    return [
        f"Against the next one, {size} ({bounds}): {_claim(effect)}.",
        f"{unseen_text(len(seeds), LEVEL)}.",
    ]


def _claim(effect: Effect) -> str:
    if effect.interval.excludes(0.0):
        return "the difference is larger than the noise between seeds"
    return "the seeds do not tell the two apart, and either may be the better one"


def _behind(record: FitRecord, rounds: Sequence[Sequence[Standing]]) -> list[str]:
    """Which cells fell behind, in which round."""
    found = []
    for number, (before, after) in enumerate(itertools.pairwise(rounds), start=1):
        kept = {one.place for one in after}
        out = [f"{_named(record, o)} ({_values(o)})" for o in before if o.place not in kept]
        if out:
            images = _images(record, number - 1)
            found.append(f"After {images:,} images, these fell behind: {', '.join(out)}.")
    return found


def _images(record: FitRecord, number: int) -> int:
    multiple = record.rounds[number].multiple
    return int(record.start.steps * multiple * record.training["batch_size"])


def _named(record: FitRecord, one: Standing) -> str:
    return name_of(record.cells[one.place])


def _seeds(one: Standing) -> str:
    count = len(one.values)
    return f"the median of {counted(count, 'seed')}" if count > 1 else "one seed"


def _meaning(record: FitRecord, floor: float) -> str:
    """What the metric is, and what the best possible generator would have."""
    known = f"{floor:.3g}"
    if math.isnan(floor):
        least = 2 * int(record.evaluation.get("samples", 0))
        known = f"unknown, since that takes at least {least:,} real images that differ"
    return (
        f"{PRIMARY}: the distance between generated and real images in the features of "
        f"{record.evaluation.get('extractor')}; lower is better; real images among themselves: {known}."
    )


def _values(one: Standing) -> str:
    return one.note if math.isinf(one.middle) else f"{one.middle:.4g}"


def rounds_record(record: FitRecord, rounds: Sequence[Sequence[Standing]]) -> list[dict[str, Any]]:
    """The rounds in JSON's types; a trial that is no result has no value."""
    found = []
    for number, standings in enumerate(rounds):
        cells = [
            {
                "cell": _named(record, one),
                PRIMARY: {
                    str(seed): value if math.isfinite(value) else None
                    for seed, value in one.values.items()
                },
                "note": one.note or None,
            }
            for one in standings
        ]
        found.append({"images": _images(record, number), "cells": cells})
    return found


def command_for(images: str, total: str, out: Path) -> str:
    """The command that goes on."""
    return f"ganbench fit {shlex.quote(images)} --total {total} -o {shlex.quote(str(out))}"
