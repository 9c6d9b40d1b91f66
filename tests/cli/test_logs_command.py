"""``ganbench logs``: what a trial printed, as it is, made harmless, and as it comes."""

from __future__ import annotations

import io
import os
import pty
import signal
import subprocess
import sys
import threading
import time

import psutil
import pytest
from click.testing import CliRunner
from made_up_runs import write_synthetic_run

from ganbench.cli import logs as logs_module
from ganbench.cli.app import app
from ganbench.cli.logs import Harmless, seek_last_lines
from ganbench.store.run_folder import RunFolder

COMMAND = [sys.executable, "-m", "ganbench", "logs"]


@pytest.fixture
def run(tmp_path):
    """A run of two trials: the first has ended, the second has no row."""
    return write_synthetic_run(
        tmp_path / "run",
        architectures=["mlp"],
        losses=["hinge"],
        ticks=1,
        edit=lambda row: row if row["seed"] == 0 else None,
    )


@pytest.fixture
def ended(run):
    return run.find("s0-")


@pytest.fixture
def waiting(run):
    return run.find("s1-")


def logs(run, *arguments):
    path = run.path if isinstance(run, RunFolder) else run
    result = CliRunner().invoke(app, ["logs", str(path), *arguments])
    assert "Traceback" not in result.output
    return result


class TestPrinting:
    def test_every_byte_goes_out_as_it_is(self, run, ended):
        content = b"caf\xe9 \x1b[31mred\r\n" + bytes(range(256)) * 1000 + b"no end"
        ended.log_txt.write_bytes(content)
        result = logs(run, "s0-")
        assert result.exit_code == 0
        assert result.stdout_bytes == content

    @pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 100])
    @pytest.mark.parametrize("end", ["\n", ""])
    def test_the_last_lines(self, run, ended, count, end):
        lines = ["first", "", "third", "x" * 200_000]
        ended.log_txt.write_text("\n".join(lines) + end)
        wanted = "\n".join(lines[-count:]) + end if count else ""
        assert logs(run, "mlp-hinge-digits-s0", "-n", str(count)).stdout == wanted

    def test_they_are_found_from_the_end(self):
        class Watched(io.BytesIO):
            total = 0

            def read(self, size=-1):
                data = super().read(size)
                self.total += len(data)
                return data

        file = Watched(b"line\n" * 1_000_000)
        seek_last_lines(file, 3)
        assert file.total <= 1 << 17
        assert file.read() == b"line\n" * 3

    def test_nothing_was_printed(self, run, ended):
        ended.log_txt.write_bytes(b"")
        result = logs(run, "s0-")
        assert (result.exit_code, result.stdout) == (0, "")
        assert result.stderr == f"Trial {ended.id} has printed nothing.\n"


class TestRefusals:
    @pytest.mark.parametrize(
        ("status", "why"),
        [
            ("ok", "it was removed, or the trial printed nothing"),
            ("skipped", "it was skipped: mlp cannot; use dcgan"),
            (None, "it has not been started"),
        ],
    )
    def test_a_trial_without_a_log(self, run, ended, waiting, status, why):
        place = waiting if status is None else ended
        if status == "skipped":
            place.write_row({"status": "skipped", "error": "mlp cannot; use dcgan"})
        place.log_txt.unlink()
        result = logs(run, place.id)
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr == f"Error: trial {place.id} has no log: {why}\n"

    def test_a_planned_trial_is_known(self, run):
        run.write_plan({"mlp-new-digits-s5-0123": "mlp × new × digits seed 5"})
        assert logs(run, "new").stderr.endswith("has no log: it has not been started\n")

    def test_trials_that_are_not_there_or_not_clear(self, run, tmp_path):
        assert "no trial 'wgan' in" in logs(run, "wgan").stderr
        assert "'mlp' fits 2 trials" in logs(run, "mlp").stderr
        assert logs(tmp_path, "mlp").exit_code == 2

    def test_a_log_that_cannot_be_read(self, run, ended):
        ended.log_txt.unlink()
        ended.log_txt.mkdir()
        result = logs(run, "s0-")
        assert result.exit_code == 2
        assert result.stderr.endswith("log.txt: Is a directory\n")


class TestHarmless:
    @pytest.mark.parametrize(
        ("data", "text"),
        [
            (b"plain\ttext\n", "plain\ttext\n"),
            (b"\x1b[2J\x07\x00\x7f", r"\x1b[2J\x07\x00\x7f"),
            ("\x9b31m\u202ex\u2069".encode(), r"\x9b31m\u202ex\u2069"),
            ("é × \u4f60".encode(), "é × \u4f60"),
            (b"\xff\xc3", r"\xff\xc3"),
            (b"1%\r2%\r\nend\r", "1%\n2%\nend\n"),
        ],
    )
    def test_what_is_shown(self, data, text):
        whole = Harmless()
        assert whole.text(data) + whole.text(b"", final=True) == text
        piecewise = Harmless()
        pieces = [piecewise.text(bytes([byte])) for byte in data]
        assert "".join(pieces) + piecewise.text(b"", final=True) == text

    def test_on_a_terminal(self, run, ended):
        ended.log_txt.write_bytes(b"\x1b]0;title\x07 caf\xe9\n")
        ours, theirs = pty.openpty()
        done = subprocess.run([*COMMAND, run.path, "s0-"], stdout=theirs, check=True)
        os.close(theirs)
        assert os.read(ours, 1000) == rb"\x1b]0;title\x07 caf\xe9" + b"\r\n"
        os.close(ours)
        assert done.returncode == 0


