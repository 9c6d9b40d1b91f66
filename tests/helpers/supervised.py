"""Runs of the command line in processes of their own, which tests kill, stop and compare."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

from safetensors.torch import load_file

import ganbench as gb
from ganbench.store.run_folder import RunFolder

TINY = "mlp[d_widths=[16],g_widths=[16],latent_dim=4]"
#: What keeps an evaluation short; a grid adds its axes and its budget.
QUICK = (
    *("--set", "evaluation.extractor=pixels"),
    *("--set", "evaluation.samples=64"),
    *("--set", "evaluation.ticks=2"),
)
#: Columns that tell time, memory or how often and beside whom a trial was trained.
VARYING = {
    *("train_seconds", "eval_seconds", "wall_seconds", "warmup_seconds", "compile_seconds"),
    *("images_per_second", "step_ms"),
}
VARYING |= {"peak_memory_mb", "eval_peak_memory_mb"}
VARYING |= {"steps_per_second", "started", "attempts", "exclusive"}
FINAL = {"ok", "diverged", "error", "oom", "timeout", "crashed"}
_MARKER = "GANBENCH_TEST_MARKER"
#: Generous: other processes may have the machine for minutes.
PATIENCE = 240.0


@dataclass(frozen=True)
class Done:
    """A run that has ended."""

    code: int
    out: str
    err: str

    def __str__(self) -> str:
        return f"exit code {self.code}\n{self.out}\n{self.err}"


class Run:
    """A run that goes on."""

    def __init__(self, process: subprocess.Popen, place: Workplace, log: Path) -> None:
        self.process, self._place, self._log = process, place, log

    @property
    def pid(self) -> int:
        return self.process.pid

    def running(self) -> bool:
        return self.process.poll() is None

    def workers(self) -> list[int]:
        """Processes that it started and that live."""
        return [pid for pid in self._place.living() if _parent(pid) == self.pid]

    def wait_for(self, condition, seconds: float = PATIENCE, every: float = 0.01) -> None:
        """Until the condition holds; fails if the run ends before."""
        end = time.monotonic() + seconds
        while not condition():
            assert self.running(), f"it ended before: {self.read()}"
            assert time.monotonic() < end, f"it did not come: {self.read()}"
            time.sleep(every)

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def kill(self) -> None:
        """SIGKILL to this process alone."""
        self.process.kill()
        self.process.wait()

    def read(self) -> str:
        """What it wrote so far, of both streams."""
        return self._log.with_suffix(".err").read_text() + self._log.with_suffix(".out").read_text()

    def end(self, seconds: float = PATIENCE) -> Done:
        """Wait for its end."""
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it did not end: {self.read()}") from None
        out, err = (self._log.with_suffix(suffix).read_text() for suffix in (".out", ".err"))
        return Done(code, out, err)


class Workplace:
    """Where runs happen: a cache, an environment, and a mark on every process that comes of it.

    :param site: a folder of distributions to be found beside those that are installed.
    """

    def __init__(self, path: Path, site: Path | None = None, **environ: str) -> None:
        self.path = path
        self._marker = uuid.uuid4().hex
        self._runs: list[Run] = []
        self.environ = os.environ | {
            "GANBENCH_CACHE": str(path / "cache"),
            "COLUMNS": "200",
            "OMP_NUM_THREADS": "1",
            _MARKER: self._marker,
            **environ,
        }
        if site is not None:
            found = [str(site), os.environ.get("PYTHONPATH", "")]
            self.environ["PYTHONPATH"] = os.pathsep.join(filter(None, found))

    def start(
        self,
        out: Path,
        *arguments: str,
        program: tuple[str, ...] = (),
        verb: str = "run",
        **options,
    ) -> Run:
        """Begin ``ganbench run``, or another command on the folder; one trial at a time by default.

        :param program: what to start the interpreter with, such as a shell that changes something.
        """
        place = ["-o", str(out)] if verb == "run" else [str(out)]
        if verb == "run" and "-j" not in arguments:
            arguments = ("-j", "1", *arguments)
        command = [*program, sys.executable, "-m", "ganbench", verb, *arguments, *place]
        log = self.path / f"run-{len(self._runs)}"
        environ = self.environ | options.pop("environ", {})
        with log.with_suffix(".out").open("w") as stdout, log.with_suffix(".err").open("w") as err:
            # Files in place of pipes: a process left behind must not keep a test waiting.
            process = subprocess.Popen(
                command,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=err,
                start_new_session=True,  # a signal to its group must not reach the tests
                **options,
            )
        run = Run(process, self, log)
        self._runs.append(run)
        return run

    def run(self, out: Path, *arguments: str, seconds: float = PATIENCE, **options) -> Done:
        """Run to the end."""
        return self.start(out, *arguments, **options).end(seconds)

    def living(self) -> list[int]:
        """Processes that came of this workplace's runs, and live."""
        mark = f"{_MARKER}={self._marker}".encode()
        found = []
        for folder in Path("/proc").iterdir():
            if not folder.name.isdigit() or int(folder.name) == os.getpid():
                continue
            with contextlib.suppress(OSError):
                if mark in (folder / "environ").read_bytes().split(b"\0"):
                    found.append(int(folder.name))
        return found

    def left_behind(self, seconds: float = 10.0) -> list[str]:
        """What lives of runs that have ended, after some time to end: command lines."""
        end = time.monotonic() + seconds
        while self.living() and time.monotonic() < end:
            time.sleep(0.05)
        return [f"{pid}: {_command_line(pid)}" for pid in self.living()]

    def clear(self) -> None:
        """End whatever lives."""
        for run in self._runs:
            run.kill()
        for pid in self.living():
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)


