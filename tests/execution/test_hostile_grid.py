"""Components that do what they must not: each hurts its own trial, and no other."""

from __future__ import annotations

import os
import time
from pathlib import Path

import hostile_site
import pytest
import supervised as s

LIMIT = "20s"  # more than a healthy trial takes on a busy machine
TIMED_OUT = ("timeout", f"took longer than {LIMIT}")
#: What becomes of each act: the status, and a part of the sentence.
ENDS = {
    "raise-forward": ("error", "RuntimeError: this loss is broken"),
    "raise-backward": ("error", "ValueError: broken backwards"),
    "raise-long": ("error", "RuntimeError: xxx"),
    "raise-base": ("error", "_Base: neither an error nor an exit"),
    "nan": ("diverged", "step 21"),
    "exit": ("crashed", "its process exited with code 3"),
    "exit-zero": ("crashed", "its process exited with code 0"),
    "segfault": ("crashed", "its process was ended by SIGSEGV (signal 11)"),
    "abort": ("crashed", "its process was ended by SIGABRT (signal 6)"),
    "kill-itself": ("crashed", "SIGKILL (signal 9)"),
    "sys-exit": ("error", "SystemExit: 4"),
    "interrupt": ("error", "KeyboardInterrupt"),
    "memory": ("oom", ""),
    "memory-of-objects": ("oom", "MemoryError"),
    "loop": TIMED_OUT,
    "regex": TIMED_OUT,
    "children": TIMED_OUT,
    "stop-itself": TIMED_OUT,
    # These go on, and what they compute is right.
    "print": ("ok", ""),
    "chdir": ("ok", ""),
    "fork": ("ok", ""),
    "orphans": ("ok", ""),
    "thread": ("ok", ""),
    "at-exit": ("ok", ""),
    "late-exit": ("ok", ""),
    "stuck-output": ("ok", ""),
}
#: What may end in more ways than one, as long as nothing but the trial itself suffers.
EITHER = {
    "close-files": {"crashed", "error"},
    "close-output": {"ok", "error"},
    "spoil": {"ok", "error", "diverged", "crashed", "timeout"},
}
#: Ends of a process cost the start of another, and limits of time their time.
SLOW_ONLY = {"regex", "stop-itself", "exit-zero", "abort", "memory-of-objects", "raise-base"}
SLOW_ONLY |= {"at-exit", "stuck-output", "late-exit"}
LOG_LIMIT = 64 << 20
ITS_OWN = frozenset({"trial", "cell", "loss", "setting_sources", "sources"})


@pytest.fixture
def place(tmp_path):
    site = hostile_site.install(tmp_path / "site")
    flags = tmp_path / "flags"
    flags.mkdir()
    place = s.Workplace(tmp_path, site=site, GANBENCH_TEST_FLAGS=str(flags))
    yield place
    place.clear()


def spec(act: str) -> str:
    return f"hostile[act={act}]"


def healthy(number: int) -> str:
    return f"hostile[mark={number}]"


def processes(place) -> list[str]:
    """The process of each trial with a hostile loss, in their order."""
    return (Path(place.environ["GANBENCH_TEST_FLAGS"]) / "processes").read_text().split()


def by_loss(out: Path):
    return s.rows(out).reset_index().set_index("loss")


def assert_nothing_left(place, flags: Path) -> None:
    """No process lives, not even one that has left its family."""
    assert place.left_behind() == []
    for path in flags.glob("*.pids"):
        assert not [pid for pid in path.read_text().split() if s.alive(int(pid))], path.name


def assert_ends(out: Path, acts, normal) -> None:
    """Every act has the row that it should have."""
    rows = by_loss(out)
    found = {act: (rows.loc[spec(act), "status"], rows.loc[spec(act), "error"]) for act in acts}
    wrong = {act: end for act, end in found.items() if not _as_expected(act, *end)}
    assert not wrong
    for act in acts:
        row = rows.loc[spec(act)]
        log = out / "trials" / row["trial"] / "log.txt"
        assert log.stat().st_size < LOG_LIMIT, act
        if row["status"] == "ok" and act != "spoil":
            s.assert_same_row(normal, row, but=ITS_OWN)


