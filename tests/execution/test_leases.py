"""Who trains which trial: races, deaths and silence, with real processes."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ganbench.base.errors import StorageError
from ganbench.execution.share import heartbeat as module
from ganbench.execution.share import processes
from ganbench.execution.share.heartbeat import Heartbeat, living_supervisors
from ganbench.execution.share.leases import Leases, holds_lease
from ganbench.store.run_folder import RunFolder

LEASE = 0.4

PRELUDE = """
import json, os, sys, time
from ganbench.store.run_folder import RunFolder
from ganbench.execution.share.heartbeat import Heartbeat
from ganbench.execution.share.leases import Leases, holds_lease
folder = RunFolder(sys.argv[1])
"""


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return RunFolder(tmp_path / "run").create()


@pytest.fixture
def process(folder: RunFolder) -> Iterator[Callable[[str], subprocess.Popen[str]]]:
    """Starts supervisors of their own; they say something and wait for a line."""
    started: list[subprocess.Popen[str]] = []

    def start(code: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", PRELUDE + textwrap.dedent(code), str(folder.path)]
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        started.append(subprocess.Popen(command, **pipes))
        return started[-1]

    yield start
    for child in started:
        child.kill()
        child.communicate()


@contextlib.contextmanager
def supervisor(folder: RunFolder, lease: float = LEASE) -> Iterator[Leases]:
    with Heartbeat(folder, lease) as heartbeat:
        yield Leases(folder, heartbeat)


def line(child: subprocess.Popen[str]) -> str:
    assert child.stdout is not None
    return child.stdout.readline().strip()


def tell(child: subprocess.Popen[str], text: str = "go") -> None:
    assert child.stdin is not None
    child.stdin.write(text + "\n")
    child.stdin.flush()


def names(folder: RunFolder, trial: str) -> list[str]:
    return sorted(path.name for path in folder.trial(trial).path.glob("claim-*"))


def edit(path: Path, **changes: object) -> None:
    """Change a file's document, leaving out what becomes None."""
    document = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({k: v for k, v in document.items() if v is not None}))


def leave_traces(folder: RunFolder, trial: str, **changes: object) -> Path:
    """A lease and a heartbeat of a process that is gone; returns the beat_file's file."""
    code = """
        heartbeat = Heartbeat(folder)
        assert Leases(folder, heartbeat).take(sys.argv[2])
        print(heartbeat.owner)
    """
    command = [sys.executable, "-c", PRELUDE + textwrap.dedent(code), str(folder.path), trial]
    owner = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    beat_file = folder.supervisors_dir / f"{owner}.json"
    claim = folder.trial(trial).path / names(folder, trial)[-1]
    for path in (beat_file, claim):
        edit(path, **changes)
    return beat_file


HOLD = """
    heartbeat = Heartbeat(folder)
    assert Leases(folder, heartbeat).take("a")
    print(heartbeat.owner, flush=True)
    sys.stdin.readline()
"""


