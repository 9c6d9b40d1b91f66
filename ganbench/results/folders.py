"""Several run folders as frames that may be set against each other, or a sentence why not."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ganbench.errors import UsageError
from ganbench.results.comparability import (
    EVALUATION,
    FINGERPRINT,
    MixedSettingsError,
    differences,
    mapping,
    measuring,
    some,
)
from ganbench.results.formatting import plain
from ganbench.results.frames import Results, read_results

if TYPE_CHECKING:
    import pandas as pd

_SHOWN = 3


def read_several(paths: Sequence[str | os.PathLike[str]]) -> list[Results]:
    """The results of each folder.

    :raises UsageError: if there is no run at a path, or if numbers of the folders cannot be compared:
        other protocols, other features or evaluation settings for the same data set, or other data
        under its name.
    """
    found = [read_results(path) for path in paths]
    check_comparable([results.frame for results in found], [os.fspath(path) for path in paths])
    return found


def check_comparable(frames: Sequence[pd.DataFrame], names: Sequence[str]) -> None:
    """Refuse frames whose numbers do not mean the same.

    :raises UsageError: with one sentence that says what differs and where.
    """
    _check_protocols(frames, names)
    for other, name in zip(frames[1:], names[1:], strict=True):
        for dataset in sorted(_values(frames[0], "dataset") & _values(other, "dataset")):
            for column, word in ((FINGERPRINT, "content"), ("extractor", "features")):
                pair = [_values(f[f["dataset"] == dataset], column) for f in (frames[0], other)]
                if pair[0] and pair[1] and not pair[0] & pair[1]:
                    raise UsageError(
                        f"{plain(dataset)} has other {word} in {names[0]} ({_list(pair[0])}) than in "
                        f"{name} ({_list(pair[1])}); numbers compare only on the same data and the same "
                        "extractor with the same sample counts"
                    )
            _check_evaluation(dataset, [frames[0], other], [names[0], name])


def _check_evaluation(dataset: str, frames: Sequence[pd.DataFrame], names: Sequence[str]) -> None:
    """Refuse two frames that have no way of evaluation in common for a data set."""
    both = (_values(f[f["dataset"] == dataset], EVALUATION) for f in frames)
    first, second = ({measuring(text, curve=False) for text in texts} for texts in both)
    if not first or not second or first & second:
        return
    pair = [mapping(min(first)), mapping(min(second))]
    told = ", ".join(
        f"{name} {pair[0].get(name, 'unknown')} against {pair[1].get(name, 'unknown')}"
        for name in differences([min(first), min(second)])
    )
    raise UsageError(
        f"{plain(dataset)} was evaluated with other settings in {names[0]} than in {names[1]} "
        f"({plain(told)}); numbers compare only where they were measured alike"
    )


def _check_protocols(frames: Sequence[pd.DataFrame], names: Sequence[str]) -> None:
    found = [sorted(_values(frame, "protocol")) for frame in frames]
    if len({protocol for protocols in found for protocol in protocols}) < 2:
        return
    listed = ", ".join(
        f"{' and '.join(map(plain, protocols))} in {name}"
        for protocols, name in zip(found, names, strict=True)
    )
    problem = f"trials of different protocols cannot be compared: protocol {listed}"
    mixed = [frame for frame, protocols in zip(frames, found, strict=True) if len(protocols) > 1]
    if not mixed:
        raise UsageError(f"{problem}; run the older ones again, into a new folder")
    older = _older_trials(mixed[0])
    raise MixedSettingsError(
        f"{problem}; move the trials that shall not count out of DIR/trials ({some(older)}), or run "
        "the grid into a new folder (-o)"
    )


def _older_trials(frame: pd.DataFrame) -> list[str]:
    """The trials of all protocols but the newest."""
    known = frame[frame["protocol"].notna()]
    newest = max(known["protocol"].unique(), key=_by_number)
    return [plain(trial) for trial in known["trial"][known["protocol"] != newest]]


def _by_number(text: str) -> tuple[bool, float, str]:
    return (True, float(text), text) if text.isdecimal() else (False, 0.0, text)


def _values(frame: pd.DataFrame, column: str) -> set[str]:
    return set(frame[column].dropna().tolist()) if column in frame.columns else set()


def _list(values: set[str]) -> str:
    shown = [plain(value)[:60] for value in sorted(values)[:_SHOWN]]
    return ", ".join(shown) + (", …" if len(values) > _SHOWN else "")
