"""A place at a URL through which nodes and driver hand each other files."""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Iterator
from typing import Any

from ganbench.errors import StorageError
from ganbench.registry.guard import one_line


class UrlStore:
    """Files at a URL of whatever kind fsspec knows.

    :param url: a folder of its own, such as ``s3://bucket/ganbench/run``.
    :raises StorageError: if nothing can be written there.
    """

    def __init__(self, url: str) -> None:
        import fsspec

        self._url = url.rstrip("/")
        with self._problems("used"):
            self._files, self._base = fsspec.core.url_to_fs(self._url)
            if "file" in _protocols(self._files):
                os.makedirs(self._base, exist_ok=True)

    def check(self) -> None:
        """Write something, read it, remove it."""
        key = self.put(b"ganbench")
        if self.get(key) != b"ganbench":
            raise StorageError(f"the store {self._url} does not give back what was written to it")
        self.drop(key)

    def put(self, data: bytes) -> str:
        """Keep something; its key."""
        key = uuid.uuid4().hex
        with self._problems("written"):
            self._files.pipe_file(f"{self._base}/{key}", data)
        return key

    def get(self, key: str) -> bytes:
        """What was kept."""
        with self._problems("read"):
            data: bytes = self._files.cat_file(f"{self._base}/{key}")
        return data

    def drop(self, key: str) -> None:
        """Remove what was kept, if it is there."""
        with contextlib.suppress(Exception):
            self._files.rm_file(f"{self._base}/{key}")

    def clear(self) -> None:
        """Remove all of it."""
        with contextlib.suppress(Exception):
            self._files.rm(self._base, recursive=True)

    @contextlib.contextmanager
    def _problems(self, what: str) -> Iterator[None]:
        # Every kind of store has errors of its own.
        try:
            yield
        except Exception as error:
            raise StorageError(
                f"the store {self._url} cannot be {what}: {one_line(error)}"
            ) from None


def _protocols(files: Any) -> tuple[str, ...]:
    known = files.protocol
    return (known,) if isinstance(known, str) else tuple(known)
