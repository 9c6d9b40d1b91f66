"""A process that trains a trial together with others: it follows the orders of replica 0.

It builds the same cell from the same grid. It evaluates nothing and writes no file; what it prints goes
into the trial's log.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any, NoReturn

import torch

from ganbench.base.errors import ReplicaLostError, UsageError
from ganbench.execution.resources import Resources
from ganbench.execution.supervise.endings import (
    LOST_REPLICA,
    of_exception,
    oom_kills,
    print_traceback,
)
from ganbench.execution.supervise.messages import TrialRequest, WorkerSetup
from ganbench.execution.supervise.process_care import ProcessCare
from ganbench.grid.cell import Trial
from ganbench.grid.grid import Grid
from ganbench.grid.plan import expand
from ganbench.store.run_folder import RunFolder
from ganbench.training.replica_group import ReplicaGroup, connect
from ganbench.training.state import newest_checkpoint
from ganbench.training.trainer import Trainer


def main() -> None:
    """Follow to the end.

    Standard input holds ``setup``, ``request``, the number of ``threads`` and the ``parent``'s number.
    """
    document = json.load(sys.stdin)
    threading.Thread(target=_end_with, args=(document["parent"],), daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # replica 0 decides what follows from it
    torch.set_num_threads(document["threads"])
    kills, rank = oom_kills(), int(os.environ["RANK"])
    store = connect(int(os.environ["MASTER_PORT"]))
    try:
        setup = WorkerSetup.from_dict(document["setup"])
        _follow(setup, TrialRequest(**document["request"]), store, rank)
    except ReplicaLostError as error:
        print(f"replica {rank}: {error}")
        _leave(LOST_REPLICA)
    except BaseException as error:  # a plugin must not hide why it ended
        print_traceback()
        status, sentence = of_exception(error, kills)
        with contextlib.suppress(RuntimeError):
            store.set(f"failed/{rank}", json.dumps({"status": status, "error": sentence}))
        _leave(1)
    _leave(0)


def _follow(setup: WorkerSetup, request: TrialRequest, store: Any, rank: int) -> None:
    device = torch.device(setup.device if setup.device == "cpu" else f"cuda:{rank}")
    if device.type == "cuda":
        torch.cuda.set_device(device)
    trial = _trial(setup, request)
    ProcessCare(device, None)
    resources = Resources(Path(setup.root), Path(setup.cache), device, print, setup.gpu_share)
    data = resources.training_data(trial.cell)
    store.set(f"ready/{rank}", "1")
    group = ReplicaGroup(store, rank, trial.cell.training.settings.replicas, device)
    trainer = Trainer(trial.cell, trial.seed, data, device, replicas=group)
    checkpoints = RunFolder(request.folder).trial(request.trial).checkpoint_dir
    while (order := group.next_order())["do"] != "end":
        if order["do"] == "steps":
            trainer.follow(order["count"], order["train_seconds"])
        elif order["do"] == "random":
            group.hand_over(trainer.random_state())
        elif order["do"] == "restored":
            _restore(trainer, checkpoints, order["steps"])
    group.leave()


def _trial(setup: WorkerSetup, request: TrialRequest) -> Trial:
    planned = request.planned or request.trial
    for trial in expand(Grid.from_dict(setup.grid), Path(setup.root)).trials():
        if trial.planned_id == planned:
            return trial
    raise UsageError(
        f"a replica does not know trial {planned}: data or plugins changed since the run began"
    )


def _restore(trainer: Trainer, checkpoints: Path, steps: int) -> None:
    """Continue the checkpoint that replica 0 continues."""
    state: dict[str, Any] | None = newest_checkpoint(checkpoints)[0]
    if state is None or state["trainer"]["steps"] != steps:
        raise UsageError(f"a replica does not find the checkpoint after {steps} steps")
    trainer.load_state_dict(state["trainer"])
    trainer.load_random_state(state["replicas"][trainer.replicas.rank - 1])


def _end_with(parent: int) -> None:
    """End this process when its parent has ended, whatever it waits for."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(LOST_REPLICA)


def _leave(code: int) -> NoReturn:
    """End at once: libraries' threads may wait for a process that is lost."""
    with contextlib.suppress(Exception):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)
