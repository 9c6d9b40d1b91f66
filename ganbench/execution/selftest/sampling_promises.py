"""Promises about samples and features: their bits, and the memory that a pass needs."""

from __future__ import annotations

import numpy as np
import torch

from ganbench.evaluation.features import run_pass
from ganbench.evaluation.sampled_source import NOISE, SampledSource
from ganbench.execution.selftest.cells import (
    entries,
    make_cell,
    make_trainer,
    size_of,
)
from ganbench.execution.selftest.extractor import feature_network
from ganbench.execution.selftest.machine import free_bytes
from ganbench.execution.selftest.outcome import Findings, Outcome, Setting
from ganbench.execution.selftest.training_promises import on_families
from ganbench.grid.cell import Cell
from ganbench.training.memory import peak_megabytes, reset_peak
from ganbench.training.sampler import pass_size

_MORE = 3  # samples beyond a whole pass


def same_samples(setting: Setting) -> Outcome:
    """The first samples of a trained generator, drawn as part of fewer and of more."""

    def check(cell: Cell) -> str | None:
        trainer = make_trainer(cell, setting.device)
        trainer.time_steps(1)
        sampler, size = trainer.sampler(), _pass_size(cell)
        size = sampler.available(size)
        few, more = sampler.images(size, NOISE), sampler.images(size + _MORE, NOISE)[:size]
        if not bool(few.isfinite().all()):
            return "samples are not finite"
        return None if torch.equal(few, more) else f"{size} samples differ from the first of more"

    return on_families(setting, check).outcome()


def memory(setting: Setting) -> Outcome:
    """Samples and features at the planned size of a pass, against the free memory."""
    findings = Findings()
    for entry in entries("sampling", setting.quick or not setting.cuda):
        cell = make_cell(entry)
        setting.say(size_of(cell))
        findings.expect(*_fits(cell, setting))
    return findings.outcome()


def _fits(cell: Cell, setting: Setting) -> tuple[str | None, str]:
    """A problem or None, and a sentence with the peak."""
    assert cell.data is not None
    device, count = setting.device, _pass_size(cell)
    trainer = make_trainer(cell, device)
    free = free_bytes(device)
    network = feature_network(cell.data, "extractor", setting)
    source = SampledSource("self-test", trainer.sampler(), count, NOISE)
    # A processor would take minutes for the features of all of them.
    places = np.arange(count if setting.cuda else min(count, network.batch_size))
    reset_peak(device)
    before = peak_megabytes(device)
    try:
        run_pass(source, places, 3, [network], {"features"}, device)
    except RuntimeError as error:
        if "memory" not in str(error):
            raise
        return f"{size_of(cell)}: a pass of {count} samples does not fit in {_gib(free)}", ""
    used = (peak_megabytes(device) - before) * 2**20
    sentence = (
        f"{size_of(cell)}: a pass of {count} samples takes {_gib(used)}, {_gib(free)} are free"
    )
    return None, sentence


def _pass_size(cell: Cell) -> int:
    assert cell.data is not None
    return pass_size(cell.architecture.component, cell.data)


def _gib(amount: float) -> str:
    return f"{amount / 2**30:.2f} GiB"
