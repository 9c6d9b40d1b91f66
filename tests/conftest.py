"""What all tests need of their surroundings."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def pytest_configure(config):
    """Tests that run side by side must not see each other's trials on their device."""
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    if worker is not None:
        folder = Path(tempfile.gettempdir()) / f"ganbench-tests-{os.getuid()}" / worker
        os.environ.setdefault("GANBENCH_DEVICE_LOCKS", str(folder))
