"""Files of weights that a trial can start from, by the text that names them."""

from __future__ import annotations

from pathlib import Path

from ganbench.base.errors import DataNotFoundError, UsageError
from ganbench.store.run_selectors import split_run
from ganbench.store.trial_folder import TrialFolder

_SUFFIX = ".safetensors"


def absolute_init(text: str) -> str:
    """The same weights, named so that another process finds them: ``/…/RUN:trial id``, or a path.

    :raises UsageError: if the text names no weights, or several trials.
    """
    path = Path(text).expanduser()
    if path.is_file():
        if path.suffix != _SUFFIX:
            raise UsageError(
                f"--init {text}: weights are read from a {_SUFFIX} file or a trial, RUN:TRIAL; no other "
                "format is read, since it may run code"
            )
        return str(path.absolute())
    trial = _trial(text, path)
    return f"{trial.path.absolute().parent.parent}:{trial.id}"


def weights_file(text: str) -> Path:
    """The file with the weights; of a trial its newest checkpoint.

    :raises UsageError: as `absolute_init`, or if the trial has no checkpoint.
    """
    path = Path(text).expanduser()
    if path.is_file():
        return path
    trial = _trial(text, path)
    there = trial.checkpoint_dir.glob(f"*{_SUFFIX}") if trial.checkpoint_dir.is_dir() else ()
    whole = [file for file in there if file.with_suffix(".json").is_file()]
    if not whole:
        raise UsageError(f"--init {text}: trial {trial.id} has no checkpoint to start from")
    return max(whole)  # names sort by time


def _trial(text: str, path: Path) -> TrialFolder:
    if path.is_dir() and path.absolute().parent.name == "trials":
        return TrialFolder(path.absolute())
    found = split_run(text)
    if found is None:
        raise DataNotFoundError(
            f"--init {text}: this is neither a file nor a trial (write RUN:TRIAL, such as "
            f"runs/quick:best, or the path of a {_SUFFIX} file)"
        )
    if not found.selector:
        raise UsageError(
            f"--init {text} is a run folder; name one of its trials, as in {text}:best"
        )
    return found.run.find(found.selector)
