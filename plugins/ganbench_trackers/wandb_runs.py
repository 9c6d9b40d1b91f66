"""Trials as runs of Weights & Biases."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from ganbench import option
from ganbench.base.files import write_atomically
from ganbench_trackers.tracker import Session, Tracker, history_before, place
from ganbench_trackers.values import hyperparameters, missing_package, numbers

#: Statuses of a row after which the run counts as finished well.
_WELL = ("ok", "diverged", "interrupted")


class WandbRuns(Tracker):
    """A run of Weights & Biases for each trial, in a project named after the run folder.

    Hyperparameters are the run's config; each evaluation's metrics stand at the step that counts
    images; the numbers of the row are in the summary as ``final.…``, with status, verdict and error;
    ``samples`` is the picture. A resumed trial goes on with its run.

    By default nothing leaves the machine: runs are files in the folder wandb of the run folder, which
    ``wandb sync DIR/wandb/offline-run-*`` uploads later. With ``mode=online`` they are uploaded at once,
    which needs ``wandb login``.
    """

    mode: Literal["offline", "online"] = option("offline", "online uploads at once")
    project: str = option("", "name of the project; if empty, that of the run folder")
    entity: str = option("", "user or team; if empty, your own")

    def missing(self) -> str | None:
        return missing_package("wandb", "wandb")

    def begin(self, trial: Mapping[str, Any], folder: Path) -> Session:
        run_folder = folder.absolute().parent.parent
        options = {
            "project": self.project or run_folder.name or "ganbench",
            "entity": self.entity or None,
            "mode": self.mode,
            "dir": str(run_folder),
        }
        known = place("", "wandb", folder) / f"{trial['trial']}.json"
        return _RunSession(options, trial, folder, known)


class _RunSession(Session):
    """The run of one trial.

    A small file keeps the run's name and how far it surely got: runs without a connection cannot be
    asked, and a killed process takes with it what wandb has not written yet. A resumed trial therefore
    sends again what its history has since then.
    """

    def __init__(
        self, options: Mapping[str, Any], trial: Mapping[str, Any], folder: Path, known: Path
    ) -> None:
        self._options, self._trial, self._folder, self._known = options, trial, folder, known
        found = _read(known)
        self._again = found is not None
        self._id, self._images = found or (_new_id(), -1)
        self._run: Any = None

    def tick(self, record: Mapping[str, Any]) -> None:
        if record["tick"] == 0 and self._again:  # the trial has started again
            self._id, self._images = _new_id(), -1
        elif self._again:
            for line in history_before(self._folder, record["tick"]):
                self._log(line)
        self._again = False
        self._log(record)

    def _log(self, record: Mapping[str, Any]) -> None:
        if record["images"] > self._images:
            self._opened().log(numbers(record), step=record["images"])
            self._images = record["images"]

    def end(self, row: Mapping[str, Any]) -> None:
        if row["status"] != "interrupted":
            import wandb

            run, samples = self._opened(), self._folder / "samples.png"
            if samples.is_file():
                step = max(row["images"] or 0, self._images)
                run.log({"samples": wandb.Image(str(samples))}, step=step)
            run.summary.update({f"final.{name}": value for name, value in numbers(row).items()})
            run.summary.update({n: str(row.get(n) or "") for n in ("status", "verdict", "error")})
        if self._run is not None:
            self._run.finish(exit_code=0 if row["status"] in _WELL else 1)
            self._remember(self._images)

    def _opened(self) -> Any:
        """The run; in this process others may be open beside it."""
        if self._run is None:
            os.environ.setdefault("WANDB_ERROR_REPORTING", "false")  # read at the import
            import wandb

            quiet = wandb.Settings(silent=True, console="off", x_disable_stats=True)
            online = self._options["mode"] == "online"
            self._run = wandb.init(
                **self._options,
                id=self._id,
                name=str(self._trial["trial"]),
                config=hyperparameters(self._trial),
                resume="allow" if online else None,  # offline, the upload joins equal ids
                reinit="create_new",
                settings=quiet,
            )
            self._remember(self._images)
        return self._run

    def _remember(self, images: int) -> None:
        self._known.parent.mkdir(exist_ok=True)
        write_atomically(self._known, json.dumps({"id": self._id, "images": images}))


def _new_id() -> str:
    return uuid.uuid4().hex[:12]


def _read(known: Path) -> tuple[str, int] | None:
    """The run's name and the images at the last evaluation that it surely holds."""
    try:
        found = json.loads(known.read_text(encoding="utf-8"))
        return str(found["id"]), int(found["images"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
