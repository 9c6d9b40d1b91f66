"""Read several run folders and refuse those whose numbers do not compare."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

import pandas as pd

from ganbench.analysis.comparability import MixedSettingsError, distinguishing, measuring
from ganbench.base.errors import UsageError
from ganbench.base.text import first_of, listed, plain
from ganbench.store.frames import read_results
from ganbench.store.schema import EVALUATION, FINGERPRINT

#: What must be equal for a data set, and its name for people.
_SAME = {FINGERPRINT: "content", "extractor": "features", EVALUATION: "evaluation settings"}


def read_several(
    paths: Sequence[str | os.PathLike[str]], warn: Callable[[str], object]
) -> list[pd.DataFrame]:
    """The results of each folder, with the names that its grid gives to components.

    :param warn: gets a sentence for each file that was left out.
    :raises UsageError: if a path is not a run folder, or if the numbers of the folders do not compare:
        other protocols, other features or evaluation settings for the same data set, or other data
        under its name.
    """
    found = [read_results(path) for path in paths]
    frames = [results.named for results in found]
    check_comparable(frames, [os.fspath(path) for path in paths])
    for problem in (problem for results in found for problem in results.problems):
        warn(problem)
    return frames


def check_comparable(frames: Sequence[pd.DataFrame], names: Sequence[str]) -> None:
    """Refuse frames whose numbers differ in meaning.

    :raises UsageError: which says what differs, and where.
    """
    _check_protocols(frames, names)
    for other, name in zip(frames[1:], names[1:], strict=True):
        for dataset in sorted(_values(frames[0], "dataset") & _values(other, "dataset")):
            pair = [frame[frame["dataset"] == dataset] for frame in (frames[0], other)]
            for column, word in _SAME.items():
                first, second = (_values(rows, column) for rows in pair)
                if first and second and not first & second:
                    here, there = _shown(column, first, second)
                    raise UsageError(
                        f"{plain(dataset)} has other {word} in {names[0]} ({here}) than in {name} "
                        f"({there}); numbers compare only on the same data, measured alike"
                    )


def _check_protocols(frames: Sequence[pd.DataFrame], names: Sequence[str]) -> None:
    found = [sorted(_values(frame, "protocol")) for frame in frames]
    if len({protocol for protocols in found for protocol in protocols}) < 2:
        return
    named = ", ".join(
        f"{' and '.join(map(plain, protocols))} in {name}"
        for protocols, name in zip(found, names, strict=True)
    )
    problem = f"cannot compare trials of different protocols: protocol {named}"
    mixed = [frame for frame, protocols in zip(frames, found, strict=True) if len(protocols) > 1]
    if not mixed:
        raise UsageError(f"{problem}; run the older ones again, into a new folder")
    older = _older_trials(mixed[0])
    raise MixedSettingsError(
        f"{problem}; move the trials that must not count out of DIR/trials ({first_of(older, 4)}), or "
        "run the grid into a new folder (-o)"
    )


def _older_trials(frame: pd.DataFrame) -> list[str]:
    """The trials of all protocols but the newest."""
    known = frame[frame["protocol"].notna()]
    newest = max(known["protocol"].unique(), key=_by_number)
    return [plain(trial) for trial in known["trial"][known["protocol"] != newest]]


def _by_number(text: str) -> tuple[bool, float, str]:
    return (True, float(text), text) if text.isdecimal() else (False, 0.0, text)


def _values(frame: pd.DataFrame, column: str) -> set[str]:
    known = set(frame[column].dropna().tolist()) if column in frame.columns else set()
    return {measuring(text, curve=False) for text in known} if column == EVALUATION else known


def _shown(column: str, *sides: set[str]) -> list[str]:
    if column == EVALUATION:
        return distinguishing([min(side) for side in sides], but=())
    return [listed([plain(value)[:60] for value in sorted(side)], 3) for side in sides]
