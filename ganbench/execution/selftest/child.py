"""The process that carries out checks: one line of JSON for each thing that happens.

A check may spoil the process for those after it, or end it: `conductor` then starts another one.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import torch

from ganbench.base.backends import set_defaults
from ganbench.base.devices import choose_device
from ganbench.execution.selftest.checks import CHECKS
from ganbench.execution.selftest.machine import describe
from ganbench.execution.selftest.outcome import Setting, attempted


def main() -> None:
    """Its arguments: a pipe for events, a folder, the device, ``quick`` or ``full``, and checks."""
    pipe, folder, device_name, extent, *names = sys.argv[1:]
    events = _Events(int(pipe))
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


class _Events:
    """Events on their way to the process that asked."""

    def __init__(self, pipe: int) -> None:
        os.set_inheritable(pipe, False)
        self._pipe = pipe

    def say(self, text: str) -> None:
        self.send(event="say", text=text)

    def send(self, **event: Any) -> None:
        data = json.dumps(event).encode() + b"\n"
        while data:
            data = data[os.write(self._pipe, data) :]


if __name__ == "__main__":
    main()
