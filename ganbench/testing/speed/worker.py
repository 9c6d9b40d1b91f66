"""The process that times one version of some components, as ``ganbench bench`` asks.

It reads one request as a line of JSON from its standard input, and answers with another line. What a
component prints goes to standard error.
"""

from __future__ import annotations

import importlib.util
import inspect
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from ganbench.base.backends import set_defaults
from ganbench.base.errors import GanbenchError, UnknownNameError, one_line, reason
from ganbench.registry import default_registry
from ganbench.testing.speed.clock import timed
from ganbench.testing.speed.suites import suite_of
from ganbench.testing.speed.workload import ComponentBenchmarks, Work

_NO_CLASS = "has no class with a component that derives from a suite such as LossBenchmarks"


class Worker:
    """What the requests do; each gives the content of its answer."""

    def __init__(self) -> None:
        self._suites: dict[str, ComponentBenchmarks] = {}
        self._work: Work | None = None

    def open(self, target: str, kind: str, spec: str) -> dict[str, Any]:
        """Make the component that a spec names; its workloads, and where its code is."""
        component = default_registry().bind(kind, spec).component
        return self._opened(target, suite_of(kind, component))

    def classes(self, file: str) -> dict[str, Any]:
        """The names of a file's suites."""
        return {"classes": [cls.__name__ for cls in _suites_in(Path(file))]}

    def open_class(self, target: str, file: str, name: str) -> dict[str, Any]:
        """Make a suite of a file; as `open`."""
        (cls,) = (cls for cls in _suites_in(Path(file)) if cls.__name__ == name)
        return self._opened(target, cls())

    def prepare(self, target: str, workload: str) -> dict[str, Any]:
        """Make work ready; what one call takes, about, and what it does."""
        self.close()
        self._work = self._suites[target].prepare(workload)
        seconds = min(timed(self._work, 1, 3).seconds, timed(self._work, 1, 3).seconds)
        return {"seconds": seconds, "amount": self._work.amount, "unit": self._work.unit}

    def time(self, calls: int, runs: int) -> dict[str, Any]:
        """Time the work."""
        assert self._work is not None
        return timed(self._work, calls, runs)._asdict()

    def close(self) -> dict[str, Any]:
        """Let go of the work."""
        if self._work is not None:
            self._work.close()
        self._work = None
        return {}

    def _opened(self, target: str, suite: ComponentBenchmarks) -> dict[str, Any]:
        self._suites[target] = suite
        cls = type(suite.component)
        return {
            "workloads": suite.workloads(),
            "file": inspect.getfile(cls),
            "root": _import_root(cls),
        }


def _import_root(cls: type[Any]) -> str:
    """The folder from which Python imports the class's module or package."""
    parts = cls.__module__.split(".")
    file = Path(inspect.getfile(cls))
    return str(file.parents[len(parts) - (file.name != "__init__.py")])


def _suites_in(file: Path) -> list[type[ComponentBenchmarks]]:
    """The suites that a file defines.

    :raises UsageError: if there are none.
    """
    spec = importlib.util.spec_from_file_location(file.stem, file)
    if spec is None or spec.loader is None:
        raise GanbenchError(f"{file} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[file.stem] = module
    spec.loader.exec_module(module)
    found = [
        one
        for one in vars(module).values()
        if inspect.isclass(one)
        and issubclass(one, ComponentBenchmarks)
        and one.__module__ == file.stem
        and hasattr(one, "component")
    ]
    if not found:
        raise GanbenchError(f"{file} {_NO_CLASS}")
    return found


def main() -> None:
    """Answer requests until there are no more. Its argument: the number of threads."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)  # a component that prints does not disturb the answers
    set_defaults()
    torch.set_num_threads(int(sys.argv[1]))
    worker = Worker()
    for line in sys.stdin:
        request = json.loads(line)
        answer = _answered(getattr(worker, request.pop("do")), request)
        answers.write(json.dumps(answer, default=str) + "\n")
    worker.close()


def _answered(act: Callable[..., dict[str, Any]], request: dict[str, Any]) -> dict[str, Any]:
    try:
        return act(**request)
    except UnknownNameError as error:
        return {"error": reason(error), "unknown": True}
    except (GanbenchError, AssertionError) as error:
        return {"error": reason(error)}
    except Exception as error:
        return {"error": one_line(error)}


if __name__ == "__main__":
    main()
