"""Rows of numbers that may be too many for memory: a temporary file takes what exceeds a bound."""

from __future__ import annotations

import os
import tempfile
import weakref
from pathlib import Path
from typing import IO

import numpy as np
import torch

from ganbench.errors import StorageError

#: Bytes of rows up to which they are held in memory.
IN_MEMORY = 64 * 2**20
_COPIED = 4096  # rows at a time


class Rows:
    """An (n, width) float32 matrix that is filled in any order, some rows perhaps never.

    What counts as its rows are those that have been filled, in the order of their places.

    :param capacity: how many places there are.
    :param folder: where a temporary file may be made, else where the system has its own; it has no name
        and goes by itself.
    """

    def __init__(self, capacity: int, width: int, folder: Path) -> None:
        self.width = width
        self._filled = np.zeros(capacity, dtype=bool)
        self._where: np.ndarray | None = None
        self._array: np.ndarray | None = None
        self._fileno = -1
        if capacity * width * 4 <= IN_MEMORY:
            self._array = np.empty((capacity, width), np.float32)
            return
        try:
            self._use(_temporary_file(folder))
            if hasattr(os, "posix_fallocate"):  # a disk that is too small shows at once
                os.posix_fallocate(self._fileno, 0, capacity * width * 4)
        except OSError as error:
            raise StorageError.of(folder, error) from None

    @classmethod
    def stored(cls, path: Path, count: int, width: int) -> Rows:
        """Rows that `save` wrote.

        :raises ValueError: if the file has another size.
        """
        rows = cls(0, width, path.parent)
        if path.stat().st_size != count * width * 4:
            raise ValueError(f"{path} has not the size of {count} rows")
        if count * width * 4 <= IN_MEMORY:
            rows._array = np.fromfile(path, np.float32).reshape(count, width)
        else:
            rows._array = None
            rows._use(path.open("rb"))
        rows._filled = np.ones(count, dtype=bool)
        return rows

    def _use(self, file: IO[bytes]) -> None:
        self._fileno = file.fileno()
        weakref.finalize(self, file.close)

    def __len__(self) -> int:
        return int(self._filled.sum())

    def put(self, places: np.ndarray, rows: torch.Tensor) -> None:
        """Fill places, each once; raises StorageError if the disk is full."""
        values = np.ascontiguousarray(rows.detach().cpu().numpy(), np.float32)
        self._filled[places], self._where = True, None
        if self._array is not None:
            self._array[places] = values
            return
        try:
            for place, value in zip(places.tolist(), values, strict=True):
                os.pwrite(self._fileno, value.tobytes(), place * self.width * 4)
        except OSError as error:
            raise StorageError.of("the temporary file of features", error) from None

    def take(self, indices: np.ndarray | torch.Tensor) -> torch.Tensor:
        """(k, width) the rows with these numbers among those that are filled."""
        if self._where is None:
            self._where = np.flatnonzero(self._filled)
        places = self._where[np.asarray(indices)]
        if self._array is not None:
            return torch.from_numpy(self._array[places])
        found = np.empty((len(places), self.width), np.float32)
        for row, place in zip(found, places.tolist(), strict=True):
            content = os.pread(self._fileno, row.nbytes, place * self.width * 4)
            row[:] = np.frombuffer(content, np.float32)
        return torch.from_numpy(found)

    def all(self) -> torch.Tensor:
        """Every row; only for what is known to be small."""
        return self.take(np.arange(len(self)))

    def save(self, path: Path) -> None:
        """Write the filled rows, in one step."""
        temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        try:
            with temporary.open("wb") as file:
                for start in range(0, len(self), _COPIED):
                    part = np.arange(start, min(start + _COPIED, len(self)))
                    file.write(self.take(part).numpy().tobytes())
            os.replace(temporary, path)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            raise StorageError.of(path.parent, error) from None


def _temporary_file(folder: Path) -> IO[bytes]:
    """A file without a name; in the system's own place where the folder cannot be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return tempfile.TemporaryFile(dir=folder)
    except OSError:
        return tempfile.TemporaryFile()
