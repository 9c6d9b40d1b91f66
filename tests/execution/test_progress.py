"""What a person sees of a run: time left, plain lines, the live display."""

from __future__ import annotations

import io
import math
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import pytest
from rich.console import Console

from ganbench.execution.progress.display import PlainLines
from ganbench.execution.progress.eta import TimeLeft, estimate_left
from ganbench.execution.progress.live_display import LiveDisplay, make_progress
from ganbench.execution.progress.texts import describe, describe_row
from ganbench.execution.supervise.messages import Status


class Clock:
    """A clock that is moved by hand."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def a_trial(name, seed=0, label="mlp × hinge × digits"):
    return SimpleNamespace(id=name, seed=seed, cell=SimpleNamespace(label=label))


def training(share, **fields):
    return Status("training", share, images=int(1000 * share), train_seconds=share, **fields)


class TestTimeLeft:
    @pytest.mark.parametrize(
        ("waiting", "running", "ended", "workers", "left"),
        [
            (0, [], [], 2, 0.0),
            (3, [], [], 2, None),  # nothing to go by
            (3, [(1.0, None)], [], 2, None),
            (0, [(10.0, 30.0)], [], 4, 30.0),  # the others have nothing to do
            (4, [], [10.0], 2, 20.0),
            (3, [], [10.0], 2, 20.0),  # two at a time, then one
            (1, [(4.0, None), (4.0, 6.0)], [10.0], 2, 16.0),  # one that has just begun
            (0, [(15.0, None)], [10.0], 1, 0.0),  # longer than the others: nobody knows
            (2, [(5.0, 95.0)], [10.0, 10.0], 1, 95.0 + 2 * 40.0),  # a long one counts
            (1, [(0.0, 100.0)], [10.0, 10.0], 2, 100.0),  # beside a long one
            (2, [], [1.0], 0, 2.0),
        ],
    )
    def test_it_follows_from_what_trials_took(self, waiting, running, ended, workers, left):
        assert estimate_left(waiting, running, ended, workers) == (left and pytest.approx(left))

    def test_a_trial_is_timed_from_its_first_step_on(self):
        clock = Clock()
        eta = TimeLeft(1, 1, clock)
        eta.trial_started("a")
        clock.now += 50
        eta.update("a", Status("evaluating"))
        assert eta.seconds_left_of("a") is None
        eta.update("a", training(0.0))
        clock.now += 10
        eta.update("a", training(0.25))
        assert eta.seconds_left_of("a") == eta.seconds_left() == pytest.approx(30)

    def test_what_an_earlier_attempt_did_does_not_count(self):
        clock = Clock()
        eta = TimeLeft(1, 1, clock)
        eta.trial_started("a")
        eta.update("a", training(0.5))
        clock.now += 10
        eta.update("a", training(0.75))
        assert eta.seconds_left() == pytest.approx(10)

    def test_a_trial_that_was_interrupted_waits_again(self):
        eta = TimeLeft(2, 1, Clock())
        eta.trial_started("a")
        eta.trial_ended("a", 10.0)
        eta.trial_started("b")
        eta.trial_ended("b", final=False)
        assert eta.ended == 1
        assert eta.seconds_left() == 10.0
        assert eta.seconds_left_of("b") is None


class TestWords:
    def test_a_running_trial(self):
        status = Status("training", 0.5, 10, 12800, 2.0, 0.0, 1.25, -0.5, 12.3456)
        text = describe(status, seconds_left=65)
        assert text == "12,800 images  6,400 img/s  D 1.250  G -0.500  fd 12.35  1:05 left"

    def test_a_trial_that_does_not_train_says_what_it_does(self):
        assert describe(Status(), in_phase=3) == "starting 0:03"
        status = Status("evaluating", 1.0, 10, 12800)
        assert describe(status, 0.0, in_phase=75) == "evaluating 1:15  12,800 images"

    @pytest.mark.parametrize(
        ("row", "text"),
        [
            (
                {"fd": 12.3456, "verdict": "stable", "images_per_second": 5000.4},
                "ok, fd 12.35, stable, 5,000 img/s",
            ),
            ({"fd": None, "verdict": None, "images_per_second": None}, "ok"),
            ({"fd": math.nan}, "ok, fd nan"),
            ({"status": "oom", "error": "no \x1b[2J\nroom"}, "oom: no [2J room"),
            ({"status": "crashed", "error": None}, "crashed"),
        ],
    )
    def test_a_trial_that_has_ended(self, row, text):
        assert describe_row({"status": "ok"} | row) == text


class TestPlainLines:
    @pytest.fixture
    def clock(self):
        return Clock()

    @pytest.fixture
    def plain(self, clock, monkeypatch):
        """A display whose thread does not run, and a function that gives the lines since."""
        monkeypatch.setattr(threading.Thread, "start", lambda thread: None)
        monkeypatch.setattr(threading.Thread, "join", lambda thread: None)
        stream = io.StringIO()
        display = PlainLines(stream, clock=clock)

        def lines():
            text = stream.getvalue()
            stream.truncate(0)
            stream.seek(0)
            return text.splitlines()

        return display, lines

    def test_a_line_for_each_event(self, plain):
        display, lines = plain
        display.begin(2, 1)
        display.say("two \x1b]0;x\x07\nlines")
        display.trial_started(a_trial("a", label="mlp[\x1b[31m]"), 1, 2)
        display.trial_ended({"trial": "a", "status": "error", "error": "no", "wall_seconds": 60})
        display.trial_started(a_trial("b", seed=3), 2, 2)
        display.trial_ended({"trial": "b", "status": "ok", "fd": 1.0})
        display.close()
        assert lines() == [
            "two  ]0;x ",
            "lines",
            "[1/2] mlp[ [31m] seed 0: started as a",
            "[1/2] mlp[ [31m] seed 0: error: no (0 of 2 done, 1 failed, 1:00 left)",
            "[2/2] mlp × hinge × digits seed 3: started as b",
            "[2/2] mlp × hinge × digits seed 3: ok, fd 1 (1 of 2 done, 1 failed)",
        ]

    def test_a_trial_that_somebody_else_trained_needs_no_start(self, plain):
        display, lines = plain
        display.begin(1, 1)
        row = {"trial": "x-s1-0", "status": "ok", "fd": 2.0, "seed": 1, "architecture": "mlp"}
        display.trial_ended(row | {"loss": "hinge", "regularizer": "none"})
        display.update("x-s1-0", training(0.5))
        assert lines() == ["mlp × hinge seed 1: ok, fd 2"]

    def test_a_running_trial_is_told_of_every_ten_seconds(self, plain, clock):
        display, lines = plain
        display.begin(1, 1)
        display.trial_started(a_trial("a"), 1, 1)
        lines()
        for second in range(1, 31):
            clock.now += 1
            display.update("a", training(second / 100))
        head = "[1/1] mlp × hinge × digits seed 0: "
        assert [line.removeprefix(head).split()[0] for line in lines()] == ["100", "200", "300"]

    def test_many_trials_share_one_line_in_two_seconds(self, plain, clock):
        display, lines = plain
        display.begin(50, 50)
        for number in range(1, 51):
            display.trial_started(a_trial(f"t{number}"), number, 50)
        lines()
        for _ in range(120):
            clock.now += 1
            for number in range(1, 51):
                display.update(f"t{number}", training(0.5))
        heads = [line.split()[0] for line in lines()]
        assert len(heads) == 56
        assert len(set(heads)) == 50

    def test_an_evaluation_that_tells_nothing_is_no_hang(self, plain, clock):
        display, lines = plain
        display.begin(1, 1)
        display.trial_started(a_trial("a"), 1, 1)
        display.update("a", Status("evaluating", 1.0))
        lines()
        clock.now += 40
        display.tell_one()  # as the thread does
        assert lines() == ["[1/1] mlp × hinge × digits seed 0: evaluating 0:40"]

    def test_so_is_a_preparation(self, plain, clock):
        display, lines = plain
        clock.now += 11
        display.tell_one()
        display.tell_one()
        assert lines() == ["preparing 0:11"]

    def test_the_thread_tells_and_ends(self):
        stream = io.StringIO()
        display = PlainLines(stream, every=0.01)
        display.begin(1, 1)
        display.trial_started(a_trial("a"), 1, 1)
        deadline = time.monotonic() + 10
        while "starting" not in stream.getvalue() and time.monotonic() < deadline:
            time.sleep(0.01)
        display.close()
        assert "starting 0:00" in stream.getvalue()
        assert "progress" not in [thread.name for thread in threading.enumerate()]


class Terminal(io.StringIO):
    def isatty(self):
        return True


class TestLiveDisplay:
    @pytest.fixture
    def live(self, monkeypatch):
        """A display, and a function that draws it at a width."""
        monkeypatch.setenv("TERM", "xterm-256color")
        monkeypatch.setenv("COLUMNS", "200")
        monkeypatch.setenv("LINES", "30")
        stream = Terminal()
        display = LiveDisplay(stream)

        def drawn(width=200, height=30):
            console = Console(width=width, height=height, file=io.StringIO())
            monkeypatch.setattr(display, "_console", console)
            console.print(display._draw())
            return console.file.getvalue().splitlines()

        yield display, drawn, stream
        display.close()

    def test_a_row_for_each_running_trial_and_one_for_all(self, live):
        display, drawn, _ = live
        display.begin(3, 2)
        display.trial_started(a_trial("a"), 1, 3)
        display.trial_started(a_trial("b", seed=1), 2, 3)
        display.update("a", training(0.5, d_loss=1.0, g_loss=2.0, quality=3.0))
        first, second, whole = drawn()
        name, percent, bar, *rest = first.split("  ")
        assert (name, percent) == ("mlp × hinge × digits seed 0", "50%")
        assert set(bar.strip()) <= set("━╸╺ ")
        detail = " ".join(" ".join(rest).split())
        assert detail == "500 images 1,000 img/s D 1.000 G 2.000 fd 3"
        assert second.startswith("mlp × hinge × digits seed 1")
        assert second.endswith("starting 0:00")
        assert whole.startswith("grid ")
        assert whole.rstrip().endswith("0 of 3 done")
        display.trial_ended({"trial": "a", "status": "ok", "fd": 1.0})
        (only, whole) = drawn()
        assert "seed 1" in only
        assert "1 of 3 done" in whole

    def test_nobody_can_steer_it(self, live):
        display, drawn, stream = live
        display.begin(1, 1)
        display.trial_started(a_trial("a", label="[bold]x[/bold] \x1b[31m\nnew"), 1, 1)
        display.say("[red]markup[/red] \x1b[2J")
        display.trial_ended({"trial": "a", "status": "crashed", "error": "[/bold]\x1b[2J"})
        display.trial_started(a_trial("a", label="[bold]x[/bold] \x1b[31m\nnew"), 1, 1)
        assert drawn()[0].startswith("[bold]x[/bold] [31m new seed 0")
        assert "[red]markup[/red]" in stream.getvalue()
        assert "[/bold] [2J" in stream.getvalue()

    def test_no_more_rows_than_are_readable(self, live):
        display, drawn, _ = live
        display.begin(20, 20)
        for number in range(20):
            display.trial_started(a_trial(f"t{number}", seed=number), number, 20)
        lines = drawn()
        assert [line.split("  ")[0] for line in lines[:8]] == [
            f"mlp × hinge × digits seed {number}" for number in range(8)
        ]
        assert lines[8].strip() == "and 12 more"
        assert len(lines) == 10
        assert len(drawn(height=6)) == 4

    @pytest.mark.parametrize("width", [200, 120, 100, 80, 60, 40, 20])
    def test_it_fits_the_terminal(self, live, width):
        display, drawn, _ = live
        display.begin(2, 2)
        for number, loss in enumerate(["hinge", "wgan-gp"]):
            label = f"stylegan2[width=32,d_norm=layer] × {loss} × cifar10 × r1[gamma=0.1]"
            display.trial_started(a_trial(loss, seed=number, label=label), number, 2)
            display.update(loss, training(0.5, d_loss=1.0, g_loss=2.0, quality=3.0))
        lines = drawn(width)
        assert len(lines) == 3
        assert all(len(line) <= width for line in lines)
        if width >= 40:  # what tells them apart survives
            assert [line.partition("seed")[2][1] for line in lines[:2]] == ["0", "1"]
        if width >= 60:
            assert [loss in line for loss, line in zip(["hinge", "wgan"], lines, strict=False)]

    def test_before_the_first_trial_and_without_any(self, live):
        display, drawn, _ = live
        assert drawn() == ["preparing 0:00"]
        display.begin(0, 1)
        assert drawn() in ([], [""])


def test_the_display_fits_standard_error(monkeypatch):
    assert make_progress(quiet=True).say("x") is None
    display = make_progress(quiet=False)
    display.close()
    assert isinstance(display, PlainLines)
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setenv("TERM", "dumb")
    display = make_progress(quiet=False)
    display.close()
    assert isinstance(display, PlainLines)
    monkeypatch.setenv("TERM", "xterm")
    display = make_progress(quiet=False)
    display.close()
    assert isinstance(display, LiveDisplay)


@pytest.mark.parametrize("make", [PlainLines, LiveDisplay])
def test_a_terminal_that_has_gone_ends_no_run(make, monkeypatch):
    class Gone(Terminal):
        def write(self, text):
            raise OSError(5, "Input/output error")

        def flush(self):
            raise OSError(5, "Input/output error")

    monkeypatch.setenv("TERM", "xterm")
    display = make(Gone())
    display.begin(1, 1)
    display.say("x")
    display.trial_started(a_trial("a"), 1, 1)
    display.update("a", training(0.5))
    display.trial_ended({"trial": "a", "status": "ok"})
    display.close()


def test_displays_and_estimates_do_without_torch():
    names = ("progress.live_display", "run_status")
    modules = ", ".join(f"ganbench.execution.{name}" for name in names)
    code = f"import sys, {modules}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
