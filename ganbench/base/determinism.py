"""Which operations of PyTorch give other bits in every run, and what keeps the others equal.

PyTorch warns of the operations that it knows. A kernel of a plugin's own that adds in any order gives
no warning, so nobody but its author can know.
"""

from __future__ import annotations

import contextlib
import os
import re
import warnings
from collections.abc import Callable
from typing import Any, Self, TextIO

#: Variable: PyTorch's compiler chooses kernels without timing them.
COMPILER = "TORCHINDUCTOR_DETERMINISTIC"
#: Variables that libraries read when they start. Without the first, cuBLAS may add in another order on
#: each stream.
VARIABLES = {"CUBLAS_WORKSPACE_CONFIG": ":4096:8", COMPILER: "1"}
#: Stands for the operations that differ because `VARIABLES` came too late.
CUBLAS = "cuBLAS"

_NO_WAY, _TOO_LATE = "does not have a deterministic implementation", "because it uses CuBLAS"
_FILTER = f".*({_NO_WAY}|{_TOO_LATE})"
_OPERATION = re.compile(rf"\s*(.+?) {_NO_WAY}")


def set_variables() -> None:
    """Set `VARIABLES` that are not set; call it before CUDA starts."""
    for name, value in VARIABLES.items():
        os.environ.setdefault(name, value)


class NondeterminismWatch:
    """Hears PyTorch's warnings of operations that are not deterministic, while the context lasts.

    PyTorch gives them under ``use_deterministic_algorithms(True, warn_only=True)``. Other warnings go
    where they went before. A step without such an operation costs nothing.

    :param tell: receives the name of each such operation once, such as ``put_``.
    """

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._seen: set[str] = set()
        self._others: Callable[..., Any] = warnings.showwarning
        self._scope: warnings.catch_warnings[Any] | None = None

    def __enter__(self) -> Self:
        self._scope = warnings.catch_warnings()
        self._scope.__enter__()
        self.renew()
        return self

    def __exit__(self, *error: Any) -> None:
        assert self._scope is not None
        self._scope.__exit__(*error)

    def renew(self) -> None:
        """Come first again, if other code has changed who hears warnings."""
        if warnings.showwarning != self._hear:
            self._others, warnings.showwarning = warnings.showwarning, self._hear
        first = warnings.filters[0] if warnings.filters else None
        if first is None or getattr(first[1], "pattern", None) != _FILTER:
            warnings.filterwarnings("always", message=_FILTER)

    def _hear(
        self,
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        operation = operation_of(str(message))
        if operation is None:
            self._others(message, category, filename, lineno, file, line)
        elif operation not in self._seen:
            self._seen.add(operation)
            with contextlib.suppress(Exception):  # components may have closed the stream
                print(f"{filename}:{lineno}: {operation} is not deterministic here: another run with "
                      "the same seed may give other bits")  # fmt: skip
            self._tell(operation)


def operation_of(warning: str) -> str | None:
    """The operation that a warning of PyTorch's names as not deterministic, or None."""
    found = _OPERATION.match(warning)
    if found is not None:
        return found[1]
    return CUBLAS if _TOO_LATE in warning else None
