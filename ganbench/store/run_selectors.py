"""``RUN:SELECTOR``: trials of any run in one text."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from ganbench.store.run_folder import RunFolder


class RunSelector(NamedTuple):
    """A run, and a selector of its trials; empty for the whole run."""

    run: RunFolder
    selector: str


def split_run(text: str) -> RunSelector | None:
    """The run and the selector of a text; None where no run is named.

    A selector may have colons itself, as in ``RUN:best:loss=hinge``.
    """
    parts = text.split(":")
    for place in range(len(parts), 0, -1):
        folder = ":".join(parts[:place])
        if folder and (path := Path(folder).expanduser()).is_dir() and (path / "trials").is_dir():
            return RunSelector(RunFolder(path).open(), ":".join(parts[place:]))
    return None