class TestOneHolder:
    def test_one_has_it_until_it_is_given_back(self, folder: RunFolder) -> None:
        with supervisor(folder) as one, supervisor(folder) as two:
            assert one.take("a")
            assert one.take("a")
            assert not two.take("a")
            assert (one.holds("a"), two.holds("a"), two.holds("b")) == (True, False, False)
            holder = two.holder("a")
            assert holder is not None
            assert holder.document["pid"] == os.getpid()
            assert holds_lease(folder.trial("a"), holder.owner)
            assert not holds_lease(folder.trial("a"), "somebody else")
            two.release("a")
            assert one.holds("a")
            one.release("a")
            assert not one.holds("a")
            assert not holds_lease(folder.trial("a"), holder.owner)
            assert two.holder("a") is None
            assert two.take("a")
            assert names(folder, "a") == [f"claim-00000{n}.json" for n in (1, 2, 3)]

    def test_settling_removes_the_leases_and_numbering_begins_again(
        self, folder: RunFolder
    ) -> None:
        with supervisor(folder) as one, supervisor(folder) as two:
            assert one.take("a")
            two.settle("a")
            assert one.holds("a")
            one.settle("a")
            assert names(folder, "a") == []
            assert not one.holds("a")
            assert two.take("a")
            assert names(folder, "a") == ["claim-000001.json"]
            one.settle("a")
            assert two.holds("a")

    def test_nothing_is_left_of_those_who_left(self, folder: RunFolder) -> None:
        with supervisor(folder) as one:
            assert one.take("a")
            assert len(list(folder.supervisors_dir.iterdir())) == 1
        assert list(folder.supervisors_dir.iterdir()) == []
        with supervisor(folder) as two:  # in the same process, which lives
            assert two.take("a")

    def test_a_lease_that_came_too_late_is_none(
        self, folder: RunFolder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with supervisor(folder) as one, supervisor(folder) as two:
            assert one.take("a")
            one.release("a")
            make = Leases._make

            def late(self: Leases, *arguments: Any) -> bool:
                monkeypatch.setattr(Leases, "_make", make)
                assert one.take("a")
                one.settle("a")
                return make(self, *arguments)

            monkeypatch.setattr(Leases, "_make", late)
            assert not two.take("a")
            assert not two.holds("a")
            assert names(folder, "a") == []

    def test_where_there_are_no_hard_links(
        self, folder: RunFolder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*_: object) -> None:
            raise PermissionError(errno.EPERM, "Operation not permitted")

        monkeypatch.setattr(os, "link", refuse)
        with supervisor(folder) as one, supervisor(folder) as two:
            assert one.take("a")
            assert not two.take("a")
            assert one.holds("a")

    def test_an_answer_that_the_network_lost(
        self, folder: RunFolder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        link = os.link

        def lost(source: Path, target: Path) -> None:
            link(source, target)
            link(source, target)

        monkeypatch.setattr(os, "link", lost)
        with supervisor(folder) as one, supervisor(folder) as two:
            assert one.take("a")
            assert not two.take("a")

    def test_a_disk_that_takes_no_more(
        self, folder: RunFolder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with supervisor(folder) as one:
            assert one.take("a")

            def full(*_: object, **__: object) -> None:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

            monkeypatch.setattr(Path, "write_text", full)
            for write in (lambda: one.take("b"), one._heartbeat.beat, lambda: Heartbeat(folder)):
                with pytest.raises(StorageError, match="No space left on device"):
                    write()
            one.release("a")
            monkeypatch.undo()
            assert names(folder, "b") == []

    def test_a_folder_that_was_taken_away(self, folder: RunFolder) -> None:
        with supervisor(folder) as one:
            assert one.take("a")
            folder.path.rename(folder.path.with_name("away"))
            with pytest.raises(StorageError, match="No such file"):
                one.take("b")
            with pytest.raises(StorageError, match="No such file"):
                one._heartbeat.beat()
            assert not one.holds("a")
            one.release("a")
            one.settle("a")
        assert not folder.path.exists()


class TestRaces:
    def test_each_of_many_leases_is_won_once(
        self, folder: RunFolder, process: Callable[[str], subprocess.Popen[str]]
    ) -> None:
        racer = """
            leases = Leases(folder, Heartbeat(folder))
            print("ready", flush=True)
            sys.stdin.readline()
            trials = [f"t{n}" for n in range(200)]
            won = [trial for trial in trials if leases.take(trial)]
            print(json.dumps(won), flush=True)
            sys.stdin.readline()
            assert [trial for trial in trials if leases.holds(trial)] == won
        """
        racers = [process(racer) for _ in range(6)]
        assert [line(child) for child in racers] == ["ready"] * 6
        for child in racers:
            tell(child)
        won = [trial for child in racers for trial in json.loads(line(child))]
        assert sorted(won) == sorted(f"t{n}" for n in range(200))
        for child in racers:
            tell(child)
        assert [child.wait() for child in racers] == [0] * 6

    def test_one_takes_over_from_the_dead(
        self, folder: RunFolder, process: Callable[[str], subprocess.Popen[str]]
    ) -> None:
        racer = """
            leases = Leases(folder, Heartbeat(folder))
            print("ready", flush=True)
            sys.stdin.readline()
            print(int(leases.take("a")), int(leases.holds("a")), flush=True)
            sys.stdin.readline()
        """
        holder = process(HOLD)
        assert line(holder)
        racers = [process(racer) for _ in range(6)]
        assert [line(child) for child in racers] == ["ready"] * 6
        holder.send_signal(signal.SIGKILL)
        os.waitid(os.P_PID, holder.pid, os.WEXITED | os.WNOWAIT)  # it stays a zombie
        for child in racers:
            tell(child)
        assert sorted(line(child) for child in racers) == ["0 0"] * 5 + ["1 1"]


class TestThisHost:
    def test_a_silent_holder_is_never_robbed(
        self, folder: RunFolder, process: Callable[[str], subprocess.Popen[str]]
    ) -> None:
        holder = process(HOLD)
        owner = line(holder)
        holder.send_signal(signal.SIGSTOP)
        with supervisor(folder, lease=0.05) as leases:
            for _ in range(4):
                assert not leases.take("a")
                time.sleep(0.05)
            found = leases.holder("a")
            assert found is not None
            assert found.document is not None
            assert (found.owner, found.document["pid"]) == (owner, holder.pid)
            holder.send_signal(signal.SIGCONT)
            tell(holder)
            holder.wait()
            assert leases.holder("a") is None
            assert leases.take("a")

    def test_the_dead_are_buried(self, folder: RunFolder) -> None:
        beat_file = leave_traces(folder, "a")
        (folder.supervisors_dir / f".{beat_file.stem}.beat.tmp").touch()
        with supervisor(folder):
            assert len(list(folder.supervisors_dir.iterdir())) == 1
            leave_traces(folder, "b")
        assert list(folder.supervisors_dir.iterdir()) == []

    def test_another_process_with_the_same_number_is_another(self, folder: RunFolder) -> None:
        leave_traces(folder, "a", pid=os.getppid())
        leave_traces(folder, "b", pid=os.getpid())
        own = processes.started(os.getpid())
        leave_traces(folder, "c", pid=os.getpid(), pid_started=own)  # of a run that is over
        with supervisor(folder) as leases:
            assert leases.take("a")
            assert leases.take("b")
            assert leases.take("c")

    def test_a_holder_whose_heartbeat_is_gone_has_its_lease(
        self, folder: RunFolder, process: Callable[[str], subprocess.Popen[str]]
    ) -> None:
        holder = process(HOLD)
        (folder.supervisors_dir / f"{line(holder)}.json").unlink()
        edit(folder.trial("a").path / "claim-000001.json", lease=LEASE)
        with supervisor(folder) as leases:
            assert not leases.take("a")
            time.sleep(LEASE)
            assert leases.take("a")

    def test_the_dead_leave_no_leases_on_what_is_finished(self, folder: RunFolder) -> None:
        with supervisor(folder) as leases:
            for trial in "abc":
                leave_traces(folder, trial)
            assert leases.take("d")
            folder.trial("a").write_row({"status": "ok"})
            folder.trial("b").write_row({"status": "interrupted"})
            folder.trial("d").write_row({"status": "ok"})
            with supervisor(folder):
                assert [len(names(folder, trial)) for trial in "abcd"] == [0, 1, 1, 1]
            folder.trial("b").write_row({"status": "error"})
            leave_traces(folder, "e")
            leases.sweep("ab")
            assert [len(names(folder, trial)) for trial in "ab"] == [0, 0]
            folder.trial("c").write_row({"status": "ok"})
        assert [len(names(folder, trial)) for trial in "abcde"] == [0, 0, 0, 1, 1]


class TestOtherHosts:
    def test_a_holder_is_robbed_after_its_lease_of_silence(self, folder: RunFolder) -> None:
        beat_file = leave_traces(folder, "a", host="elsewhere", lease=LEASE)
        with supervisor(folder) as leases:
            begin = time.monotonic()
            for beat in range(5):  # a beat now and then keeps it
                edit(beat_file, beat=beat + 10)
                assert not leases.take("a")
                time.sleep(LEASE / 4)
            assert time.monotonic() - begin > LEASE
            while not leases.take("a"):
                time.sleep(LEASE / 20)
            assert time.monotonic() - begin >= 5 / 4 * LEASE
            assert leases.holds("a")

    @pytest.mark.parametrize("changes", [{"boot": "x"}, {"pidns": "x"}, {"pid_started": None}])
    def test_what_makes_it_another_host(self, folder: RunFolder, changes: dict[str, Any]) -> None:
        leave_traces(folder, "a", lease=LEASE, **changes)
        with supervisor(folder) as leases:
            assert not leases.take("a")
            time.sleep(LEASE)
            assert leases.take("a")

    def test_a_heartbeat_that_is_gone_does_not_make_it_dead_at_once(
        self, folder: RunFolder
    ) -> None:
        leave_traces(folder, "a", host="elsewhere", lease=LEASE).unlink()
        with supervisor(folder) as leases:
            assert not leases.take("a")
            time.sleep(LEASE)
            assert leases.take("a")

    def test_dates_of_files_do_not_count(self, folder: RunFolder) -> None:
        beat_file = leave_traces(folder, "a", host="elsewhere", lease=30)
        for path in (beat_file, folder.trial("a").path / "claim-000001.json"):
            os.utime(path, (0, 0))
        with supervisor(folder) as leases:
            assert not leases.take("a")

    def test_a_holder_that_wakes_up_sees_that_it_lost_the_trial(
        self, folder: RunFolder, process: Callable[[str], subprocess.Popen[str]]
    ) -> None:
        sleeper = process(
            """
            from ganbench.execution.share import processes
            place = processes.place
            processes.place = lambda pid: place(pid) | {"host": "elsewhere"}
            heartbeat = Heartbeat(folder, lease=0.4)
            leases = Leases(folder, heartbeat)
            assert leases.take("a")
            print(heartbeat.owner, flush=True)
            sys.stdin.readline()
            heartbeat.beat()
            print(leases.holds("a"), holds_lease(folder.trial("a"), heartbeat.owner), leases.take("a"))
            leases.settle("a")
            leases.release("a")
            """
        )
        owner = line(sleeper)
        sleeper.send_signal(signal.SIGSTOP)
        with supervisor(folder) as leases:
            while not leases.take("a"):
                assert holds_lease(folder.trial("a"), owner)
                time.sleep(LEASE / 10)
            sleeper.send_signal(signal.SIGCONT)
            tell(sleeper)
            assert line(sleeper) == "False False False"
            sleeper.wait()
            assert leases.holds("a")

    def test_the_dead_are_buried_once_they_are_known_to_be(self, folder: RunFolder) -> None:
        leave_traces(folder, "a", host="elsewhere", lease=LEASE)
        with supervisor(folder) as leases:
            leases.take("a")
        assert len(list(folder.supervisors_dir.iterdir())) == 1
        with supervisor(folder) as leases:
            leases.take("a")
            time.sleep(LEASE)
            assert leases.take("a")
        assert list(folder.supervisors_dir.iterdir()) == []


class TestDamage:
    @pytest.mark.parametrize(
        "content",
        [b"", b"{", b"[]", b"\xff", b"{}", b'{"owner": 1}', b'{"owner": "../x"}', b"[" * 100_000],
    )
    def test_a_lease_that_cannot_be_read_is_held_for_a_lease(
        self, folder: RunFolder, monkeypatch: pytest.MonkeyPatch, content: bytes
    ) -> None:
        now = 100.0
        monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: now))
        with supervisor(folder) as one, supervisor(folder) as two:
            assert one.take("a")
            (folder.trial("a").path / "claim-000001.json").write_bytes(content)
            assert one.holds("a")  # nobody else can have made it
            assert not two.take("a")
            now += 0.9 * LEASE
            assert two.holder("a") is not None
            now += 0.2 * LEASE
            assert two.holder("a") is None
            assert two.take("a")
            assert not one.holds("a")

    def test_a_heartbeat_that_cannot_be_read_is_waited_for(self, folder: RunFolder) -> None:
        beat_file = leave_traces(folder, "a", host="elsewhere", lease=LEASE)
        beat_file.write_bytes(b"{torn")
        with supervisor(folder) as leases:
            assert not leases.take("a")
            time.sleep(LEASE)
            assert leases.take("a")

    def test_a_lease_that_is_a_folder(self, folder: RunFolder) -> None:
        (folder.trial("a").path / "claim-000007.json").mkdir(parents=True)
        with supervisor(folder), supervisor(folder, lease=0.05) as leases:
            assert not leases.take("a")
            time.sleep(0.05)
            assert leases.take("a")
            assert "claim-000008.json" in names(folder, "a")

    def test_a_lease_that_cannot_be_read_is_nobodys_where_nobody_is(
        self, folder: RunFolder
    ) -> None:
        leave_traces(folder, "a")
        claim = folder.trial("a").path / "claim-000001.json"
        claim.write_bytes(b"")
        with supervisor(folder) as leases:
            assert leases.holder("a") is None
            assert leases.take("a")

    @pytest.mark.parametrize("lease", [None, -1, 0, "60", True, 1e300, "NaN"])
    def test_a_lease_that_makes_no_sense_is_the_readers(
        self, folder: RunFolder, lease: object
    ) -> None:
        leave_traces(folder, "a", host="elsewhere", lease=lease)
        with supervisor(folder, lease=0.05) as leases:
            assert not leases.take("a")
            time.sleep(0.05)
            assert leases.take("a")


class TestLivingSupervisors:
    def test_those_who_live_are_told_with_their_state(self, folder: RunFolder) -> None:
        assert living_supervisors(folder) == []
        leave_traces(folder, "a")
        leave_traces(folder, "b", host="elsewhere", lease=LEASE)
        (folder.supervisors_dir / "torn.json").write_text("{")
        with Heartbeat(folder) as heartbeat:
            heartbeat.beat({"total": 7, "seconds_left": None, "d_loss": float("nan")})
            heartbeat.beat()
            found = {document["host"]: document for document in living_supervisors(folder)}
            here = found[heartbeat.document["host"]]
            assert here["owner"] == heartbeat.owner
            assert here["beat"] == 3
            assert here["state"]["total"] == 7
            assert here["state"]["seconds_left"] is None
            assert here["state"]["d_loss"] != here["state"]["d_loss"]
            assert "elsewhere" in found  # as far as a single look can tell
            time.sleep(LEASE)
            assert [document["owner"] for document in living_supervisors(folder)] == [here["owner"]]

    def test_heartbeats_come_from_any_thread(self, folder: RunFolder) -> None:
        with Heartbeat(folder) as heartbeat:
            threads = [
                threading.Thread(target=lambda: [heartbeat.beat({"n": 1}) for _ in range(50)])
                for _ in range(4)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            (document,) = living_supervisors(folder)
            assert document["beat"] == 201


def test_it_needs_neither_torch_nor_pandas() -> None:
    heavy = "{'torch', 'pandas', 'pyarrow'}"
    code = (
        f"import sys, ganbench.execution.share.leases; sys.exit(bool({heavy} & {{*sys.modules}}))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
