"""Tables say which versions and which code their trials are of, where these are not one."""

from __future__ import annotations

import json

import pandas as pd
import pytest
from made_up_runs import write_synthetic_run

from ganbench.analysis.provenance import provenance_notes
from ganbench.present.compare_and_rank import compare_frames as compare
from ganbench.present.compare_and_rank import rank_frame as rank
from ganbench.present.formats import render_table
from ganbench.report.content import gather
from ganbench.store.frames import load_results

ONE, TWO = {"loss mine of mine": "a" * 16}, {"loss mine of mine": "b" * 16}


def frame(*rows):
    found = [
        {
            "status": status,
            "providers": f"ganbench==1.0 {provider}",
            "ganbench_version": ganbench,
            "torch_version": "2.9",
            "sources": json.dumps(sources) if isinstance(sources, dict) else sources,
        }
        for status, provider, ganbench, sources in rows
    ]
    return pd.DataFrame(found)


def test_trials_of_one_version_and_one_code_need_no_words():
    assert provenance_notes(frame(*[("ok", "mine==0.1", "1.0", ONE)] * 3)) == []
    assert provenance_notes(frame()) == []
    assert provenance_notes(pd.DataFrame({"status": ["ok"]})) == []


def test_versions_and_code_are_counted():
    rows = [("ok", "mine==0.1", "1.0", ONE)] * 2 + [("error", "mine==0.2", "1.0", TWO)]
    (said,) = provenance_notes(frame(*rows))
    assert said == (
        "Trials ran with several versions of mine (loss mine): 0.1 in 2 trials, 0.2 in 1 trial"
    )
    rows = [("ok", "mine==0.1", "1.0", ONE), ("diverged", "mine==0.1", "1.0", TWO)]
    (said,) = provenance_notes(frame(*rows))
    assert said == (
        "loss mine of mine 0.1 was edited between trials: code aaaaaaaa in 1 trial, bbbbbbbb in 1 "
        "trial"
    )


def test_what_is_unknown_or_was_not_trained_differs_from_nothing():
    unknown = {"loss mine of mine": "unknown"}
    rows = [("ok", "mine==0.1", "1.0", found) for found in (ONE, unknown, None, "damaged", "[]")]
    assert provenance_notes(frame(*rows, ("skipped", "mine==0.2", "2.0", TWO))) == []


@pytest.fixture
def edited(run):
    """A run whose losses were edited after half of the seeds."""

    def change(row):
        code = "1" if row["seed"] % 2 else "2"
        return row | {"sources": json.dumps({f"loss {row['loss']} of ganbench": code * 16})}

    write_synthetic_run(run.path, edit=change)
    return run


def test_results_reports_and_comparisons_say_it(edited):
    results = load_results(edited.path)
    a, b = list(results["loss"].unique())[:2]
    sentence = f"loss {a} of ganbench 0.1.0 was edited between trials: code 11111111 in "
    for by_cell in (False, True):
        assert sentence in " ".join(render_table(results, by_cell=by_cell, width=10_000).split())
    assert any(sentence in caption for caption in gather(edited.path).captions)
    notes = compare(results, a, results, b, "loss").notes
    assert any(note.startswith(sentence) for note in notes)
    assert not any("several versions" in note for note in notes)
    told = rank(results, "loss").attrs["captions"]
    assert any(text.startswith(sentence) and text.endswith(".") for text in told)
