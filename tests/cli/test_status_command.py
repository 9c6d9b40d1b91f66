"""``ganbench status``: how far a run is, while it goes on, after it, and after its end by force."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

import pytest
from click.testing import CliRunner
from made_up_runs import write_synthetic_run

from ganbench.base.files import dump_json
from ganbench.cli.app import app
from ganbench.execution.share.heartbeat import Heartbeat
from ganbench.store.run_folder import RunFolder


def status(folder, *arguments):
    path = folder.path if isinstance(folder, RunFolder) else folder
    result = CliRunner().invoke(app, ["status", str(path), *arguments])
    assert "Traceback" not in result.output
    return result


def told(folder):
    """The lines for a person."""
    result = status(folder)
    assert (result.exit_code, result.stderr) == (0, "")
    return result.stdout.splitlines()


def document(folder):
    result = status(folder, "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    return json.loads(result.stdout)


def seeds(how):
    """A run of one cell; what became of a seed's trial stands in a letter."""

    def edit(row):
        letter = how[row["seed"]]
        if letter == ".":
            return None
        changes = {
            "o": {},
            "d": {"status": "diverged", "error": "g_loss became non-finite in step 3"},
            "x": {"status": "crashed", "error": "its process exited with \x1b[31m3"},
            "i": {"status": "interrupted", "error": "stopped on request after 3 steps"},
            "s": {"status": "skipped", "error": "mlp cannot; use dcgan"},
        }
        return row | changes[letter]

    return edit


@pytest.fixture
def make(tmp_path):
    """A run folder by its trials' letters: ok, diverged, x failed, interrupted, skipped, . none."""

    def run(how, plan=True):
        folder = write_synthetic_run(
            tmp_path / "run",
            architectures=["mlp"],
            losses=["hinge"],
            seeds=len(how),
            ticks=1,
            edit=seeds(how),
        )
        if plan:
            folder.write_plan({i: f"mlp × hinge × digits seed {seed_of(i)}" for i in ids(folder)})
        return folder

    return run


def ids(folder):
    return sorted(folder.trial_ids(), key=seed_of)


def seed_of(trial):
    return int(trial.split("-s")[1].split("-")[0])


def running(trial, **changes):
    return {
        "trial": trial,
        "label": "mlp × hinge × digits",
        "seed": seed_of(trial),
        "attempt": 1,
        "phase": "training",
        "share": 0.4567,
        "steps": 20,
        "images": 12800,
        "images_per_second": 5012.3,
        "d_loss": float("nan"),
        "g_loss": 1.5,
        "quality": 12.3456,
        "seconds_left": 65.0,
        "since": "2026-01-02T03:04:05+00:00",
    } | changes


def state(*trials, **changes):
    return {
        "started": "2026-01-02T03:04:05+00:00",
        "total": 6,
        "left": 3,
        "jobs": 2,
        "stopping": False,
        "seconds_left": 4805.0,
        "executor": "local",
        "running": list(trials),
    } | changes


@pytest.fixture
def alive(request):
    """Give a folder a supervisor that lives; it goes after the test."""

    def begin(folder, **changes):
        heartbeat = Heartbeat(folder)
        request.addfinalizer(heartbeat.close)
        heartbeat.beat(state(**changes) if "running" in changes else state())
        return heartbeat

    return begin


