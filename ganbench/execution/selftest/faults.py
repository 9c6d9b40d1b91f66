"""Components that fail on purpose, for runs that have to survive them."""

from __future__ import annotations

import abc
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch.nn.functional import softplus

from ganbench.components.callback import Callback
from ganbench.components.loss import Loss
from ganbench.registry.hookspecs import hookimpl

#: The file in a trial's folder that names the processes of its attempts, one in a line.
PROCESSES = "processes.jsonl"
#: The variable that names the folder of the file `HELPERS`.
FOLDER_VARIABLE = "GANBENCH_SELFTEST_FOLDER"
#: The file with the process numbers of programs that a stuck loss has started.
HELPERS = "helpers.jsonl"
_TOO_MUCH = 2**50  # bytes


class Faulty(Loss):
    """The logistic loss, with an act that no loss should do."""

    generator_uses_real = False

    @abc.abstractmethod
    def act(self, device: torch.device) -> None:
        """Do it; the tensors lie on the device."""

    def discriminator(self, real: torch.Tensor, fake: torch.Tensor) -> torch.Tensor:
        self.act(real.device)
        return softplus(-real).mean() + softplus(fake).mean()

    def generator(self, real: torch.Tensor, fake: torch.Tensor) -> torch.Tensor:
        return softplus(-fake).mean()


class OutOfMemory(Faulty):
    """Asks for more memory than any device has."""

    def act(self, device: torch.device) -> None:
        torch.empty(_TOO_MUCH, dtype=torch.uint8, device=device)


class Stuck(Faulty):
    """Starts a program and then waits for ever."""

    def act(self, device: torch.device) -> None:
        command = [sys.executable, "-c", "import time; time.sleep(3600)"]
        helper = subprocess.Popen(command, start_new_session=True)
        _append(Path(os.environ[FOLDER_VARIABLE]) / HELPERS, helper.pid)
        while True:
            time.sleep(60)


class NoteProcess(Callback):
    """Writes the process number of every attempt into the trial's folder."""

    def trial_started(self, trial: Mapping[str, Any], folder: Path) -> None:
        _append(folder / PROCESSES, os.getpid())


def read_numbers(path: Path) -> list[int]:
    """The process numbers in a file; empty for a missing one."""
    if not path.exists():
        return []
    return [int(json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]


def _append(path: Path, number: int) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(f"{number}\n")


@hookimpl
def ganbench_losses(register: Callable[..., None]) -> None:
    register("selftest-out-of-memory", OutOfMemory)
    register("selftest-stuck", Stuck)


@hookimpl
def ganbench_callbacks(register: Callable[..., None]) -> None:
    register("selftest-processes", NoteProcess)
