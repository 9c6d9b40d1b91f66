"""Several run folders as frames that may be set against each other, or a sentence why not."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ganbench.errors import UsageError
from ganbench.results.formatting import plain
from ganbench.results.frames import Results, read_results
from ganbench.results.store import RunFolder

if TYPE_CHECKING:
    import pandas as pd

#: What a data set says of its content; `read_several` adds it from trial.json.
FINGERPRINT = "data_fingerprint"

_SHOWN = 3


def read_several(paths: Sequence[str | os.PathLike[str]]) -> list[Results]:
    """The results of each folder, with the column ``data_fingerprint``.

    :raises UsageError: if there is no run at a path, or if numbers of the folders cannot be compared:
        other protocols, other features for the same data set, or other data under its name.
    """
    found = [_with_fingerprints(path) for path in paths]
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


def _check_protocols(frames: Sequence[pd.DataFrame], names: Sequence[str]) -> None:
    first = [(protocol, name) for frame, name in zip(frames, names, strict=True)
             for protocol in sorted(_values(frame, "protocol"))]  # fmt: skip
    if len({protocol for protocol, _ in first}) > 1:
        listed = ", ".join(f"{plain(protocol)} in {name}" for protocol, name in first)
        raise UsageError(
            f"trials of different protocols cannot be compared: protocol {listed}; run the older "
            "ones again, into a new folder"
        )


def _with_fingerprints(path: str | os.PathLike[str]) -> Results:
    import pandas as pd

    results = read_results(path)
    run, problems = RunFolder(path), list(results.problems)
    known: list[str | None] = []
    for trial in results.frame["trial"]:
        identity = run.trial(trial).read_identity() or {}
        dataset = identity.get("dataset")
        content = dataset.get("fingerprint") if isinstance(dataset, dict) else None
        known.append(content if isinstance(content, str) and content else None)
    frame = results.frame.copy()
    frame[FINGERPRINT] = pd.array(known, dtype="string")
    return Results(frame, problems)


def _values(frame: pd.DataFrame, column: str) -> set[str]:
    return set(frame[column].dropna().tolist()) if column in frame.columns else set()


def _list(values: set[str]) -> str:
    shown = [plain(value)[:60] for value in sorted(values)[:_SHOWN]]
    return ", ".join(shown) + (", …" if len(values) > _SHOWN else "")