class TestWhileItRuns:
    def test_a_person_sees_it_at_a_glance(self, make, alive):
        folder = make("odx..s")
        first, second = ids(folder)[3:5]
        trials = [running(first), running(second, phase="evaluating", quality="NaN", attempt=2)]
        heartbeat = alive(folder, running=trials)
        lines = told(folder)
        assert lines[0] == "2 of 5 done, 2 running, 1 failed; about 1:20:05 left"
        assert lines[1].startswith(
            f"Run by process {os.getpid()} on {heartbeat.document['host']}, "
        )
        assert lines[1].endswith(", executor local, 2 at a time")
        assert lines[3:6] == [
            "Running:",
            f"  mlp × hinge × digits seed 3  {first}  attempt 1  training    45%  12,800 images"
            "  5,012 img/s  fd 12.35  1:05 left",
            f"  mlp × hinge × digits seed 4  {second}  attempt 2  evaluating  45%  12,800 images"
            "  5,012 img/s",
        ]
        assert "Failed:" in lines
        failed = lines[lines.index("Failed:") + 1]
        assert failed == (
            f"  mlp × hinge × digits seed 2 ({ids(folder)[2]}): crashed, tried once: "
            "its process exited with [31m3"
        )
        assert any(line.startswith("1 skipped: cells that cannot work") for line in lines)

    def test_a_program_gets_one_document(self, make, alive):
        folder = make("ox.i")
        waiting = ids(folder)[2]
        folder.trial(waiting).append_attempt({"attempt": 1, "event": "started"})
        alive(folder, running=[running(waiting)])
        found = document(folder)
        assert found["counts"] == {
            "done": 1, "running": 1, "failed": 1, "interrupted": 1, "waiting": 0, "skipped": 0,
        }  # fmt: skip
        assert (found["total"], found["alive"], found["seconds_left"]) == (4, True, 4805.0)
        assert found["running"][0]["d_loss"] is None
        assert found["running"][0]["fd"] == 12.3456
        assert found["failed"][0] == {
            "trial": ids(folder)[1],
            "label": "mlp × hinge × digits seed 1",
            "seed": 1,
            "status": "crashed",
            "error": "its process exited with \x1b[31m3",
            "attempts": 1,
        }
        assert found["supervisors"][0]["here"] is True
        assert found["problems"] == []

    def test_a_trial_that_ended_since_the_last_sign_of_life_is_done(self, make, alive):
        folder = make("o.")
        done, other = ids(folder)
        alive(folder, running=[running(done), running(other)])
        assert document(folder)["counts"]["running"] == 2  # one is being trained anew
        folder.trial(done).append_attempt({"attempt": 1, "event": "ended", "status": "ok"})
        assert document(folder)["counts"] | {"done": 1, "running": 1} == document(folder)["counts"]

    def test_two_supervisors_share_the_time_that_is_left(self, make, alive):
        folder = make("o..")
        alive(folder, running=[running(ids(folder)[1])], seconds_left=300.0)
        alive(folder, running=[running(ids(folder)[2])], seconds_left=150.0, stopping=True)
        lines = told(folder)
        assert lines[0] == "1 of 3 done, 2 running; about 1:40 left"
        assert sum(line.startswith("Run by process ") for line in lines) == 2
        assert sum(line.endswith(", stopping") for line in lines) == 1

    def test_one_of_another_host_is_shown_with_its_age(self, make):
        folder = make("o..")
        sign = folder.supervisors_dir / "far-1-abc.json"
        sign.parent.mkdir()
        place = {"owner": "far-1-abc", "host": "far", "boot": "b", "pidns": "n", "pid": 1}
        content = place | {"pid_started": 5, "beat": 7, "lease": 60}
        sign.write_text(dump_json(content | {"state": state(running(ids(folder)[1]))}))
        os.utime(sign, (time.time() - 125,) * 2)
        lines = told(folder)
        assert lines[0].startswith("1 of 3 done, 1 running, 1 waiting")
        assert lines[1].startswith("Run by process 1 on far, ")
        assert lines[1].endswith(", last heartbeat 2:05 ago")

    def test_nonsense_in_a_sign_of_life_is_missing(self, make, alive):
        folder = make("o.")
        odd = {"share": [], "images": 10**400, "quality": True, "since": 3, "label": "\ud800"}
        entries = [None, {}, {"trial": 3}, running(ids(folder)[1], seed="x", phase=None, **odd)]
        alive(folder, running=entries, jobs="x")
        assert told(folder)[0] == "1 of 2 done, 1 running; about 1:20:05 left"
        (trial,) = document(folder)["running"]
        assert [trial[name] for name in ("share", "images", "fd", "since")] == [None] * 4

    def test_a_trial_of_another_grid_is_named_and_not_counted(self, make, alive):
        folder = make("o")
        alive(folder, running=[running("mlp-hinge-digits-s9-abcdef")])
        assert document(folder)["counts"]["running"] == 0
        shown = "  mlp × hinge × digits seed 9 (beside this grid)  mlp-hinge-digits-s9-abcdef  attempt 1"
        assert shown in "\n".join(told(folder))


