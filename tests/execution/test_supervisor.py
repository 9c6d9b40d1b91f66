"""What the supervisor makes of an executor's events: retries, deaths, limits, stops, lost leases."""

from __future__ import annotations

import json
from collections import deque
from pathlib import Path

import pytest

from ganbench.base.errors import StorageError
from ganbench.execution.context import RunContext
from ganbench.execution.progress.listener import Progress
from ganbench.execution.run_options import RunOptions
from ganbench.execution.supervise import stopping
from ganbench.execution.supervise.callbacks import Audience
from ganbench.execution.supervise.messages import Slot, Workers
from ganbench.execution.supervise.supervisor import Supervisor
from ganbench.grid.grid import Grid
from ganbench.grid.plan import expand
from ganbench.store.run_folder import RunFolder
from ganbench.training.row_builder import RowBuilder

GRID = {"grid": {"architecture": ["mlp"], "loss": ["hinge"], "dataset": ["digits"], "seeds": 3}}
KILLED = ("crashed", "its process was ended by SIGKILL (signal 9)", True)
CRASHED = ("crashed", "its process exited with code 3", False)


@pytest.fixture(scope="module")
def trials():
    return list(expand(Grid.from_dict(GRID), Path()).trials())


class Stage:
    """An executor whose trials do what a script says, one act for each attempt.

    An act is a status that the trial writes, a (status, error, outside) that its process dies of, or a
    function of this object and the request.
    """

    def __init__(self, folder, trials, **acts):
        self.folder, self.trials = folder, {trial.id: trial for trial in trials}
        self.acts = {trials[int(k[1:])].id: deque(script) for k, script in acts.items()}
        self.events, self.log = deque(), []
        self.stopping = False
        self._slot, self._running = Slot("one"), {}

    def free(self):
        return [] if self._running else [self._slot]

    def submit(self, slot, request):
        self.log.append(("submit", request.attempt))
        self._running[request.trial] = request
        self.tell("started", request.trial, device="cpu")

    def poll(self, seconds):
        for request in list(self._running.values()):
            act = self.acts[request.trial].popleft()
            if callable(act):
                act(self, request)
            elif isinstance(act, tuple):
                self.die(request.trial, *act)
            else:
                self.write(request, act)

    def stop(self, trial):
        self.log.append(("stop", self._running[trial].attempt))
        self.acts[trial] = deque(["interrupted"])

    def kill(self, trial, ending):
        self.log.append(("kill", ending.status))
        self.die(trial, ending.status, ending.error, ending.outside)

    def write(self, request, status):
        row = RowBuilder(self.trials[request.trial], request.attempt).ended(status, None)
        self.folder.trial(request.trial).write_row(row)
        self.over(request.trial)
        self.tell("ended", request.trial, status=status, error=None)

    def die(self, trial, status, error, outside):
        self.over(trial)
        self.tell("lost", trial, status=status, error=error, outside=outside)

    def over(self, trial):
        self._running.pop(trial, None)

    def tell(self, event, trial, **more):
        self.events.append({"event": event, "trial": trial, **more})


def supervise(stage, *numbers, **options):
    run = RunContext(stage.folder, RunOptions(**options), Progress(), lambda: stage.stopping)
    trials = list(stage.trials.values())
    chosen = [trials[number] for number in numbers or (0,)]
    made = Supervisor(run, Workers(stage, stage.events, 1), Audience([], run.progress.say), chosen)
    made.run()
    return made


@pytest.fixture
def stage(tmp_path, trials):
    folder = RunFolder(tmp_path / "run").create()
    return lambda **acts: Stage(folder, trials, **acts)


def row(stage, number=0):
    return stage.folder.trial(list(stage.trials)[number]).read_row()


def attempts(stage, number=0):
    records = stage.folder.trial(list(stage.trials)[number]).read_attempts()
    return [record["status"] for record in records if record["event"] == "ended"]


