"""Files on their way between a node that does not see the run folder and the driver."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any, Protocol

from ganbench.execution.courier import Outbox, Piece, digest
from ganbench.execution.url_store import UrlStore

_EVERY = 3.0  # seconds between two parcels, at least
_FETCH = 30.0  # seconds that a file may take
_SHARE = 10  # of the time, at most, goes into packing


class Store(Protocol):
    """Where pieces lie until they are fetched."""

    def put(self, data: bytes) -> Any:
        """Keep something; what is needed to find it."""

    def get(self, key: Any) -> bytes:
        """What was kept."""

    def drop(self, key: Any) -> None:
        """It is not needed any more."""

    def check(self) -> None:
        """Raise StorageError if nothing can be kept there."""

    def clear(self) -> None:
        """Nothing that was kept is needed any more."""


class ObjectStore:
    """Ray's own: what is put there lives as long as who put it remembers its key."""

    def put(self, data: bytes) -> Any:
        import ray

        # In a list: a key on its own would be taken for what it stands for.
        return [ray.put(data)]

    def get(self, key: Any) -> bytes:
        data: bytes = fetched(key[0], _FETCH)
        return data

    def drop(self, key: Any) -> None:
        return

    def check(self) -> None:
        return

    def clear(self) -> None:
        return


def fetched(reference: Any, seconds: float) -> Any:
    """What a reference stands for.

    A task that waits by `ray.get` lends its CPUs to other tasks meanwhile, and trials shall not share
    theirs.

    :raises Exception: if it does not come in time, or never will.
    """
    return reference.future().result(seconds)


def store_of(url: str | None) -> Store:
    """The store at a URL, or Ray's own."""
    return ObjectStore() if url is None else UrlStore(url)


def pack(files: Iterable[tuple[str, bytes]], store: Store) -> list[Piece]:
    """Put files into a store."""
    return [Piece(name, digest(data), store.put(data)) for name, data in files]


class Freight:
    """Sends what changes in a trial's folder, one parcel at a time."""

    def __init__(self, outbox: Outbox, store: Store) -> None:
        self._outbox, self._store = outbox, store
        self._pieces: list[Piece] = []
        self._next = 0.0
        self.under_way = False

    def parcel(self, final: bool = False) -> list[dict[str, Any]]:
        """A message with what has changed; none while another is under way, and none too often.

        :param final: whether the trial has ended.
        """
        begin = time.monotonic()
        if self.under_way or (begin < self._next and not final):
            return []
        self._pieces = pack(self._outbox.changes(final), self._store)
        gone = self._outbox.gone()
        end = time.monotonic()
        self._next = end + max(_EVERY, _SHARE * (end - begin))
        if not self._pieces and not gone:
            return []
        self.under_way = True
        pieces = [tuple(piece) for piece in self._pieces]
        return [{"event": "parcel", "pieces": pieces, "gone": gone}]

    def delivered(self) -> None:
        """The driver has it."""
        for piece in self._pieces:
            self._store.drop(piece.content)
        self._pieces, self.under_way = [], False
