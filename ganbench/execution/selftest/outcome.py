"""What a check finds: promises that hold, that are broken, or that cannot be checked here."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from ganbench.base.errors import one_line

if TYPE_CHECKING:
    import torch

T = TypeVar("T")
Result = Literal["held", "broken", "impossible"]


@dataclass(frozen=True)
class Setting:
    """Where and how a check runs.

    :ivar folder: an empty folder of the check's own.
    :ivar say: shows one sentence on the progress.
    """

    device: torch.device
    quick: bool
    folder: Path
    say: Callable[[str], None] = lambda text: None

    @property
    def cuda(self) -> bool:
        return self.device.type == "cuda"


@dataclass(frozen=True)
class Speed:
    """One measured number.

    :ivar of: what was measured, such as a cell with its precision.
    :ivar measure: how, such as ``eager``.
    """

    of: str
    measure: str
    value: float
    unit: str
    note: str = ""


@dataclass(frozen=True)
class Outcome:
    """What a check found.

    :ivar details: sentences; those of what broke come first.
    :ivar cells: in how many cells the promise holds; None where cells are not counted.
    """

    result: Result
    details: tuple[str, ...] = ()
    speeds: tuple[Speed, ...] = ()
    cells: int | None = None

    def as_dict(self) -> dict[str, Any]:
        speeds = [vars(speed) for speed in self.speeds]
        return {**vars(self), "details": list(self.details), "speeds": speeds}

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> Outcome:
        speeds = tuple(Speed(**speed) for speed in document["speeds"])
        return cls(document["result"], tuple(document["details"]), speeds, document["cells"])


@dataclass
class Findings:
    """Collects what the parts of a check find."""

    held: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    speeds: list[Speed] = field(default_factory=list)
    cells: int | None = None

    def expect(self, problem: str | None, good: str = "") -> None:
        """Note a problem, or what is good without one."""
        if problem is not None:
            self.broken.append(problem)
        elif good:
            self.held.append(good)

    def outcome(self) -> Outcome:
        result: Result = "broken" if self.broken else "held"
        return Outcome(result, (*self.broken, *self.held), tuple(self.speeds), self.cells)


class ImpossibleError(Exception):
    """The check cannot be made here; the message is a sentence that says why."""


@dataclass(frozen=True, kw_only=True)
class Check:
    """One check: of something that ganbench promises, or of a speed.

    :ivar meaning: what it means for results if the promise does not hold; empty for a speed.
    :ivar remedy: what avoids that.
    :ivar starts_runs: whether it starts processes that share the device with this one.
    """

    name: str
    title: str
    run: Callable[[Setting], Outcome]
    meaning: str = ""
    remedy: str = ""
    starts_runs: bool = False

    @property
    def promises(self) -> bool:
        """Whether a promise is checked."""
        return bool(self.meaning)


def attempted(check: Check, setting: Setting) -> Outcome:
    """A check's outcome; what it raises is one too."""
    try:
        return check.run(setting)
    except ImpossibleError as error:
        return Outcome("impossible", (str(error),))
    except Exception as error:  # one broken check must not stop the others
        return Outcome("broken", (f"the check failed: {one_line(error)}",))


def each(
    parts: Iterable[T], check: Callable[[T], str | None], name: Callable[[T], str]
) -> Findings:
    """Run a check on each part; it gives the problem of the part, or None."""
    findings, good = Findings(), 0
    for part in parts:
        try:
            problem = check(part)
        except Exception as error:
            problem = f"the check failed: {one_line(error)}"
        findings.expect(None if problem is None else f"{name(part)}: {problem}")
        good += problem is None
    findings.cells = good
    return findings