class TestWhenNothingRuns:
    def test_all_is_done(self, make):
        assert told(make("od")) == ["2 of 2 done", "Nothing is running, and nothing is missing."]

    def test_failed_trials_can_be_tried_again(self, make):
        lines = told(make("ox"))
        assert lines[1] == (
            "Nothing is running; `ganbench run … --retry-failed` tries failed trials again."
        )
        assert lines[-1].endswith(" TRIAL` shows what a trial printed.")

    def test_something_is_missing(self, make):
        folder = make("oi..")
        cut_off = folder.trial(ids(folder)[2])
        for attempt in (1, 2):
            cut_off.append_attempt({"attempt": attempt, "event": "started"})
        lines = told(folder)
        assert lines[0] == "1 of 4 done, 2 interrupted, 1 waiting"
        assert lines[1] == (
            "Nothing is running; the same `ganbench run` command finishes what is missing."
        )
        assert lines[3:] == [
            "Interrupted; the same `ganbench run` command continues them:",
            f"  mlp × hinge × digits seed 1 ({ids(folder)[1]}), tried once",
            f"  mlp × hinge × digits seed 2 ({ids(folder)[2]}), tried twice",
        ]
        assert document(folder)["alive"] is False

    def test_trials_that_have_no_folder_yet_wait(self, make):
        folder = make("o")
        folder.write_plan({ids(folder)[0]: "a", "mlp-hinge-digits-s7-1": "b seed 7"})
        assert told(folder)[0] == "1 of 2 done, 1 waiting"
        assert document(folder)["waiting"][0] == {
            "trial": "mlp-hinge-digits-s7-1", "label": "b seed 7", "seed": 7,
            "status": None, "error": None, "attempts": 0,
        }  # fmt: skip

    def test_trials_of_earlier_grids_are_beside_it(self, make):
        folder = make("oxo")
        folder.write_plan({ids(folder)[0]: "a seed 0"})
        lines = told(folder)
        assert lines[0] == "1 of 1 done"
        assert lines[-1].startswith("2 trials are in the folder beside this grid: of an earlier")
        assert document(folder)["beside"] == 2

    def test_an_older_folder_has_no_plan(self, make):
        folder = make("ox.", plan=False)
        lines = told(folder)
        assert lines[0] == "1 of 3 done, 1 failed, 1 waiting"
        assert any(line.startswith("  mlp × hinge × digits seed 1 (") for line in lines)
        (waiting,) = document(folder)["waiting"]
        assert waiting["seed"] == 2

    def test_rows_count_wherever_they_are(self, make):
        folder = make("ox")
        folder.table_file.unlink()
        assert told(folder)[0] == "1 of 2 done, 1 failed"

    def test_an_empty_run(self, tmp_path):
        assert told(RunFolder(tmp_path / "run").create())[0] == "0 of 0 done"

    @pytest.mark.parametrize("name", ["row.json", "history.csv"])
    def test_damaged_files_are_named(self, make, name):
        folder = make("oo")
        path = folder.trial(ids(folder)[0]).path / name
        later = time.time() + 5
        path.write_bytes(path.read_bytes()[:-9])
        os.utime(path, (later, later))
        (problem,) = document(folder)["problems"]
        assert problem.startswith(f"{path} is damaged")
        assert any(line.startswith(f"Warning: {path} is damaged") for line in told(folder))

    def test_a_long_list_is_cut_for_a_person(self, make):
        folder = make("x" * 55)
        lines = told(folder)
        assert "  and 5 more; --json lists them all" in lines
        assert len(document(folder)["failed"]) == 55


def test_where_there_is_no_run(tmp_path):
    result = status(tmp_path)
    assert (result.exit_code, result.stdout) == (2, "")
    assert (
        result.stderr == f"Error: {tmp_path} is not a run folder: it has no trials and no results\n"
    )
    assert status(tmp_path / "no").exit_code == 2


def test_it_waits_for_no_heavy_library(make):
    folder = make("ox")
    script = (
        "import sys\nfrom ganbench.cli import main\n"
        f"try:\n    main(['status', {str(folder.path)!r}])\nexcept SystemExit as end:\n"
        "    assert not end.code\n"
        "print(sorted({'torch', 'pandas', 'rich'} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stderr.splitlines()[-1] == "[]"
