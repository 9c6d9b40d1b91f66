"""An index of image files before they are decoded: digests, sizes and traits.

It finds broken files within seconds. The cache keeps a line for each file, under a stamp of size, times
and inode, so that the bytes are read only once.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from ganbench.base.errors import StorageError, reason
from ganbench.base.files import write_atomically
from ganbench.base.image_files import Encoded, ImageFiles
from ganbench.base.images import Trait, inspect_image
from ganbench.evaluation.background import in_background

_RECIPE = 2  # raised when the lines change
_FILES_AT_ONCE = 256
_AHEAD, _TOGETHER = 64, 8  # files whose bytes are in memory; files of one task
#: A file that changed this shortly before it was read may change again under the same stamp.
_SETTLED_NS = 2_000_000_000


class Known(NamedTuple):
    """One file: the digest of its bytes, and what `inspect_image` finds or why it fails."""

    digest: str
    width: int
    height: int
    channels: int
    traits: tuple[Trait, ...] = ()
    problem: str = ""


@dataclass
class ImageIndex:
    """The index of all files.

    :ivar content: a hash of the readable files' bytes in the order of their names.
    :ivar broken: position -> reason.
    :ivar sizes: (height, width) -> number of readable files.
    :ivar channels: 1 for gray or 3 for color -> number of readable files.
    :ivar traits: trait -> number of readable files.
    """

    content: str = ""
    broken: dict[int, str] = field(default_factory=dict)
    sizes: Counter[tuple[int, int]] = field(default_factory=Counter)
    channels: Counter[int] = field(default_factory=Counter)
    traits: Counter[Trait] = field(default_factory=Counter)


def index_images(files: ImageFiles, cache: Path, tell: Callable[[int], None]) -> ImageIndex:
    """Inspect every file, or read from the cache what an earlier inspection found.

    :param tell: receives the number of files since its last call.
    """
    memo = _Memo(files, cache)
    found, digest = ImageIndex(), hashlib.sha256()
    for position, known in enumerate(memo.run(tell)):
        if known.problem:
            found.broken[position] = known.problem
            continue
        digest.update(bytes.fromhex(known.digest))
        found.sizes[known.height, known.width] += 1
        found.channels[known.channels] += 1
        found.traits.update(known.traits)
    found.content = digest.hexdigest()
    return found


class _Memo:
    """Walks through the files and the cache side by side: both are sorted."""

    def __init__(self, files: ImageFiles, cache: Path) -> None:
        named = b"%d:%s" % (_RECIPE, os.fsencode(files.location.absolute()))
        place = hashlib.sha256(named).hexdigest()[:32]
        self._files, self._path = files, cache / "surveys" / f"{place}.jsonl"

    def run(self, tell: Callable[[int], None]) -> Iterator[Known]:
        kept = io.StringIO()
        for line, known in self._known(tell):
            kept.write(line)
            yield known
        with contextlib.suppress(OSError, StorageError):  # then the next run reads the files again
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(self._path, kept.getvalue())

    def _known(self, tell: Callable[[int], None]) -> Iterator[tuple[str, Known]]:
        """For each file in order: the line to keep (or ""), and its entry."""
        remembered = self._remembered()
        head = next(remembered, None)
        total = len(self._files.names)
        # Read a sequential archive only once.
        step = total if self._files.sequential else _FILES_AT_ONCE
        for start in range(0, total, step):
            part = range(start, min(start + step, total))
            stamps = [self._files.stamp(position) for position in part]
            seen: dict[int, Known] = {}
            for position, stamp in zip(part, stamps, strict=True):
                name = self._files.names[position]
                while head is not None and head[0] < name:
                    head = next(remembered, None)
                if head is not None and stamp and head[:2] == (name, stamp):
                    seen[position] = head[2]
            tell(len(seen))
            missing = [position for position in part if position not in seen]
            encoded = self._files.read(missing) if missing else ()
            for position, known in in_background(_look, encoded, _AHEAD, _TOGETHER):
                seen[position] = known
                tell(1)
            for position, stamp in zip(part, stamps, strict=True):
                known = seen.get(position, _LOST)
                yield self._line(position, stamp, known), known

    def _line(self, position: int, stamp: str, known: Known) -> str:
        if not stamp or known.problem or not _settled(stamp):
            return ""
        return json.dumps([self._files.names[position], stamp, *known[:5]]) + "\n"

    def _remembered(self) -> Iterator[tuple[str, str, Known]]:
        try:
            with self._path.open(encoding="utf-8") as lines:
                for line in lines:
                    name, stamp, digest, width, height, channels, traits = json.loads(line)
                    yield name, stamp, Known(digest, width, height, channels, tuple(traits))
        except (OSError, ValueError, TypeError):
            return  # absent or damaged: files are inspected again


_LOST = Known("", 0, 0, 0, problem="it is no longer in the archive")


def _look(encoded: Encoded) -> tuple[int, Known]:
    try:
        content = encoded.read()
        head, digest = inspect_image(content), hashlib.sha256(content).hexdigest()
    except Exception as error:  # a damaged archive may raise anything
        return encoded.position, Known("", 0, 0, 0, problem=reason(error))
    return encoded.position, Known(digest, head.width, head.height, head.channels, head.traits)


def _settled(stamp: str) -> bool:
    changed = max(int(part) for part in stamp.split(":")[1:3])
    return time.time_ns() - changed > _SETTLED_NS
