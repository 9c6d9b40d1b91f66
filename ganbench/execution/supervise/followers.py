"""The other processes of a trial that several train: starting, watching and ending them.

This process leads them: it is replica 0. They are its children, in its process group, with the
environment variables of ``torchrun``; `ganbench.execution.supervise.follower` is their program.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from types import TracebackType
from typing import Any, Self

import psutil
import torch

from ganbench.base.determinism import VARIABLES
from ganbench.base.errors import (
    InterruptedTraining,
    LeaseLostError,
    ReplicaLostError,
    StorageError,
)
from ganbench.execution.supervise.endings import LOST_REPLICA, of_process, oom_kills
from ganbench.execution.supervise.messages import TrialRequest, WorkerSetup
from ganbench.execution.supervise.worker_process import MARK, START, import_path
from ganbench.training.replica_group import HOST, ReplicaGroup, open_store
from ganbench.training.replicas import ALONE, Replicas

_PROGRAM = "ganbench.execution.supervise.follower"
_LEAVE = 10.0  # seconds that followers have to end by themselves
_KNOWN = 5.0  # seconds until the end of a lost process is known
_NOTICE = 15.0  # seconds for this process to notice that it waits for a lost one
#: After these, the trial goes on some other time: followers may end in peace.
_PEACEFUL = (InterruptedTraining, LeaseLostError, StorageError)


class Followers:
    """Replicas 1, 2, … of one attempt at a trial; a context that ends them.

    :param count: of all replicas.
    """

    def __init__(self, setup: WorkerSetup, order: TrialRequest, count: int) -> None:
        self._setup, self._order, self._count = setup, order, count
        self._processes: dict[int, subprocess.Popen[bytes]] = {}
        self._group: ReplicaGroup | None = None
        self._over = threading.Event()
        self._watch = threading.Thread(target=self._end_if_stuck, daemon=True)
        self._kills = oom_kills()

    def __enter__(self) -> Self:
        """Start them: they load the data while this process does."""
        if self._count > 1:
            self._before = dict(os.environ)
            self._store = open_store()
            os.environ.update(self._environment(0))
            try:
                for rank in range(1, self._count):
                    self._processes[rank] = self._start(rank)
            except BaseException:
                self._close()
                raise
            self._watch.start()
        return self

    def join(self, device: torch.device) -> Replicas:
        """Wait until they have their data; the replicas of the trial, as this process sees them.

        :raises ReplicaLostError: if one of them ends before.
        """
        if self._count == 1:
            return ALONE
        while not all(self._store.check([f"ready/{rank}"]) for rank in self._processes):
            if self._ended():
                raise ReplicaLostError("a replica ended before the trial began")
            time.sleep(0.02)
        self._group = ReplicaGroup(self._store, 0, self._count, device, self._all_live)
        return self._group

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End them.

        :raises ReplicaLostError: which names the lost one, if that is what ended the trial.
        """
        if self._count == 1:
            return
        lost, peaceful = None, error is None or isinstance(error, _PEACEFUL)
        try:
            if peaceful:
                self._let_end()
            elif isinstance(error, ReplicaLostError):
                lost = self._lost()
        finally:
            self._close()
            self._watch.join()
            # Those of a GPU may wait for each other; its worker is not used again after an error.
            if self._group is not None and (peaceful or not self._group.on_gpu):
                with contextlib.suppress(RuntimeError):
                    self._group.leave()
        if lost is not None:
            raise lost from error

    def _close(self) -> None:
        """End all processes, and leave the environment as it was."""
        self._over.set()
        for process in self._processes.values():
            process.kill()
            process.wait()
        for name in self._environment(0):
            os.environ.pop(name, None)
            if name in self._before:
                os.environ[name] = self._before[name]

    def _start(self, rank: int) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-P", "-u", "-c", START.format(_PROGRAM)]
        process = subprocess.Popen(
            [*command, json.dumps(import_path())],
            stdin=subprocess.PIPE,
            stdout=sys.stdout.fileno(),
            stderr=subprocess.STDOUT,
            env={**VARIABLES, **os.environ, **self._environment(rank)},
        )
        document = {
            "setup": self._setup.as_dict(),
            "request": vars(self._order),
            "threads": torch.get_num_threads(),
            "parent": os.getpid(),
        }
        assert process.stdin is not None
        with contextlib.suppress(OSError), process.stdin as messages:  # whoever waits finds out
            messages.write(json.dumps(document).encode())
        return process

    def _environment(self, rank: int) -> dict[str, str]:
        """The variables that ``torchrun`` sets, and that keep the CPU's traffic on this machine."""
        known = {
            "RANK": rank,
            "LOCAL_RANK": rank,
            "WORLD_SIZE": self._count,
            "LOCAL_WORLD_SIZE": self._count,
            "MASTER_ADDR": HOST,
            "MASTER_PORT": self._store.port,
        }
        inner = (name for name in ("lo", "lo0") if name in psutil.net_if_addrs())
        network = {"GLOO_SOCKET_IFNAME": self._before.get("GLOO_SOCKET_IFNAME", next(inner, None))}
        return {name: str(value) for name, value in (known | network).items() if value is not None}

    def _let_end(self) -> None:
        if self._group is not None:
            with contextlib.suppress(ReplicaLostError):
                self._group.end()
                end = time.monotonic() + _LEAVE
                while len(self._ended()) < len(self._processes) and time.monotonic() < end:
                    time.sleep(0.01)

    def _all_live(self) -> bool:
        return not self._ended()

    def _ended(self) -> dict[int, int]:
        """The exit codes of those that have ended, by rank."""
        codes = {rank: process.poll() for rank, process in self._processes.items()}
        return {rank: code for rank, code in codes.items() if code is not None}

    def _lost(self) -> ReplicaLostError | None:
        """Which replica is lost, and why; None if all of them live."""
        end = time.monotonic() + _KNOWN
        while not self._first_lost() and time.monotonic() < end:
            time.sleep(0.02)
        for rank, code in self._first_lost().items():
            status, why = self._story(rank, code)
            return ReplicaLostError(f"replica {rank} of {self._count}: {why}", status)
        return None

    def _first_lost(self) -> dict[int, int]:
        """Those that have ended for another reason than that another one has."""
        return {rank: code for rank, code in self._ended().items() if code != LOST_REPLICA}

    def _story(self, rank: int, code: int) -> tuple[str, str]:
        """Status and sentence of a replica that has ended."""
        if self._store.check([f"failed/{rank}"]):
            story: dict[str, Any] = json.loads(self._store.get(f"failed/{rank}"))
            return story["status"], story["error"]
        ending = of_process(code, b"", self._kills)
        return ending.status, ending.error

    def _end_if_stuck(self) -> None:
        """End this process if it waits for a lost one on its GPU, which nothing interrupts.

        Only a worker may be ended: its supervisor writes the row. On the CPU, waiting ends by itself.
        """
        while not self._over.wait(0.5):
            if self._ended() and not self._over.wait(_NOTICE) and MARK in os.environ:
                ended = ", ".join(f"replica {rank}: code {c}" for rank, c in self._ended().items())
                print(f"a replica was lost ({ended}), and nothing notices it: this process ends")
                sys.stdout.flush()
                os._exit(LOST_REPLICA)
