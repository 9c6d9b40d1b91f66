"""The process that carries out checks: one line of JSON for each thing that happens.

A check may spoil the process for those after it, or end it: `conductor` then starts another one.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import torch

from ganbench.base.backends import set_defaults
from ganbench.base.devices import choose_device
from ganbench.execution.event_process import EventPipe
from ganbench.execution.selftest.checks import CHECKS
from ganbench.execution.selftest.machine import describe
from ganbench.execution.selftest.outcome import Setting, attempted


def main() -> None:
    """Its arguments: a pipe for events, a folder, the device, ``quick`` or ``full``, and checks."""
    pipe, folder, device_name, extent, *names = sys.argv[1:]
    events = EventPipe(int(pipe))
    set_defaults()  # before CUDA starts
    device = choose_device(device_name)
    if device.type == "cpu":
        torch.set_num_threads(1)  # as a trial has by default
    events.send(event="machine", machine=describe(device))
    known = {check.name: check for check in CHECKS}
    for name in names:
        events.send(event="began", name=name)
        place = Path(folder) / name
        place.mkdir()
        setting = Setting(device, extent == "quick", place, events.say)
        start = time.perf_counter()
        outcome = attempted(known[name], setting)
        seconds = time.perf_counter() - start
        events.send(event="ended", name=name, seconds=seconds, outcome=outcome.as_dict())
        if outcome.result == "broken" and setting.cuda:
            return  # an error in a kernel spoils CUDA for good


if __name__ == "__main__":
    main()
