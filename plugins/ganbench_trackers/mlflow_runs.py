"""Trials as runs of MLflow."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock

from ganbench import option
from ganbench_trackers.tracker import Session, Tracker, place
from ganbench_trackers.values import hyperparameters, missing_package, numbers

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

_TRIAL, _FOLDER = "ganbench.trial", "ganbench.folder"
_LONGEST = 500  # characters of a parameter that all stores accept
#: Status of a row -> status of a run, where it is not FAILED.
_ENDED = {"ok": "FINISHED", "diverged": "FINISHED", "interrupted": "KILLED"}


class MLflowRuns(Tracker):
    """A run of MLflow for each trial, in an experiment named after the run folder.

    Hyperparameters are the run's parameters; each evaluation's metrics stand at the step that counts
    images, the numbers of the row as ``final.…``; status, verdict and error are tags; trial.json and
    samples.png artifacts. A resumed trial goes on with its run.

    Without ``uri`` everything stays in files in the run folder, which the full package mlflow shows:
    ``MLFLOW_ALLOW_FILE_STORE=true mlflow ui --backend-store-uri DIR/mlruns``. MLflow's telemetry
    is off.
    """

    uri: str = option("", "tracking server or store; if empty, mlruns in the run folder")
    experiment: str = option("", "name of the experiment; if empty, that of the run folder")

    def missing(self) -> str | None:
        return missing_package("mlflow", "mlflow")

    def begin(self, trial: Mapping[str, Any], folder: Path) -> Session:
        # Read by MLflow when it is imported, and whenever it opens a store.
        os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
        os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
        from mlflow.tracking import MlflowClient

        run_folder = folder.absolute().parent.parent
        store = place("", "mlruns", folder)
        client = MlflowClient(tracking_uri=self.uri or store.as_uri())
        name = self.experiment or run_folder.name or "ganbench"
        lock = store if not self.uri else None
        return _RunSession(client, _experiment(client, name, lock), trial, folder, run_folder)


class _RunSession(Session):
    def __init__(
        self,
        client: MlflowClient,
        experiment: str,
        trial: Mapping[str, Any],
        folder: Path,
        run_folder: Path,
    ) -> None:
        self._client, self._experiment = client, experiment
        self._trial, self._folder = trial, folder
        self._tags = {_TRIAL: str(trial["trial"]), _FOLDER: str(run_folder)}
        found = self._find()
        self._known = -1 if found is None else self._last_step(found)
        self._run = self._create() if found is None else found
        client.update_run(self._run, status="RUNNING")

    def tick(self, record: Mapping[str, Any]) -> None:
        if record["tick"] == 0 and self._known >= 0:  # the trial has started again
            self._client.delete_run(self._run)
            self._run, self._known = self._create(), -1
        if record["images"] > self._known:
            self._log(numbers(record), record["images"])
            self._known = record["images"]

    def end(self, row: Mapping[str, Any]) -> None:
        client, run = self._client, self._run
        for name in ("status", "verdict", "error"):
            client.set_tag(run, name, str(row.get(name) or ""))
        if row["status"] != "interrupted":
            final = {f"final.{name}": value for name, value in numbers(row).items()}
            self._log(final, row["images"] or 0)
            for name in ("trial.json", "samples.png"):
                if (self._folder / name).is_file():
                    client.log_artifact(run, str(self._folder / name))
        client.set_terminated(run, _ENDED.get(row["status"], "FAILED"))

    def _find(self) -> str | None:
        """The id of the trial's run of an earlier session."""
        runs = self._client.search_runs(
            [self._experiment], f"tags.`{_TRIAL}` = '{self._tags[_TRIAL]}'"
        )
        ids = [r.info.run_id for r in runs if r.data.tags.get(_FOLDER) == self._tags[_FOLDER]]
        return ids[0] if ids else None

    def _last_step(self, run: str) -> int:
        history = self._client.get_metric_history(run, "fd")
        return max((point.step for point in history), default=-1)

    def _create(self) -> str:
        from mlflow.entities import Param

        name = self._tags[_TRIAL]
        run = str(
            self._client.create_run(self._experiment, tags=self._tags, run_name=name).info.run_id
        )
        chosen = hyperparameters(self._trial).items()
        params = [Param(key, str(value)[:_LONGEST]) for key, value in chosen]
        self._client.log_batch(run, params=params)
        return run

    def _log(self, values: Mapping[str, float], step: int) -> None:
        from mlflow.entities import Metric

        now = int(1000 * time.time())
        metrics = [Metric(name, value, now, step) for name, value in values.items()]
        self._client.log_batch(self._run, metrics=metrics)


def _experiment(client: MlflowClient, name: str, store: Path | None) -> str:
    """The experiment's id; the experiment is created if it is missing.

    A file store does not notice two processes that create the same experiment at once.
    """
    if store is None:
        return _found_or_made(client, name)
    store.mkdir(exist_ok=True)
    with FileLock(store / ".ganbench.lock"):
        return _found_or_made(client, name)


def _found_or_made(client: MlflowClient, name: str) -> str:
    from mlflow.exceptions import MlflowException

    known = client.get_experiment_by_name(name)
    if known is None:
        try:
            return str(client.create_experiment(name))
        except MlflowException:
            known = client.get_experiment_by_name(name)  # another process was faster
            if known is None:
                raise
    return str(known.experiment_id)
