from __future__ import annotations

import pytest

from ganbench.results.store import RunFolder
from ganbench.testing.runs import Row, write_synthetic_run


def _outcomes(row: Row) -> Row:
    if row["loss"] == "wgan-gp" and row["architecture"] == "mlp":
        return row | {"status": "skipped", "error": "no gradient of single samples; use dcgan"}
    if row["loss"] == "wgan-gp" and row["seed"] == 1:
        return row | {"status": "error", "error": "RuntimeError: shapes differ", "fd": None}
    return row


@pytest.fixture(scope="session")
def reported_run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run with pictures, a failure and a skipped cell; not to be changed."""
    path = tmp_path_factory.mktemp("reported") / "study"
    return write_synthetic_run(
        path, datasets=("digits", "mnist"), pictures=True, ticks=4, edit=_outcomes
    )