def grid(
    losses, *, architecture: str = TINY, dataset: str = "digits", seeds: int = 1, steps: int = 100
) -> tuple[str, ...]:
    """Arguments of a small grid."""
    axes = [word for loss in losses for word in ("-l", loss)]
    fixed = ("-a", architecture, "-d", dataset, "--seeds", str(seeds), "--budget", f"{steps}steps")
    return (*fixed, *axes, *QUICK)


def alive(pid: int) -> bool:
    """Whether a process lives; one that only waits to be reaped does not."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return text.rpartition(")")[2].split()[0] not in ("Z", "X")


def statuses(out: Path) -> dict[str, str]:
    """The status of every trial that has a row that can be read."""
    return {row["trial"]: row["status"] for row in RunFolder(out).rows()}


def final_rows(out: Path) -> dict[str, bytes]:
    """The bytes of every row whose trial is over."""
    found = {}
    for path in out.glob("trials/*/row.json"):
        content = path.read_bytes()
        if json.loads(content)["status"] in FINAL:
            found[path.parent.name] = content
    return found


def rows(out: Path):
    """One row per trial, by trial."""
    frame = gb.load_results(out).set_index("trial").sort_index()
    assert frame.index.is_unique
    return frame


def attempts(out: Path, trial: str) -> list[dict]:
    """The lines of attempts.jsonl; those that a kill cut short are left out."""
    found = []
    path = out / "trials" / trial / "attempts.jsonl"
    for line in path.read_text().splitlines() if path.exists() else []:
        with contextlib.suppress(ValueError):
            found.append(json.loads(line))
    return found


def started(out: Path) -> list[dict]:
    """Every start of an attempt in the folder, in the order of the clock."""
    found = []
    for folder in out.glob("trials/*"):
        lines = (line | {"trial": folder.name} for line in attempts(out, folder.name))
        found += [line for line in lines if line["event"] == "started"]
    return sorted(found, key=lambda line: line["at"])


def assert_sane_attempts(out: Path) -> None:
    """Attempts are numbered from 1, each begins once and ends at most once, the last as its row.

    An end may be missing: who would have written it was killed.
    """
    for trial, row in rows(out).iterrows():
        lines = attempts(out, trial)
        begun = [line["attempt"] for line in lines if line["event"] == "started"]
        ended = [line["attempt"] for line in lines if line["event"] == "ended"]
        assert begun == list(range(1, len(begun) + 1)), (trial, lines)
        assert len(ended) == len(set(ended)), (trial, lines)
        assert set(ended) <= set(begun), (trial, lines)
        if row["status"] != "skipped":
            assert row["attempts"] == len(begun), (trial, lines)
            last = [line["status"] for line in lines if line["event"] == "ended"][-1:]
            assert len(ended) < len(begun) or last == [row["status"]], (trial, lines)


def assert_settled(out: Path) -> None:
    """Nothing is left of who trained what, nor half of a file."""
    claims = [*out.glob("trials/*/claim-*"), *out.glob("supervisors/*")]
    assert claims == []
    assert [*out.rglob("*.tmp")] == []


def assert_same_results(expected: Path, found: Path) -> None:
    """Bit-equal: all rows, curves, pictures and weights, times left aside."""
    ours, theirs = rows(expected), rows(found)
    assert sorted(ours.index) == sorted(theirs.index)
    for trial in ours.index:
        assert_same_row(ours.loc[trial], theirs.loc[trial])
        assert_same_files(expected / "trials" / trial, found / "trials" / trial)
    ours, theirs = (gb.load_history(out).drop(columns="train_seconds") for out in (expected, found))
    assert ours.equals(theirs)


def assert_same_row(expected, found, but: frozenset[str] = frozenset()) -> None:
    """Equal in all columns that do not tell time."""
    columns = [column for column in expected.index if column not in VARYING | but]
    different = [c for c in columns if not expected[[c]].equals(found[[c]])]
    shown = {c: (expected[c], found[c]) for c in different}
    assert not different, shown


def assert_same_files(expected: Path, found: Path) -> None:
    """Equal pictures and weights of one trial."""
    for picture in ("samples.png", "progress.png"):
        assert (expected / picture).exists() == (found / picture).exists()
        if (expected / picture).exists():
            assert (expected / picture).read_bytes() == (found / picture).read_bytes(), found
    assert weights(expected) == weights(found), found


def weights(trial: Path) -> dict[str, bytes]:
    """The newest checkpoint's weights; empty where there is none."""
    found = sorted((trial / "checkpoint").glob("*.json"))
    if not found:
        return {}
    tensors = load_file(found[-1].with_suffix(".safetensors"))
    kept = ("/trainer/generator", "/trainer/discriminator", "/trainer/averaged")
    return {
        name: tensor.numpy().tobytes()
        for name, tensor in sorted(tensors.items())
        if name.startswith(kept)
    }


def _parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def _command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return "(gone)"