class Follower:
    """``ganbench logs -f`` in a process of its own."""

    def __init__(self, run, *arguments):
        self.process = subprocess.Popen(
            [*COMMAND, run.path, *arguments, "-f"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            # What is started in the background of a script ignores interrupts from birth.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        self.text = b""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        while data := os.read(self.process.stdout.fileno(), 4096):
            self.text += data

    def wait_for(self, text):
        deadline = time.monotonic() + 30
        while text not in self.text:
            assert time.monotonic() < deadline, self.text
            assert self.process.poll() is None, self.process.stderr.read()
            time.sleep(0.02)

    def wait_until_open(self, path):
        deadline = time.monotonic() + 30
        process = psutil.Process(self.process.pid)
        while str(path) not in [file.path for file in process.open_files()]:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        time.sleep(0.1)

    def end(self):
        """The exit code and standard error."""
        code = self.process.wait(30)
        self._reader.join(10)
        return code, self.process.stderr.read()


@pytest.fixture
def follow(run):
    followers = []

    def start(*arguments):
        followers.append(Follower(run, *arguments))
        return followers[-1]

    yield start
    for follower in followers:
        follower.process.kill()
        follower.process.wait()
        follower.process.stdout.close()
        follower.process.stderr.close()


def add(trial, text):
    with trial.log_txt.open("ab") as log:
        log.write(text)


class TestFollowing:
    def test_until_the_trial_has_its_row_and_is_silent(self, waiting, follow):
        follower = follow(waiting.id, "-n", "0")
        follower.wait_until_open(waiting.log_txt)
        add(waiting, b"one\n")
        follower.wait_for(b"one\n")
        add(waiting, b"two")
        follower.wait_for(b"two")
        waiting.write_row({"status": "interrupted"})
        add(waiting, b" three\n")
        follower.wait_for(b" three\n")
        waiting.write_row({"status": "diverged"})
        add(waiting, b"last\n")
        code, errors = follower.end()
        assert code == 0
        assert follower.text.endswith(b"one\ntwo three\nlast\n")
        assert errors == b"Nothing is running; waiting for the trial to continue (Ctrl-C ends).\n"

    def test_a_log_that_is_not_there_yet_or_is_replaced_or_cut(self, run, waiting, follow):
        waiting.log_txt.unlink()
        follower = follow("s1-")
        time.sleep(0.5)
        add(waiting, b"begun\n")
        follower.wait_for(b"begun\n")
        waiting.log_txt.rename(waiting.path / "log.1")
        add(waiting, b"replaced by a longer one\n")
        follower.wait_for(b"longer one\n")
        waiting.log_txt.write_bytes(b"cut\n")
        follower.wait_for(b"cut\n")
        waiting.write_row({"status": "ok"})
        code, errors = follower.end()
        assert (code, follower.text) == (0, b"begun\nreplaced by a longer one\ncut\n")
        assert errors.splitlines()[-1] == b"The log was cut; it continues from its beginning."

    def test_a_trial_that_was_skipped_has_nothing_to_wait_for(self, ended, follow):
        ended.write_row({"status": "skipped", "error": "no"})
        ended.log_txt.unlink()
        code, errors = follow(ended.id).end()
        assert code == 2
        assert errors.endswith(b"has no log: it was skipped: no\n")

    def test_an_interrupt_is_how_it_ends(self, waiting, follow):
        follower = follow(waiting.id)
        follower.wait_for(b"a made-up trial\n")
        follower.process.send_signal(signal.SIGINT)
        code, errors = follower.end()
        assert code == 130
        assert errors in (
            b"",
            b"Nothing is running; waiting for the trial to continue (Ctrl-C ends).\n",
        )

    def test_a_reader_that_leaves_ends_it_too(self, run, waiting):
        reading, writing = os.pipe()
        process = subprocess.Popen(
            [*COMMAND, run.path, waiting.id, "-f"], stdout=writing, stderr=subprocess.PIPE
        )
        os.close(writing)
        assert os.read(reading, 100) == b"a made-up trial\n"
        os.close(reading)
        _, errors = process.communicate(timeout=30)
        assert process.returncode == 141
        assert b"Error" not in errors


def test_a_trial_that_is_trained_anew_is_followed_on(run, ended, monkeypatch):
    """Its row is the old one until the new attempt has ended."""
    answers = iter([("error", True, True), ("ok", False, True)])
    looks = []

    def look_at(*arguments):
        looks.append(arguments)
        add(ended, f"look {len(looks)}\n".encode())
        return next(answers)

    monkeypatch.setattr(logs_module, "look_at", look_at)
    for name, seconds in {"_LOOK": 0.01, "_SILENCE": 0.1, "_PAUSE": 0.01}.items():
        monkeypatch.setattr(logs_module, name, seconds)
    result = logs(run, ended.id, "-f")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == "a made-up trial\nlook 1\nlook 2\n"
