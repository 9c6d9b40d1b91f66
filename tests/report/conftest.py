from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from made_up_runs import Row, write_synthetic_run

from ganbench.store.run_folder import RunFolder

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def _outcomes(row: Row) -> Row:
    if row["loss"] == "wgan-gp" and row["architecture"] == "mlp":
        return row | {
            "status": "skipped",
            "error": "no gradient of single samples; use dcgan",
            "fd": None,
        }
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


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A browser for the tests of one module; they are skipped where there is none."""
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    named = os.environ.get("GANBENCH_CHROMIUM")
    path = named or next(filter(None, map(shutil.which, _NAMES)), None)
    if path is None:
        pytest.skip("no Chromium is installed; $GANBENCH_CHROMIUM may name one")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()