def _as_expected(act: str, status: str, error) -> bool:
    sentence = error if isinstance(error, str) else ""
    if "\n" in sentence or len(sentence) > 2000:
        return False
    if act in EITHER:
        return status in EITHER[act]
    expected, part = ENDS.get(act, ("ok", ""))
    return status == expected and part in sentence and (status == "ok") == (sentence == "")


def assert_untouched(reference: Path, out: Path, losses) -> None:
    """Healthy trials have the bits of a run without hostile ones."""
    ours, theirs = by_loss(reference), by_loss(out)
    for loss in losses:
        s.assert_same_row(ours.loc[loss], theirs.loc[loss])
        trial = ours.loc[loss, "trial"]
        s.assert_same_files(reference / "trials" / trial, out / "trials" / trial)


def run_with_all(place, acts, *options: str, every: int = 1) -> None:
    """One grid of all acts, with a healthy trial after so many of them."""
    flags = Path(place.environ["GANBENCH_TEST_FLAGS"])
    out, reference = place.path / "out", place.path / "reference"
    losses, well = [], []
    for number, act in enumerate(acts, start=1):
        losses.append(spec(act))
        if number % every == 0:
            losses.append(healthy(number))
            well.append(healthy(number))
    done = place.run(reference, *s.grid(well), "-j", "2", "--memory-limit", "2GB")
    assert done.code == 0, done
    (flags / "processes").unlink()
    limits = ("--timeout", LIMIT, "--memory-limit", "2GB")
    relative = Path(out.name)  # to be found after a change of directory, too
    done = place.run(relative, *s.grid(losses), *limits, *options, seconds=1200, cwd=out.parent)
    assert_nothing_left(place, flags)
    assert done.code == 1, done
    assert_ends(out, acts, by_loss(reference).loc[well[0]])
    assert_untouched(reference, out, well)
    assert_one_attempt_each(out, but={"kill-itself"})
    s.assert_sane_attempts(out)
    s.assert_settled(out)


def assert_one_attempt_each(out: Path, but) -> None:
    rows = by_loss(out)
    more = rows.index[rows["attempts"] != 1]
    assert set(more) <= {spec(act) for act in but}


FAST = [act for act in [*ENDS, *EITHER] if act not in SLOW_ONLY]


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_a_grid_of_everything_that_can_go_wrong(place):
    run_with_all(place, FAST, "-j", "2", every=4)


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_a_grid_of_everything_on_one_worker(place):
    """Every healthy trial follows a hostile one on what is left of its worker."""
    run_with_all(place, [*ENDS, *EITHER, "print-gigabyte"], "-j", "1")


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_a_grid_of_everything_with_a_process_for_each_trial(place):
    run_with_all(place, FAST, "-j", "2", "--isolate")
    used = processes(place)
    assert len(set(used)) == len(used)


#: Acts after which the worker might live, if what they did can be put right again.
SURVIVED = [
    "late-exit",
    "raise-forward",
    "raise-backward",
    "sys-exit",
    "interrupt",
    "nan",
    "chdir",
    "close-output",
    "print",
    "spoil",
]


def test_a_worker_that_is_used_again_is_as_new(place):
    out, reference = place.path / "out", place.path / "reference"
    well = [healthy(number) for number in range(1 + len(SURVIVED))]
    well[0] = "hostile"
    done = place.run(reference, *s.grid(well))
    assert done.code == 0, done
    # Trials in a row do share their worker, or this test would not test anything.
    assert len(processes(place)) == len(well)
    assert len(set(processes(place))) == 1
    losses = [well[0]]
    for act, loss in zip(SURVIVED, well[1:], strict=True):
        losses += [spec(act), loss]
    done = place.run(out, *s.grid(losses), "--timeout", LIMIT)
    assert done.code == 1, done
    assert_ends(out, SURVIVED, by_loss(reference).loc["hostile"])
    assert_untouched(reference, out, well)
    assert_nothing_left(place, place.path / "flags")