def test_failures_are_retried_as_often_as_asked(stage):
    staged = stage(t0=[CRASHED, "error", "ok"])
    assert supervise(staged, retries=2).trained == 1
    assert (row(staged)["status"], row(staged)["attempts"]) == ("ok", 3)
    assert attempts(staged) == ["crashed", "error", "ok"]


def test_a_failure_is_not_final_while_it_is_tried_again(stage):
    seen = []

    def look(staged, request):
        seen.append(row(staged)["status"])
        staged.write(request, "error")

    staged = stage(t0=["error", look])
    supervise(staged, retries=1)
    assert (seen, row(staged)["status"]) == (["interrupted"], "error")

    def fail_while_stopping(staged, request):
        staged.stopping = True
        staged.write(request, "error")

    staged = stage(t1=[fail_while_stopping])
    assert supervise(staged, 1, retries=1).interrupted
    assert row(staged, 1)["status"] == "interrupted"
    assert row(staged, 1)["error"].startswith("to be tried again after error")


def test_the_last_failure_stands(stage):
    staged = stage(t0=[CRASHED, CRASHED])
    supervise(staged, retries=1)
    assert (row(staged)["status"], row(staged)["attempts"]) == ("crashed", 2)
    assert row(staged)["error"] == CRASHED[1]


def test_deaths_from_outside_cost_no_retry_until_they_repeat(stage):
    staged = stage(t0=[KILLED, KILLED, "ok"])
    supervise(staged)
    assert (row(staged)["status"], attempts(staged)) == ("ok", ["crashed", "crashed", "ok"])
    staged = stage(t1=[KILLED, KILLED, KILLED])
    supervise(staged, 1)
    assert row(staged, 1)["status"] == "crashed"
    assert row(staged, 1)["error"] == f"{KILLED[1]}, 3 times without progress"


def test_deaths_do_not_count_while_checkpoints_move_on(stage):
    def die_after_a_checkpoint(staged, request):
        folder = staged.folder.trial(request.trial).checkpoint_dir
        folder.mkdir(exist_ok=True)
        (folder / f"{request.attempt:012}-00000.json").write_text("")
        staged.die(request.trial, *KILLED)

    staged = stage(t0=[die_after_a_checkpoint] * 6 + ["ok"])
    supervise(staged)
    assert (row(staged)["status"], row(staged)["attempts"]) == ("ok", 7)


def test_a_row_written_just_before_the_death_counts(stage):
    def write_and_die(staged, request):
        staged.write(request, "ok")
        staged.events.clear()
        staged.die(request.trial, *CRASHED)

    staged = stage(t0=[write_and_die])
    assert supervise(staged).trained == 1
    assert row(staged)["status"] == "ok"


def test_the_first_failure_ends_the_run_if_so_wanted(stage):
    staged = stage(t0=["ok"], t1=["error"], t2=["ok"])
    made = supervise(staged, 0, 1, 2, fail_fast=True)
    assert not made.interrupted
    assert [row(staged, number) is None for number in (0, 1, 2)] == [False, False, True]


def test_a_limit_ends_an_attempt(stage):
    staged = stage(t0=[lambda staged, request: None] * 3)
    supervise(staged, timeout=1e-9)
    assert staged.log == [("submit", 1), ("kill", "timeout")]
    assert row(staged)["status"] == "timeout"


def test_stopping_asks_first_and_then_does_not(stage, monkeypatch):
    def hear_of_it(staged, request):
        staged.stopping = True

    staged = stage(t0=[hear_of_it], t1=["ok"])
    made = supervise(staged, 0, 1)
    assert made.interrupted
    assert staged.log == [("submit", 1), ("stop", 1)]
    assert row(staged)["status"] == "interrupted"
    assert row(staged, 1) is None

    monkeypatch.setattr(stopping, "GRACE", 0.0)
    staged = stage(t2=[hear_of_it])
    staged.stop = lambda trial: staged.acts.update({trial: deque([lambda *_: None] * 9)})
    supervise(staged, 2)
    assert staged.log == [("submit", 1), ("kill", "interrupted")]
    assert row(staged, 2)["status"] == "interrupted"


