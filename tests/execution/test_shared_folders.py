"""Several supervisors on one run folder."""

from __future__ import annotations

import json

import pytest
import supervised as s

GRID = s.grid(["hinge", "lsgan"], seeds=4, steps=300)
TRIALS = 8


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    place = s.Workplace(tmp_path_factory.mktemp("shared"), GANBENCH_CHECKPOINT_SECONDS="0")
    yield place
    place.clear()


@pytest.fixture(scope="module")
def alone(place):
    out = place.path / "alone"
    done = place.run(out, *GRID, "-j", "2")
    assert done.code == 0, done
    return out


def test_two_supervisors_divide_the_trials(place, alone, tmp_path):
    out = tmp_path / "run"
    runs = [place.start(out, *GRID, "--json") for _ in range(2)]
    ended = [run.end() for run in runs]
    assert [done.code for done in ended] == [0, 0], "\n".join(map(str, ended))
    documents = [json.loads(done.out) for done in ended]
    assert [len(document["rows"]) for document in documents] == [TRIALS, TRIALS]
    trained = [document["trained"] for document in documents]
    assert sum(trained) == TRIALS
    assert min(trained) > 0
    begun = s.started(out)
    assert len(begun) == len({line["trial"] for line in begun}) == TRIALS
    s.assert_same_results(alone, out)
    s.assert_sane_attempts(out)
    s.assert_settled(out)
    assert place.left_behind() == []


@pytest.mark.slow
def test_a_supervisor_takes_over_from_one_that_was_killed(place, alone, tmp_path):
    out = tmp_path / "run"
    first, second = (place.start(out, *GRID) for _ in range(2))
    # Both are in the middle of a trial.
    second.wait_for(lambda: len(s.started(out)) >= 3 and first.workers() and second.workers())
    first.kill()
    kept = s.final_rows(out)
    done = second.end()
    assert done.code == 0, done
    assert place.left_behind() == []
    now = s.final_rows(out)
    assert {trial: now[trial] for trial in kept} == kept
    s.assert_same_results(alone, out)
    s.assert_sane_attempts(out)
    s.assert_settled(out)
