"""What a watched piece of code did that a GPU makes slow, wrong or unrepeatable, and where."""

from __future__ import annotations

import contextlib
import functools
import linecache
import os
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import FrameType
from typing import Literal

import torch

Kind = Literal["wait", "mixed devices", "generator", "nondeterministic"]

_HERE = os.path.dirname(os.path.abspath(__file__)) + os.sep
_TORCH = os.path.dirname(os.path.abspath(torch.__file__)) + os.sep


class HostWaitError(RuntimeError):
    """Code that is watched strictly makes the host wait for the device."""


@dataclass(frozen=True)
class Place:
    """A line of code outside PyTorch and outside this package."""

    file: str
    line: int

    @property
    def code(self) -> str:
        """The text of the line."""
        return linecache.getline(self.file, self.line).strip()

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.code}"


_NOWHERE = Place("unknown", 0)


@dataclass(frozen=True)
class Finding:
    """One fault.

    :ivar operation: what was called.
    :ivar advice: what to use instead.
    """

    kind: Kind
    operation: str
    place: Place
    advice: str

    def __str__(self) -> str:
        says = {
            "wait": "makes the host wait for the GPU",
            "mixed devices": "meets tensors of the CPU and of the GPU",
            "generator": "gets a generator of another device",
            "nondeterministic": "may give other bits in every run on a GPU",
        }[self.kind]
        return f"{self.operation} {says}; {self.advice}\n    {self.place}"


@dataclass
class Report:
    """The findings of a watched block, each with the number of times it was seen."""

    counts: Counter[Finding] = field(default_factory=Counter)

    @property
    def findings(self) -> list[Finding]:
        """All of them, in the order in which they came."""
        return list(self.counts)

    @property
    def waits(self) -> list[Finding]:
        """Places that make the host wait for the device."""
        return self._of("wait")

    @property
    def mixed_devices(self) -> list[Finding]:
        """Operations on tensors of two devices; a GPU raises there."""
        return self._of("mixed devices")

    @property
    def wrong_generators(self) -> list[Finding]:
        """Draws from a generator of another device; a GPU raises there."""
        return self._of("generator")

    @property
    def nondeterministic(self) -> list[Finding]:
        """Operations whose results differ from run to run on a GPU."""
        return self._of("nondeterministic")

    def _of(self, kind: Kind) -> list[Finding]:
        return [finding for finding in self.counts if finding.kind == kind]

    def __bool__(self) -> bool:
        return bool(self.counts)

    def __str__(self) -> str:
        return "\n".join(f"{finding} ({n}x)" for finding, n in self.counts.items())


class Watcher:
    """Passes findings on to the reports of the blocks that watch."""

    def __init__(self) -> None:
        self._open: list[tuple[Report, bool]] = []
        self._forward_places: dict[int, Place] = {}

    @property
    def active(self) -> bool:
        """Whether some block watches."""
        return bool(self._open)

    @contextlib.contextmanager
    def watching(self, strict: bool = False) -> Iterator[Report]:
        """See `SimulatedGpu.watching`."""
        opened = Report(), strict
        self._open.append(opened)
        try:
            yield opened[0]
        finally:
            self._open.remove(opened)

    def note(self, kind: Kind, operation: str, advice: str) -> Place:
        """Record a finding at the place that runs now.

        :raises HostWaitError: for a wait in a block that watches strictly.
        """
        place = self.place()
        finding = Finding(kind, operation, place, advice)
        for report, _ in self._open:
            report.counts[finding] += 1
        if kind == "wait" and any(strict for _, strict in self._open):
            raise HostWaitError(str(finding))
        return place

    def remember_forward(self) -> None:
        """Keep the place of an operation for its backward pass.

        Autograd numbers its nodes. It takes the number just before the operation runs, so the first
        operation that runs under a number is the one whose node has it.
        """
        number = torch._C._autograd._get_sequence_nr() - 1
        if number not in self._forward_places:
            self._forward_places[number] = self.place()

    def place(self) -> Place:
        """The line that asked for what runs now; in a backward pass, the line of the forward pass."""
        node = torch._C._current_autograd_node()
        if node is not None:
            known = self._forward_places.get(node._sequence_nr())
            if known is not None:
                return known
        frame: FrameType | None = sys._getframe(1)
        while frame is not None and _is_inner(frame.f_code.co_filename):
            frame = frame.f_back
        return _NOWHERE if frame is None else Place(frame.f_code.co_filename, frame.f_lineno)


@functools.cache
def _is_inner(file: str) -> bool:
    """Whether a file belongs to PyTorch, to this package or to Python's own machinery."""
    return file.startswith((_HERE, _TORCH, "<")) or file == contextlib.__file__
