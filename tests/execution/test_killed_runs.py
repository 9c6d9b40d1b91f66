"""Whatever is killed, and whenever: the same command ends with the same bits."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time

import pytest
import supervised as s

#: Trials of several lengths, the long ones with several checkpoints.
GRID = (*s.grid(["hinge", "wgan-gp"], seeds=2, steps=60), "--set", "evaluation.ticks=3", "-j", "2")
TRIALS = 4
#: What nobody sends to itself.
FROM_OUTSIDE = (signal.SIGKILL, signal.SIGTERM, signal.SIGHUP)
PHASES = ("starting", "preparing", "training", "evaluating", "writing", "ending")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    # The shortest pause between checkpoints is half a minute otherwise.
    place = s.Workplace(tmp_path_factory.mktemp("killed"), GANBENCH_CHECKPOINT_SECONDS="0")
    yield place
    place.clear()


@pytest.fixture(scope="module")
def undisturbed(place):
    out = place.path / "undisturbed"
    done = place.run(out, *GRID)
    assert done.code == 0, done
    s.assert_settled(out)
    return out


def reach(run: s.Run, out, phase: str, dice: random.Random) -> None:
    """Wait for a moment in a phase of the run, or for its end."""
    count = dice.randint(1, TRIALS)
    conditions = {
        "starting": (lambda: True, 3.0),
        "preparing": (lambda: run.workers(), 4.0),
        "training": (lambda: len([*out.glob("trials/*/attempts.jsonl")]) >= count, 0.7),
        "evaluating": (lambda: len([*out.glob("trials/*/history.csv")]) >= count, 0.3),
        "writing": (lambda: len([*out.glob("trials/*/digests.json")]) >= count, 0.01),
        "ending": (lambda: len(s.final_rows(out)) == TRIALS, 0.3),
    }
    condition, most = conditions[phase]
    while run.running() and not condition():
        time.sleep(0.001)
    end = time.monotonic() + dice.uniform(0, most)
    while run.running() and time.monotonic() < end:
        time.sleep(0.001)


def moments(seeds):
    """Phases and victims in turn, so that any few of them differ."""
    for seed in seeds:
        victim = ("supervisor", "worker")[seed % 2]
        phase = PHASES[seed // 2 % len(PHASES)]
        yield pytest.param(seed, victim, phase, id=f"{seed}-{victim}-{phase}")


def kill_and_go_on(place, undisturbed, out, seed, *kills):
    """Kill what is named in the phases that are named, and see what the same command makes of it.

    :param kills: (victim, phase) pairs, one after another.
    """
    dice = random.Random(seed)
    kept: dict[str, bytes] = {}
    run = place.start(out, *GRID)
    for victim, phase in kills:
        reach(run, out, phase, dice)
        if victim == "supervisor":
            run.kill()
            kept |= s.final_rows(out)
            assert place.left_behind() == []
            run = place.start(out, *GRID)
        elif workers := run.workers():
            with contextlib.suppress(ProcessLookupError):
                os.kill(dice.choice(workers), dice.choice(FROM_OUTSIDE))
            kept |= s.final_rows(out)
    done = run.end()
    assert done.code == 0, done
    assert place.left_behind() == []
    now = s.final_rows(out)
    assert {trial: now[trial] for trial in kept} == kept, done
    assert len(now) == TRIALS
    s.assert_same_results(undisturbed, out)
    s.assert_sane_attempts(out)
    s.assert_settled(out)


@pytest.mark.parametrize(
    "kills",
    [
        [("worker", "evaluating"), ("supervisor", "training")],
        pytest.param([("supervisor", "writing"), ("worker", "preparing")], marks=pytest.mark.slow),
    ],
)
def test_a_killed_run_ends_with_the_bits_of_one_left_alone(place, undisturbed, tmp_path, kills):
    kill_and_go_on(place, undisturbed, tmp_path / "run", 1, *kills)


@pytest.mark.slow
@pytest.mark.sampled(12)  # each victim in each phase
@pytest.mark.parametrize(("seed", "victim", "phase"), [*moments(range(50))])
def test_a_run_killed_at_any_moment_ends_with_the_bits_of_one_left_alone(
    place, undisturbed, tmp_path, seed, victim, phase
):
    kill_and_go_on(place, undisturbed, tmp_path / "run", seed, (victim, phase))


@pytest.mark.slow
def test_deaths_do_not_count_as_long_as_a_trial_gets_on(place, tmp_path):
    """More than a trial may die without progress; after each there is a new checkpoint."""
    grid = (*s.grid(["wgan-gp"], steps=200), "--set", "evaluation.ticks=6")
    whole, out = tmp_path / "whole", tmp_path / "run"
    assert place.run(whole, *grid).code == 0
    run = place.start(out, *grid)
    for _ in range(4):
        seen = newest(out)
        run.wait_for(lambda seen=seen: newest(out) > seen, every=0.002)
        (worker,) = run.workers()
        os.kill(worker, signal.SIGKILL)
    done = run.end()
    assert done.code == 0, done
    assert s.rows(out)["attempts"].tolist() == [5]
    s.assert_same_results(whole, out)
    s.assert_sane_attempts(out)


def newest(out) -> str:
    return max((path.name for path in out.glob("trials/*/checkpoint/*.json")), default="")
