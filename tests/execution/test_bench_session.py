"""A session of ``ganbench bench``: turns, launches, and what becomes of those that cannot be timed."""

from __future__ import annotations

import contextlib
from types import SimpleNamespace

import pytest

from ganbench.base.errors import UsageError
from ganbench.execution.bench import session
from ganbench.execution.bench.child import RefusedError, Side, UnknownThereError
from ganbench.execution.bench.plan import Plan, Target
from ganbench.testing.speed.worker import Worker, _answered

MINE = Target.of_spec("loss", "mine")
SUITE = """
import ganbench as gb
from ganbench.testing import LossBenchmarks

class TestHingeSpeed(LossBenchmarks):
    component = gb.get("loss", "hinge")
"""


class Scripted:
    """A child whose component takes a given time."""

    def __init__(self, world, side):
        self.world, self.side = world, side

    def __enter__(self):
        self.world.started.append(self.side.name)
        return self

    def __exit__(self, *error):
        pass

    def ask(self, do, **given):
        world, name = self.world, self.side.name
        if do == "open":
            if given["spec"] in world.missing.get(name, ()):
                raise UnknownThereError(f"unknown {given['spec']}")
            place = f"/{name}/mine.py"
            return {"workloads": {"losses": "both"}, "file": place, "root": f"/{name}"}
        if do == "prepare":
            if name in world.broken:
                raise RefusedError("it breaks")
            return {"seconds": 0.5, "amount": 2, "unit": "images"}
        if do == "time":
            world.order.append(name)
            return {"seconds": world.seconds(name), "waiting": 0.1}
        return {}


@pytest.fixture
def world(monkeypatch):
    """Two versions, of which the current one takes 10 % more time."""
    noise = iter([1.0 + 0.001 * (7 * n % 11) for n in range(10_000)])
    found = SimpleNamespace(
        started=[],
        order=[],
        missing={},
        broken=(),
        seconds=lambda name: {"now": 1.1, "then": 1.0}[name] * next(noise),
    )
    then = Side("then", "python", {}, "/then")
    monkeypatch.setattr(Plan, "start", lambda plan, side: Scripted(found, side))
    monkeypatch.setattr(session, "current_side", lambda: Side("now", "python", {}))
    monkeypatch.setattr(session, "baseline_side", lambda *given: contextlib.nullcontext(then))
    return found


def held(against="main", targets=(MINE,), **plan):
    return session.hold(targets, against, Plan(rounds=4, **plan), lambda sentence: None)


def test_both_versions_take_turns_in_changing_order_and_start_afresh(world):
    (one,) = held()
    assert world.order[:8] == ["then", "now", "now", "then"] * 2
    assert sorted(world.started) == ["now"] * 3 + ["then"] * 3
    assert [len(launch) for launch in one.ours + one.theirs] == [4] * 6
    assert one.ours[0][0] > one.theirs[0][0]
    assert (one.amount, one.unit) == (2, "images")


def test_without_a_baseline_there_is_one_launch(world):
    (one,) = held(None)
    assert world.started == ["now"]
    assert not one.theirs
    assert not one.new


def test_what_is_vague_is_measured_again_and_only_that(world):
    noise = iter(range(10_000))
    world.seconds = lambda name: 1.0 + 0.5 * (next(noise) % 3)
    (one,) = held()
    assert len(one.ours) == 6


def test_a_component_that_the_baseline_lacks_is_new(world):
    world.missing = {"then": ("newer",)}
    one, newer = held(targets=(MINE, Target.of_spec("loss", "newer")))
    assert (one.new, newer.new) == (False, True)
    assert newer.ours
    assert not newer.theirs
    assert not newer.problem


def test_what_cannot_be_timed_says_so_and_which_version(world):
    world.broken = ("then",)
    assert held()[0].problem == "then: it breaks"
    world.missing = {"now": ("mine",)}
    with pytest.raises(UsageError, match="nothing can be timed: unknown mine"):
        held()


def test_a_baseline_from_a_wrong_place_is_refused(world, monkeypatch):
    there = Side("then", "python", {}, "/elsewhere")
    monkeypatch.setattr(session, "baseline_side", lambda *given: contextlib.nullcontext(there))
    (one,) = held()
    assert one.problem == "then was loaded from /then/mine.py, not from /elsewhere"


def test_an_unknown_workload_lists_those_that_exist(world):
    with pytest.raises(UsageError, match="the workloads of mine are losses"):
        held(workloads=("training",))


def test_the_worker_answers_requests(tmp_path):
    worker = Worker()
    file = tmp_path / "bench_it.py"
    file.write_text(SUITE)
    assert worker.classes(str(file)) == {"classes": ["TestHingeSpeed"]}
    opened = worker.open_class("a", str(file), "TestHingeSpeed")
    assert "ganbench_losses" in opened["file"]
    assert opened["workloads"].keys() == worker.open("b", "loss", "hinge")["workloads"].keys()
    assert worker.prepare("b", "losses")["unit"] == "images"
    assert worker.time(calls=2, runs=3)["seconds"] > 0
    worker.close()


def test_the_worker_gives_reasons(tmp_path):
    worker = Worker()
    answer = _answered(worker.open, {"target": "a", "kind": "loss", "spec": "hinges"})
    assert answer["unknown"]
    assert "did you mean 'hinge'?" in answer["error"]
    file = tmp_path / "bench_nothing.py"
    file.write_text("1 / 0")
    assert _answered(worker.classes, {"file": str(file)})["error"].startswith("ZeroDivisionError")
    file.write_text("")
    assert (
        "has no class with a component" in _answered(worker.classes, {"file": str(file)})["error"]
    )