def test_a_row_that_cannot_be_read_is_no_reason_to_wait(stage):
    def spoil(staged, request):
        staged.write(request, "ok")
        path = staged.folder.trial(request.trial).row_json
        path.write_text(path.read_text().replace('"ok"', '"diverged"'))

    staged = stage(t0=[spoil, spoil, "ok"])
    supervise(staged)
    assert row(staged)["status"] == "ok"
    staged = stage(t1=[spoil] * 3)
    supervise(staged, 1)
    assert row(staged, 1)["error"] == "its row cannot be read, 3 times without progress"


def test_a_second_signal_leaves_rows_that_are_there(stage):
    def hurry(staged, request):
        staged.write(request, "ok")
        raise KeyboardInterrupt

    staged = stage(t0=[hurry])
    with pytest.raises(KeyboardInterrupt):
        supervise(staged)
    assert row(staged)["status"] == "ok"

    def hang(staged, request):
        raise KeyboardInterrupt

    staged = stage(t1=[hang])
    with pytest.raises(KeyboardInterrupt):
        supervise(staged, 1)
    assert row(staged, 1)["status"] == "interrupted"
    assert staged.log[-1] == ("kill", "interrupted")


@pytest.mark.parametrize("told", ["lost", "ended"])
def test_a_trial_that_another_run_took_over_is_left_to_it(stage, told):
    def taken_over(staged, request):
        folder = staged.folder.trial(request.trial)
        (folder.path / "claim-000002.json").write_text('{"owner": null}')
        folder.write_row(RowBuilder(staged.trials[request.trial], 9).ended("ok", None))
        staged.over(request.trial)
        staged.tell(told, request.trial, status="crashed", error="it died", outside=False)

    staged = stage(t0=[taken_over])
    assert supervise(staged).trained == 0
    assert (row(staged)["status"], row(staged)["attempts"]) == ("ok", 9)


@pytest.mark.parametrize(("keep_results", "trained"), [(False, 1), (True, 0)])
def test_what_another_run_trained_with_edited_components_does_not_count(
    stage, keep_results, trained
):
    def taken_over(staged, request):
        folder, trial = staged.folder.trial(request.trial), staged.trials[request.trial]
        (folder.path / "claim-000002.json").write_text('{"owner": null}')
        code = {name: "0" * 16 + digest[16:] for name, digest in trial.cell.sources.items()}
        row = RowBuilder(trial, 9).ended("ok", None, sources=json.dumps(code))
        folder.write_row(row)
        staged.over(request.trial)
        staged.tell("lost", request.trial, status="crashed", error="it died", outside=False)

    staged = stage(t0=[taken_over, "ok"])
    assert supervise(staged, keep_results=keep_results).trained == trained
    kept = json.loads(row(staged)["sources"]) == next(iter(staged.trials.values())).cell.sources
    assert kept is bool(trained)
    assert (staged.folder.path / "set-aside").is_dir() is bool(trained)


def test_a_folder_that_cannot_be_written_ends_the_run_with_its_rows(stage):
    def full(staged, request):
        staged.over(request.trial)
        staged.tell("storage", request.trial, problem="cannot write to x: No space left on device")

    staged = stage(t0=["ok"], t1=[full], t2=["ok"])
    with pytest.raises(StorageError, match="No space left on device"):
        supervise(staged, 0, 1, 2)
    assert row(staged)["status"] == "ok"
    assert row(staged, 2) is None
    assert not list(staged.folder.path.glob("supervisors/*"))


def test_late_events_of_a_trial_that_is_over_change_nothing(stage):
    def say_twice(staged, request):
        staged.write(request, "ok")
        staged.die(request.trial, *CRASHED)

    staged = stage(t0=[say_twice])
    supervise(staged)
    assert row(staged)["status"] == "ok"
