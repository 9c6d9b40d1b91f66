"""Trackers as callbacks: TensorBoard, MLflow, Weights & Biases, CSV; imported on first use."""

from __future__ import annotations

from collections.abc import Callable

from ganbench import hookimpl


@hookimpl
def ganbench_callbacks(register: Callable[..., None]) -> None:
    register(
        "csv",
        "ganbench_trackers.csv_files:CSVFiles",
        summary="A folder of CSV files for each trial",
    )
    register(
        "mlflow",
        "ganbench_trackers.mlflow_runs:MLflowRuns",
        summary="A run of MLflow for each trial, in a local store or on a server",
    )
    register(
        "tensorboard",
        "ganbench_trackers.tensorboard_events:TensorBoardEvents",
        summary="Event files of TensorBoard for each trial",
    )
    register(
        "wandb",
        "ganbench_trackers.wandb_runs:WandbRuns",
        summary="A run of Weights & Biases for each trial, on this machine or uploaded",
    )
