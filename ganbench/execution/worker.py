"""A worker process: takes orders as lines of JSON, trains, and tells of it as lines of JSON.

Started by `ganbench.execution.process`; what it prints is the log of the trial at hand. It must not
outlive who started it, and neither must anything that a plugin starts.
"""

from __future__ import annotations

import contextlib
import faulthandler
import json
import os
import queue
import select
import signal
import sys
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ganbench.execution.process import MARK, kill_marked

if TYPE_CHECKING:
    from ganbench.execution.host import TrialHost
    from ganbench.execution.orders import Event, Setup

_READY_TO_DIE = "800"  # of 1000: before anything that a person is using


def main() -> None:
    """Run until the orders end. The arguments are the import path and the events' descriptor."""
    orders, events = _private_pipes(int(sys.argv[2]))
    watchman = _start_watchman(orders)
    faulthandler.enable()
    faulthandler.register(signal.SIGUSR1)
    _be_first_to_die()
    mailbox = Mailbox(events)
    inbox = Inbox(orders)
    threading.Thread(target=inbox.read, daemon=True).start()
    first = inbox.next()
    if first is None:
        return
    host = _make_host(first["setup"], mailbox, inbox)
    mailbox.send({"event": "ready", "pid": os.getpid()})
    while (message := inbox.next()) is not None:
        threads = set(threading.enumerate())
        _carry_out(message, host, inbox)
        if message["do"] == "run":
            # What still runs would slow the next trial down, or write into its log.
            restless = set(threading.enumerate()) - threads
            clean = not (host.tainted or restless or _left_behind(watchman))
            mailbox.send({"event": "idle", "clean": clean})


class Mailbox:
    """Events on their way to the supervisor."""

    def __init__(self, pipe: int) -> None:
        self._pipe, self._owner = pipe, os.getpid()

    def send(self, event: Event) -> None:
        """Tell something.

        A copy of this process, made by a plugin that forked, has no say and ends here: it would train
        the same trial a second time.
        """
        if os.getpid() != self._owner:
            os._exit(0)
        data = json.dumps(event).encode() + b"\n"
        try:
            while data:
                data = data[os.write(self._pipe, data) :]
        except OSError:
            os._exit(os.EX_IOERR)  # nobody can be told any more


class Inbox:
    """Orders from the supervisor, read in a thread so that a stop arrives while a trial runs."""

    def __init__(self, pipe: int) -> None:
        self._pipe = pipe
        self._orders: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._to_stop = ""
        self.trial = ""

    def read(self) -> None:
        """Until the supervisor closes the pipe, by will or by dying."""
        with open(self._pipe, encoding="utf-8", closefd=False) as lines:
            for line in lines:
                message = json.loads(line)
                if message["do"] == "stop":
                    self._to_stop = message["trial"]
                else:
                    self._orders.put(None if message["do"] == "quit" else message)
        self._orders.put(None)
        end_group()

    def stopping(self) -> bool:
        """Whether the trial at hand is to stop."""
        return self._to_stop == self.trial != ""

    def done(self) -> None:
        """The trial at hand has ended."""
        self.trial = self._to_stop = ""

    def next(self) -> dict[str, Any] | None:
        """Wait for the next order; None when there will be no more."""
        return self._orders.get()


def end_group() -> None:
    """End this worker with all that it started."""
    os.killpg(os.getpgid(0), signal.SIGKILL)


def _make_host(setup: dict[str, Any], mailbox: Mailbox, inbox: Inbox) -> TrialHost:
    from ganbench.execution.orders import Setup

    configured = Setup(**setup)
    _limit_memory(configured)
    import torch

    from ganbench.execution.host import TrialHost

    signal.signal(signal.SIGINT, signal.SIG_DFL)  # a plugin's handler is none of ours
    if configured.threads is not None:
        torch.set_num_threads(configured.threads)
    with contextlib.suppress(RuntimeError):
        torch.set_num_interop_threads(1)
    return TrialHost.of(configured, mailbox.send, inbox.stopping)


def _carry_out(message: Mapping[str, Any], host: TrialHost, inbox: Inbox) -> None:
    from ganbench.execution.orders import Order

    host.clean_up()
    if message["do"] == "prepare":
        host.prepare(message["group"], message["trial"])
    else:
        order = Order(**message["order"])
        inbox.trial = order.trial
        host.run(order)
        inbox.done()


def _private_pipes(events: int) -> tuple[int, int]:
    """Descriptors for orders and events that no plugin gets in the way of.

    Standard input is what a plugin may read, so orders move away from there.
    """
    orders = os.dup(0)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    for pipe in (orders, events):
        os.set_inheritable(pipe, False)
    return orders, events


def _start_watchman(orders: int) -> int:
    """A small process that ends the group when the supervisor is gone; its pid.

    A thread could not do it while a plugin keeps the interpreter to itself. It is forked twice, so
    that it is nobody's child that a plugin might wait for.
    """
    telling, told = os.pipe()
    first = os.fork()
    if first == 0:
        watchman = os.fork()
        if watchman == 0:
            _watch(orders)
        os.write(told, str(watchman).encode())
        os._exit(0)
    os.waitpid(first, 0)
    pid = int(os.read(telling, 32))
    os.close(telling)
    os.close(told)
    return pid


def _watch(orders: int) -> None:
    """Wait until nobody holds the other end of the orders' pipe."""
    for descriptor in os.listdir("/proc/self/fd") if os.path.isdir("/proc/self/fd") else range(256):
        if int(descriptor) != orders:
            with contextlib.suppress(OSError):
                os.close(int(descriptor))
    poll = select.poll()
    poll.register(orders, 0)  # only a hang-up: the orders are for the worker
    while not poll.poll():
        continue
    kill_marked(os.environ[MARK], spare=os.getpid())
    end_group()


def _be_first_to_die() -> None:
    """When memory runs out, the kernel shall choose a worker and not the supervisor."""
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
        file.write(_READY_TO_DIE)


def _limit_memory(setup: Setup) -> None:
    if setup.memory_limit is not None:
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (setup.memory_limit, setup.memory_limit))


def _left_behind(watchman: int) -> bool:
    """Whether something that a trial started still runs in this worker's group."""
    own, group = os.getpid(), os.getpgid(0)
    if not os.path.isdir("/proc/self"):
        return False
    for name in os.listdir("/proc"):
        if not name.isdigit() or int(name) in (own, watchman):
            continue
        with contextlib.suppress(OSError, IndexError):
            with open(f"/proc/{name}/stat") as file:
                fields = file.read().rpartition(")")[2].split()
            if int(fields[2]) == group and fields[0] != "Z":
                return True
    return False