@pytest.mark.slow
def test_errors_of_a_device_end_their_worker_and_unordered_operations_are_named(place):
    out = place.path / "out"
    losses = [*map(spec, ("device-memory", "device-error", "unordered")), healthy(3)]
    done = place.run(out, *s.grid(losses))
    assert done.code == 1, done
    rows = by_loss(out)
    assert rows["status"].loc[losses].tolist() == ["oom", "error", "ok", "ok"]
    # The trial after an error has a process of its own; the one after an unordered operation has not.
    first, second, third, fourth = processes(place)
    assert len({first, second, third}) == 3
    assert third == fourth
    unordered = rows.loc[spec("unordered")]
    assert (unordered["deterministic"], unordered["nondeterministic"]) == (False, "put_")
    assert rows.loc[healthy(3), "deterministic"]
    log = (out / "trials" / unordered["trial"] / "log.txt").read_text()
    assert log.count("put_ is not deterministic here") == 1
    assert "ganbench_hostile_for_tests.py:" in log
    assert (place.path / "flags" / "cublas").read_text() == ":4096:8"


@pytest.mark.slow
def test_architectures_and_data_that_break(place):
    out = place.path / "out"
    broken = ("-a", "broken-build")
    data = ("-d", "slow-digits[act=raise-forward]", "-d", "slow-digits[act=segfault]")
    done = place.run(out, *s.grid(["hinge"]), *broken, *data, "-j", "2")
    assert done.code == 1, done
    rows = s.rows(out)
    found = {
        (row["architecture"] == s.TINY, row["dataset"]): (row["status"], row["error"])
        for _, row in rows.iterrows()
    }
    assert len(found) == 6
    assert found[True, "digits"][0] == "ok"
    assert found[False, "digits"] == ("error", "RuntimeError: cannot be built")
    for tiny in (True, False):
        status, error = found[tiny, "slow-digits[act=raise-forward]"]
        assert (status, error) == ("error", "RuntimeError: this loss is broken")
        status, error = found[tiny, "slow-digits[act=segfault]"]
        assert status == "crashed"
        assert "SIGSEGV (signal 11)" in error
    assert place.left_behind() == []


@pytest.mark.slow
def test_data_that_never_comes_is_given_up(place):
    out = place.path / "out"
    grid = s.grid(["hinge"], dataset="slow-digits[seconds=1000]")
    done = place.run(out, *grid, "--timeout", "3s")
    assert done.code == 1, done
    (row,) = s.rows(out).to_dict("records")
    assert (row["status"], row["error"]) == ("timeout", "took longer than 3s")
    assert place.left_behind() == []


@pytest.fixture
def memory_group():
    """A control group in which the kernel ends processes that use too much memory."""
    folder = Path("/sys/fs/cgroup/memory") / f"ganbench-tests-{os.getpid()}"
    if os.geteuid() != 0 or not (folder.parent / "memory.limit_in_bytes").exists():
        pytest.skip("needs root and memory control groups of version 1")
    try:
        folder.mkdir()
        (folder / "memory.limit_in_bytes").write_text(str(2 << 30))
        swap = folder / "memory.memsw.limit_in_bytes"
        if swap.exists():
            swap.write_text(str(2 << 30))
    except OSError as error:
        pytest.skip(f"cannot make a memory control group: {error}")
    yield folder
    end = time.monotonic() + 10
    while True:
        try:
            folder.rmdir()
            return
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)


@pytest.mark.slow
def test_what_the_kernel_ends_for_want_of_memory_is_out_of_memory(place, memory_group):
    out = place.path / "out"
    inside = ("sh", "-c", f'echo $$ > {memory_group}/cgroup.procs && exec "$@"', "sh")
    losses = ["hinge", spec("memory"), healthy(1)]
    done = place.run(out, *s.grid(losses), program=inside)
    assert done.code == 1, done
    rows = by_loss(out)
    assert rows["status"].to_dict() == {"hinge": "ok", spec("memory"): "oom", healthy(1): "ok"}
    assert "out of memory" in rows.loc[spec("memory"), "error"]
    assert rows.loc[spec("memory"), "attempts"] == 1
    assert place.left_behind() == []


def test_inline_trials_keep_the_errors_of_components_to_themselves(place):
    """Without a process of its own, a trial can at least not end the run by an exception."""
    acts = ["raise-forward", "raise-backward", "sys-exit", "nan", "chdir"]
    out = place.path / "out"
    losses = [loss for n, act in enumerate(acts) for loss in (spec(act), healthy(n))]
    done = place.run(out, *s.grid(losses), "--executor", "inline")
    assert done.code == 1, done
    rows = by_loss(out)
    assert_ends(out, acts, rows.loc["hostile"])
