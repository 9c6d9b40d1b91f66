"""A worker process: reads messages, trains, and sends events; `worker_process` starts it.

What it prints is the log of the running trial. It must not outlive the supervisor, and neither must
anything that a plugin starts.
"""

from __future__ import annotations

import contextlib
import faulthandler
import json
import os
import queue
import resource
import select
import signal
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from ganbench.execution.component_objects import adopt_components
from ganbench.execution.supervise.messages import Event, TrialRequest, WorkerSetup
from ganbench.execution.supervise.worker_process import MARK, kill_marked

if TYPE_CHECKING:
    from ganbench.execution.supervise.trial_runner import TrialRunner

_READY_TO_DIE = "800"  # of 1000: before anything that a person is using


def main() -> None:
    """Work until the messages end. The arguments are the import path and the events' descriptor."""
    reading, writing = _private_pipes(int(sys.argv[2]))
    watchdog = _start_watchdog(reading)
    faulthandler.enable()
    faulthandler.register(signal.SIGUSR1)
    # When memory runs out, the kernel shall choose a worker and not the supervisor.
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(_READY_TO_DIE)
    events, messages = _EventPipe(writing), _MessagePipe(reading)
    threading.Thread(target=messages.read, daemon=True).start()
    first = messages.next()
    if first is None:
        return
    runner = _make_runner(WorkerSetup.from_dict(first["setup"]), events, messages)
    events.send({"event": "ready", "pid": os.getpid()})
    while (message := messages.next()) is not None:
        threads = set(threading.enumerate())
        _carry_out(message, runner, messages)
        if message["do"] == "run":
            # What still runs would slow the next trial down, or write into its log.
            restless = set(threading.enumerate()) - threads
            clean = not (runner.process.tainted or restless or _left_behind(watchdog))
            events.send({"event": "idle", "clean": clean})


def _make_runner(setup: WorkerSetup, events: _EventPipe, messages: _MessagePipe) -> TrialRunner:
    limit = setup.options.memory_limit
    if limit is not None:
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    import torch

    from ganbench.execution.supervise.trial_runner import TrialRunner

    for problem in adopt_components(setup.components):
        events.send({"event": "say", "text": f"a component of this session: {problem}"})
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # in place of a plugin's handler
    if setup.threads is not None:
        torch.set_num_threads(setup.threads)
    with contextlib.suppress(RuntimeError):
        torch.set_num_interop_threads(1)
    return TrialRunner(setup, events.send, messages.stopping)


def _carry_out(message: Mapping[str, Any], runner: TrialRunner, messages: _MessagePipe) -> None:
    runner.process.clean_up()
    if message["do"] == "prepare":
        runner.prepare(message["group"], message["trial"])
    else:
        request = TrialRequest(**message["request"])
        messages.trial = request.trial
        runner.run(request)
        messages.done()


class _EventPipe:
    """Events on their way to the supervisor."""

    def __init__(self, pipe: int) -> None:
        self._pipe, self._owner = pipe, os.getpid()

    def send(self, event: Event) -> None:
        """Send an event.

        A copy of this process, which a plugin forked, ends here: it would train the same trial twice.
        """
        if os.getpid() != self._owner:
            os._exit(0)
        data = json.dumps(event).encode() + b"\n"
        try:
            while data:
                data = data[os.write(self._pipe, data) :]
        except OSError:
            os._exit(os.EX_IOERR)  # nobody can hear it any more


class _MessagePipe:
    """Messages from the supervisor; a thread reads them, so that a stop arrives while a trial runs."""

    def __init__(self, pipe: int) -> None:
        self._pipe = pipe
        self._messages: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._to_stop = ""
        self.trial = ""

    def read(self) -> None:
        """Read until the supervisor closes the pipe or dies; then end this worker."""
        with open(self._pipe, encoding="utf-8", closefd=False) as lines:
            for line in lines:
                message = json.loads(line)
                if message["do"] == "stop":
                    self._to_stop = message["trial"]
                else:
                    self._messages.put(None if message["do"] == "quit" else message)
        self._messages.put(None)
        _end_group()

    def stopping(self) -> bool:
        return self._to_stop == self.trial != ""

    def done(self) -> None:
        self.trial = self._to_stop = ""

    def next(self) -> dict[str, Any] | None:
        """Wait for the next message; None after the last one."""
        return self._messages.get()


def _private_pipes(events: int) -> tuple[int, int]:
    """Move the pipes of messages and events out of the plugins' way.

    Plugins may read standard input, so messages move away from there.
    """
    messages = os.dup(0)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    for pipe in (messages, events):
        os.set_inheritable(pipe, False)
    return messages, events


def _end_group() -> None:
    os.killpg(os.getpgid(0), signal.SIGKILL)


def _start_watchdog(messages: int) -> int:
    """Fork the watchdog; its process number.

    A thread could not do its work while a plugin keeps the interpreter to itself. It is forked twice,
    so that no plugin waits for it as for a child.

    :param messages: the pipe from the supervisor.
    """
    reading, writing = os.pipe()
    first = os.fork()
    if first == 0:
        watchdog = os.fork()
        if watchdog == 0:
            _watch(messages)
        os.write(writing, str(watchdog).encode())
        os._exit(0)
    os.waitpid(first, 0)
    pid = int(os.read(reading, 32))
    os.close(reading)
    os.close(writing)
    return pid


def _left_behind(watchdog: int) -> bool:
    """Whether something that a trial started still runs in this worker's group."""
    group, expected = os.getpgid(0), (os.getpid(), watchdog)
    return any(pid not in expected and _runs_in(group, pid) for pid in psutil.pids())


def _runs_in(group: int, pid: int) -> bool:
    with contextlib.suppress(OSError, psutil.Error):  # it has just ended, or is another user's
        return os.getpgid(pid) == group and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return False


def _watch(messages: int) -> None:
    """Wait until nobody holds the other end of the messages' pipe."""
    for descriptor in os.listdir("/dev/fd") if os.path.isdir("/dev/fd") else range(256):
        if int(descriptor) != messages:
            with contextlib.suppress(OSError):
                os.close(int(descriptor))
    poll = select.poll()
    poll.register(messages, 0)  # only a hang-up: the messages are for the worker
    while not poll.poll():
        continue
    kill_marked(os.environ[MARK], spare=os.getpid())
    _end_group()
