"""Compare ganbench's training with the same training carefully written by hand.

``python benchmarks/plain_loop.py`` prints both rates and both peaks of memory, and their ratios.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import torch

from benchmarks.measuring import repetitions, synchronized
from benchmarks.synthetic import SHAPES, make_cell, make_data, make_trainer
from ganbench.execution.selftest.plain_loop import PlainLoop
from ganbench.testing.speed.device import ENVIRONMENT, bench_device
from ganbench.training.memory import peak_megabytes, reset_peak

ARCHITECTURES = ("mlp", "dcgan")
LOSS, DATASET = "non-saturating", SHAPES["28x28-gray"]
SECONDS_OF_A_ROUND = 0.4
ROUNDS = 15
_MEMORY_STEPS = 5
_ROOT = Path(__file__).parent.parent


@dataclass
class Race:
    """Both trainings in one process, run in turn, so that both see the same load.

    The trainer comes first: it sets the switches of cuDNN and TF32 for the process, so that both
    do the same arithmetic.

    :ivar steps: of each round.
    :ivar plain_seconds: of the plain loop's rounds so far.
    """

    ours: Callable[[int], object]
    plain: Callable[[int], object]
    batch_size: int
    steps: int = 1
    plain_seconds: list[float] = field(default_factory=list)

    @classmethod
    def between(cls, architecture: str, device: torch.device) -> Race:
        cell = make_cell(architecture, LOSS, DATASET)
        trainer = make_trainer(cell, device)
        return cls(
            trainer.time_steps,
            PlainLoop(cell, make_data(cell, device), device).train,
            cell.training.settings.batch_size,
        )

    def warm_up(self) -> None:
        """Warm up, and choose the length of a round."""
        for _ in range(2):
            seconds = _timed(self.ours, self.steps) / self.steps
            _timed(self.plain, self.steps)
            self.steps = repetitions(seconds, SECONDS_OF_A_ROUND)

    def ours_round(self) -> float:
        return _timed(self.ours, self.steps)

    def plain_round(self) -> None:
        self.plain_seconds.append(_timed(self.plain, self.steps))

    def rates(self, ours_seconds: float) -> dict[str, float]:
        """Images per second of both, and ours over plain, by the median rounds."""
        images = self.batch_size * self.steps
        plain_seconds = statistics.median(self.plain_seconds)
        return {
            "images_per_second": images / ours_seconds,
            "plain_images_per_second": images / plain_seconds,
            "rate_ratio": plain_seconds / ours_seconds,
        }


def compare_rates(
    architecture: str, device: torch.device, rounds: int = ROUNDS
) -> dict[str, float]:
    """Images per second of both, and ours over plain."""
    race = Race.between(architecture, device)
    race.warm_up()
    ours = []
    for _ in range(rounds):
        race.plain_round()
        ours.append(race.ours_round())
    return race.rates(statistics.median(ours))


def compare_memory(architecture: str, device: torch.device) -> dict[str, float]:
    """Peak MiB of both, each in a process of its own, and ours over plain.

    On the CPU a peak is the whole process's, and ``growth`` what it grew by from the moment when
    all was imported; on a GPU both are what was allocated there.
    """
    ours, plain = (_peak_in_subprocess(who, architecture, device) for who in ("ours", "plain"))
    return {
        "peak_mb": ours["peak"],
        "plain_peak_mb": plain["peak"],
        "memory_ratio": ours["peak"] / plain["peak"],
        "growth_ratio": ours["growth"] / plain["growth"],
    }


def _timed(train: Callable[[int], object], steps: int) -> float:
    start = synchronized()
    train(steps)
    return synchronized() - start


def _peak_in_subprocess(who: str, architecture: str, device: torch.device) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.plain_loop", architecture, "--peak-of", who]
    environment = os.environ | {ENVIRONMENT: str(device)}
    done = subprocess.run(
        command, cwd=_ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=True
    )
    peaks: dict[str, float] = json.loads(done.stdout)
    return peaks


def _peak(who: str, architecture: str, device: torch.device) -> dict[str, float]:
    cell = make_cell(architecture, LOSS, DATASET)
    if who == "ours":
        import ganbench.training.trainer  # noqa: F401 - imports do not count as growth
    torch.zeros((), device=device)  # a GPU counts nothing before its first tensor
    reset_peak(device)
    before = peak_megabytes(device)
    if who == "ours":
        make_trainer(cell, device).time_steps(_MEMORY_STEPS)
    else:
        PlainLoop(cell, make_data(cell, device), device).train(_MEMORY_STEPS)
    peak = peak_megabytes(device)
    return {"peak": peak, "growth": peak - before}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("architectures", nargs="*", metavar="ARCHITECTURE", default=ARCHITECTURES)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="pairs of rounds to take")
    parser.add_argument("--peak-of", choices=("ours", "plain"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    device = bench_device()
    if arguments.peak_of:
        print(json.dumps(_peak(arguments.peak_of, arguments.architectures[0], device)))
        return
    for architecture in arguments.architectures:
        rates = compare_rates(architecture, device, arguments.rounds)
        memory = compare_memory(architecture, device)
        print(
            f"{architecture} on {device}: "
            f"{rates['images_per_second']:,.0f} images/s against "
            f"{rates['plain_images_per_second']:,.0f}, ratio {rates['rate_ratio']:.3f}; "
            f"{memory['peak_mb']:.0f} MiB against {memory['plain_peak_mb']:.0f}, "
            f"ratio {memory['memory_ratio']:.3f} (growth {memory['growth_ratio']:.3f})"
        )


if __name__ == "__main__":
    main()
