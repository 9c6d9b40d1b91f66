"""The progress that a recorded step is told: a component that reads it cannot be recorded."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any, NoReturn

from ganbench.components.progress import Progress
from ganbench.training.capture import CannotRecordError


class UnreadProgress(Progress):
    """A progress that refuses to be read: what follows from it would stay as it is in a recording."""

    @property
    def images(self) -> int:
        _refuse()

    @property
    def share(self) -> float:
        _refuse()

    def __getitem__(self, index: Any) -> Any:
        _refuse()

    def __iter__(self) -> Iterator[Any]:
        _refuse()


def _refuse() -> NoReturn:
    reader = sys._getframe(2)
    raise CannotRecordError(
        "the training's progress is read within a step: keep what follows from it in a tensor, which "
        f"advance sets, {reader.f_code.co_filename}:{reader.f_lineno}"
    )
