"""The facts of a run on its page."""

from __future__ import annotations

import pandas as pd

from ganbench.report.run_facts import facts
from ganbench.store.run_folder import RunFolder
from ganbench.store.schema import AXES


def test_time_counts_once_where_a_trial_went_on_from_another(tmp_path) -> None:
    rows = pd.DataFrame(
        {
            "trial": ["small", "large", "other"],
            "status": "ok",
            **dict.fromkeys(AXES, "none"),
            "steps": [40, 100, 20],
            "train_seconds": [40.0, 100.0, 20.0],
            "eval_seconds": [5.0, 10.0, 1.0],
            "extended_from": pd.array([None, "small", "elsewhere"], dtype="string"),
            "started": pd.array([None] * 3, dtype="string"),
        }
    )
    found = dict(facts(RunFolder(tmp_path), rows))
    assert found["Training time"].startswith("2 min")
    assert found["Evaluation time"].startswith("11")
