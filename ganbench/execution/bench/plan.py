"""What a session measures, how much of it, and what comes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ganbench.execution.bench.child import Child, Side
from ganbench.execution.bench.verdict import MARGIN

_DEVICE, _DATA = "GANBENCH_BENCH_DEVICE", "GANBENCH_DATA"


@dataclass(frozen=True)
class Plan:
    """How much is measured.

    :ivar rounds: in each of which both versions are measured once.
    :ivar launches: how often both versions get a new process; twice as often where the interval is
        still wider than the margin on either side.
    :ivar margin: a smaller change is not called one, as a share.
    :ivar workloads: those to time; all if it is empty.
    :ivar threads: of torch.
    :ivar device: by default the GPU if there is one, else the CPU.
    :ivar data_dir: the data folder, if not the usual one.
    """

    rounds: int = 12
    launches: int = 3
    margin: float = MARGIN
    workloads: tuple[str, ...] = ()
    threads: int = 1
    device: str | None = None
    data_dir: str | None = None

    @property
    def most_launches(self) -> int:
        return 2 * self.launches

    def start(self, side: Side) -> Child:
        """A process of a side."""
        settings = {_DEVICE: self.device, _DATA: self.data_dir}
        environment = {**side.environment, **{k: v for k, v in settings.items() if v is not None}}
        return Child(replace(side, environment=environment), self.threads)


@dataclass(frozen=True)
class Target:
    """What to time: a component, or a suite in a file.

    :ivar name: as people wrote it.
    :ivar key: no other target has it.
    :ivar request: of `ganbench.testing.speed.worker` that makes it.
    """

    name: str
    key: str
    request: Mapping[str, str]

    @classmethod
    def of_spec(cls, kind: str, spec: str) -> Target:
        key = f"{kind} {spec}"
        return cls(spec, key, {"do": "open", "target": key, "kind": kind, "spec": spec})

    @classmethod
    def of_class(cls, file: str, name: str) -> Target:
        key = f"{file}::{name}"
        return cls(name, key, {"do": "open_class", "target": key, "file": file, "name": name})


@dataclass
class Timed:
    """The measurements of one workload of a component: seconds of a call, by launch.

    :ivar workload: empty where the component could not be made.
    :ivar what: what was timed.
    :ivar amount: of ``unit`` in a call.
    :ivar waiting: the shares of the time that other programs took away.
    :ivar new: whether the baseline does not have the component.
    :ivar problem: why it cannot be timed.
    """

    target: Target
    workload: str = ""
    what: str = ""
    amount: float = 1
    unit: str = "calls"
    ours: list[list[float]] = field(default_factory=list)
    theirs: list[list[float]] = field(default_factory=list)
    waiting: list[float] = field(default_factory=list)
    new: bool = False
    problem: str = ""
