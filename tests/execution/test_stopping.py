"""Stopping a run, trying again, and giving up."""

from __future__ import annotations

import json
import os
import signal
import time

import hostile_site
import pytest
import supervised as s

from ganbench.store.run_folder import RunFolder

GRID = (*s.grid(["wgan-gp"], seeds=4, steps=120), "--set", "evaluation.ticks=6", "-j", "2")
#: How soon a run ends when it must not wait for anything; other processes may slow it down.
SOON = 30.0


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    path = tmp_path_factory.mktemp("stopping")
    site = hostile_site.install(path / "site")
    place = s.Workplace(path, site=site, GANBENCH_CHECKPOINT_SECONDS="0")
    yield place
    place.clear()


@pytest.fixture(autouse=True)
def flags(place, tmp_path):
    """Where the hostile components say what they are doing."""
    folder = tmp_path / "flags"
    folder.mkdir()
    place.environ["GANBENCH_TEST_FLAGS"] = str(folder)
    return folder


@pytest.fixture(scope="module")
def undisturbed(place):
    out = place.path / "undisturbed"
    done = place.run(out, *GRID)
    assert done.code == 0, done
    return out


@pytest.mark.slow
def test_each_signal_saves_and_the_same_command_goes_on_to_the_same_bits(
    place, undisturbed, tmp_path
):
    out = tmp_path / "run"
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        before = checkpoints(out)
        run = place.start(out, *GRID)
        run.wait_for(lambda before=before: checkpoints(out) - before)
        problems: list[str] = []
        RunFolder(out).rows(problems)
        assert problems == []
        os.killpg(run.pid, number)  # as Ctrl-C on a terminal and its closing send them
        done = run.end()
        assert done.code == 130, (number, done)
        assert "the same command continues" in done.err
        rows = s.rows(out)
        stopped = rows[rows["status"] == "interrupted"]
        assert len(stopped), (number, done)
        assert set(rows["status"]) <= {"interrupted", "ok"}
        for trial in stopped.index[stopped["steps"] > 0]:
            assert [*(out / "trials" / trial / "checkpoint").glob("*.json")], trial
        assert place.left_behind() == []
        assert [*out.glob("supervisors/*")] == []
    done = place.run(out, *GRID)
    assert done.code == 0, done
    s.assert_same_results(undisturbed, out)
    s.assert_sane_attempts(out)


def checkpoints(out) -> set[str]:
    return {str(path) for path in out.glob("trials/*/checkpoint/*.json")}


def test_a_second_signal_ends_at_once_whatever_the_workers_do(place, flags, tmp_path):
    out = tmp_path / "run"
    grid = s.grid(["hinge", "hostile[act=loop]", "hostile[act=regex]"])
    run = place.start(out, *grid, "-j", "2")
    run.wait_for(lambda: len([*flags.glob("loop-*"), *flags.glob("regex-*")]) == 2)
    run.signal(signal.SIGINT)
    time.sleep(0.5)  # not to be taken for one signal
    run.signal(signal.SIGTERM)
    done = run.end(SOON)
    assert done.code == 130, done
    assert "Traceback" not in done.err
    assert place.left_behind() == []
    found = s.statuses(out)
    assert sorted(found.values()) in (["ok"], ["interrupted", "interrupted", "ok"]), found


@pytest.mark.slow
def test_a_signal_while_data_is_being_prepared_ends_soon(place, flags, tmp_path):
    out = tmp_path / "run"
    run = place.start(out, *s.grid(["hinge"], dataset="slow-digits[seconds=1000]"), "-j", "2")
    run.wait_for(lambda: (flags / "loading-sleep").exists())
    run.signal(signal.SIGINT)
    done = run.end(SOON)
    assert done.code == 130, done
    assert "Traceback" not in done.err
    assert place.left_behind() == []
    assert set(s.statuses(out).values()) <= {"interrupted"}


