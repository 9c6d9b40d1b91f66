"""Runs of the command line, in processes of their own, for checks of worker processes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomli_w

from ganbench.execution.selftest.bits import Bits, flat
from ganbench.execution.selftest.cells import make_cell, make_trainer, table
from ganbench.execution.selftest.faults import FOLDER_VARIABLE, PROCESSES, read_numbers
from ganbench.execution.selftest.outcome import Setting
from ganbench.execution.selftest.plugin import allowing, announce
from ganbench.store.run_folder import RunFolder
from ganbench.store.trial_folder import TrialFolder
from ganbench.training.state import newest_checkpoint

#: The loss of trials that train as usual.
USUAL: str = table()["worker"]["loss"]
_LIMIT = 900.0  # seconds of a run


@dataclass(frozen=True)
class Ended:
    """A run that has ended.

    :ivar said: the last line that it printed on standard error.
    """

    folder: RunFolder
    code: int
    said: str

    @property
    def rows(self) -> dict[tuple[str, int], Mapping[str, Any]]:
        """The rows by loss and seed."""
        return {(row["loss"], int(row["seed"])): row for row in self.folder.rows()}

    def place(self, loss: str, seed: int) -> TrialFolder:
        """A trial's folder; raises KeyError without a row."""
        return self.folder.trial(self.rows[loss, seed]["trial"])

    def processes(self, loss: str, seed: int) -> list[int]:
        """The processes of a trial's attempts."""
        return read_numbers(self.place(loss, seed).path / PROCESSES)

    def bits(self, loss: str, seed: int) -> Bits:
        """The state of the training in the trial's newest checkpoint."""
        state, problems = newest_checkpoint(self.place(loss, seed).checkpoint_dir)
        if state is None:
            raise RuntimeError("; ".join(problems) or "the trial has no checkpoint")
        return flat(state["trainer"])

    def history(self, loss: str, seed: int) -> Bits:
        """The trial's metrics at every tick."""
        lines = self.place(loss, seed).read_history()
        return flat({f"tick {number}": line for number, line in enumerate(lines)})


def run(
    setting: Setting,
    name: str,
    losses: Sequence[str],
    steps: int,
    *options: str,
    seeds: int = 1,
) -> Ended:
    """Run the cells of the ``worker`` table in worker processes.

    :param name: of the run folder.
    :param options: more options of ``ganbench run``.
    """
    setting.folder.mkdir(parents=True, exist_ok=True)
    grid, out = setting.folder / f"{name}.toml", setting.folder / name
    grid.write_text(tomli_w.dumps(_grid(losses, steps, seeds)), encoding="utf-8")
    command = [
        *(sys.executable, "-m", "ganbench", "run", "--grid", str(grid), "-o", str(out), "--json"),
        *("--device", card(setting), "-c", "selftest-processes", "-j", "1"),
        *(() if setting.cuda else ("--threads", "1")),
        *options,
    ]
    done = subprocess.run(
        command,
        env=_environment(setting.folder),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_LIMIT,
    )
    if done.returncode not in (0, 1):
        raise RuntimeError(f"ganbench run ended with exit code {done.returncode}: {_last(done)}")
    return Ended(RunFolder(out), done.returncode, _last(done))


def reference(setting: Setting, steps: int, seed: int) -> Bits:
    """The bits of the same training in this process, without a worker."""
    trainer = make_trainer(make_cell(table()["worker"], steps), setting.device, seed)
    trainer.time_steps(steps)
    return flat(trainer.state_dict())


def card(setting: Setting) -> str:
    """The device of all runs: one card, where the machine has several."""
    return f"cuda:{setting.device.index or 0}" if setting.cuda else "cpu"


def _grid(losses: Sequence[str], steps: int, seeds: int) -> dict[str, Any]:
    worker = table()["worker"]
    axes = {name: worker[name] for name in ("architecture", "dataset")}
    return {
        "grid": {**axes, "loss": list(losses), "seeds": seeds},
        "budget": {"steps": steps},
        "training": worker["training"],
        "evaluation": worker["evaluation"],
    }


def _environment(folder: Path) -> dict[str, str]:
    site = announce(folder / "site")
    path = [str(site), *filter(None, [os.environ.get("PYTHONPATH")])]
    own = {
        "PYTHONPATH": os.pathsep.join(path),
        "GANBENCH_CACHE": str(folder / "cache"),
        FOLDER_VARIABLE: str(folder),
    }
    return allowing(os.environ) | own


def _last(done: subprocess.CompletedProcess[str]) -> str:
    lines = done.stderr.strip().splitlines()
    return lines[-1] if lines else "it printed nothing"
