"""What all tests need of their surroundings."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from made_up_runs import Row, synthetic_row, write_synthetic_run

from ganbench.store.run_folder import RunFolder


def pytest_configure(config):
    """Tests that run side by side must not see each other's trials on their device."""
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    if worker is not None:
        folder = Path(tempfile.gettempdir()) / f"ganbench-tests-{os.getuid()}" / worker
        os.environ.setdefault("GANBENCH_DEVICE_LOCKS", str(folder))


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    """An empty run folder."""
    return RunFolder(tmp_path / "run").create()


@pytest.fixture
def row() -> Callable[..., Row]:
    """Complete rows, by trial id, with what a test cares about changed."""

    def make(trial: str = "a", **changes: Any) -> Row:
        specs = ("dcgan", "hinge", "digits", "none", "none")
        return synthetic_row(trial, specs, seed=0) | changes

    return make


def mixed_outcomes(row: Row) -> Row:
    """One trial that failed, one that diverged, one cell that was skipped."""
    if row["architecture"] == "mlp" and row["loss"] == "wgan-gp":
        return row | {
            "status": "skipped",
            "error": "mlp has no critic of samples; use dcgan",
            "fd": None,
        }
    if row["loss"] == "wgan-gp" and row["seed"] == 0:
        return row | {"status": "error", "error": "RuntimeError: shapes differ", "fd": None}
    if row["architecture"] == "mlp" and row["seed"] == 1:
        return row | {"status": "diverged", "error": "d_loss became non-finite", "fd": 0.001}
    return row


@pytest.fixture(scope="session")
def mixed_run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run of four cells, three seeds each, in which not all went well; not to be changed."""
    path = tmp_path_factory.mktemp("mixed") / "run"
    return write_synthetic_run(path, seeds=3, edit=mixed_outcomes)