@pytest.mark.slow
def test_fail_fast_stops_at_the_first_failure(place, tmp_path):
    out = tmp_path / "run"
    losses = ["hinge", "hostile[act=raise-forward]", "lsgan", "wgan"]
    done = place.run(out, *s.grid(losses), "--fail-fast")
    assert done.code == 1, done
    found = sorted(s.rows(out)["status"])
    assert found == ["error", "ok"], done


@pytest.mark.slow
def test_retries_are_made_and_recorded(place, tmp_path):
    out = tmp_path / "run"
    losses = ["hinge", "hostile[act=flaky]", "hostile[act=raise-forward]"]
    done = place.run(out, *s.grid(losses), "--retries", "2")
    assert done.code == 1, done
    rows = s.rows(out).reset_index().set_index("loss")
    flaky, broken = (rows.loc[loss] for loss in losses[1:])
    assert (flaky["status"], flaky["attempts"]) == ("ok", 3)
    assert (broken["status"], broken["attempts"]) == ("error", 3)
    s.assert_same_row(
        rows.loc["hinge"], flaky, but=frozenset({"trial", "cell", "providers", "sources"})
    )
    ends = [line for line in s.attempts(out, flaky["trial"]) if line["event"] == "ended"]
    assert [(line["attempt"], line["status"]) for line in ends] == [
        (1, "crashed"),
        (2, "error"),
        (3, "ok"),
    ]
    assert "exited with code 3" in ends[0]["error"]
    assert "not yet" in ends[1]["error"]
    s.assert_sane_attempts(out)


@pytest.mark.slow
def test_a_trial_that_takes_too_long_keeps_what_is_known_of_it(place, tmp_path):
    out = tmp_path / "run"
    # It was trained for long enough that its worker has told how far it is.
    grid = s.grid(["hostile[act=loop,after=500]"], steps=1000)
    done = place.run(out, *grid, "--timeout", "15s")
    assert done.code == 1, done
    (row,) = s.rows(out).to_dict("records")
    assert (row["status"], row["error"]) == ("timeout", "took longer than 15s")
    assert 0 < row["steps"] <= 500
    assert row["images"] == 64 * row["steps"]
    assert row["train_seconds"] > 0
    assert row["attempts"] == 1
    assert place.left_behind() == []


@pytest.mark.slow
def test_failed_trials_are_trained_again_when_asked_for(place, tmp_path):
    out = tmp_path / "run"
    grid = s.grid(["hinge", "hostile[act=once]"])
    assert place.run(out, *grid).code == 1
    failed = s.final_rows(out)
    done = place.run(out, *grid, "--retry-failed")
    assert done.code == 0, done
    kept = [trial for trial, content in s.final_rows(out).items() if content == failed[trial]]
    assert len(kept) == 1
    rows = s.rows(out).reset_index().set_index("loss")
    assert rows["status"].to_dict() == {"hinge": "ok", "hostile[act=once]": "ok"}
    assert rows["attempts"].to_dict() == {"hinge": 1, "hostile[act=once]": 2}
    s.assert_sane_attempts(out)


def test_rerun_trains_the_named_trials_again_and_no_others(place, tmp_path):
    out = tmp_path / "run"
    grid = s.grid(["hinge", "lsgan"])
    assert place.run(out, *grid).code == 0
    before = s.final_rows(out)
    (again,) = [trial for trial in before if "lsgan" in trial]
    done = place.run(out, *grid, "--rerun", "lsgan", "--json")
    assert done.code == 0, done
    assert json.loads(done.out)["trained"] == 1
    after = s.final_rows(out)
    assert [trial for trial in before if after[trial] != before[trial]] == [again]
    old, new = (json.loads(rows[again]) for rows in (before, after))
    assert {c: old[c] for c in old if c not in s.VARYING} == {
        c: new[c] for c in new if c not in s.VARYING
    }
    done = place.run(out, *grid, "--rerun", "no-such-trial")
    assert done.code == 2, done
    assert "no-such-trial" in done.err
    assert s.final_rows(out) == after
