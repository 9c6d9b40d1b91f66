"""What is known of image files before any is decoded: their digests, sizes and traits.

Broken files are found here, where it costs seconds. What is found is remembered in the cache, a line
for each file, under a stamp of size, times and inode, so that the bytes are read once only.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ganbench.evaluation.background import in_background
from ganbench.evaluation.image_files import Encoded, ImageFiles
from ganbench.images import Trait, inspect_image

_RECIPE = 2  # raised when what is remembered changes
_FILES_AT_ONCE = 256
_AHEAD, _TOGETHER = 64, 8  # files whose bytes are in memory; files of one task
#: A file that changed so shortly before it was read may change again under the same stamp.
_SETTLED_NS = 2_000_000_000


class Known(NamedTuple):
    """One file: the digest of its bytes; what `inspect_image` tells, or why it is no image."""

    digest: str
    width: int
    height: int
    channels: int
    traits: tuple[Trait, ...] = ()
    problem: str = ""


@dataclass
class Survey:
    """What is known of all files.

    :ivar content: a hash of the readable files' bytes in the order of their names.
    :ivar broken: position -> reason.
    :ivar sizes: (height, width) -> number of readable files.
    :ivar channels: 1 for grey or 3 for colour -> number of readable files.
    :ivar traits: trait -> number of readable files.
    """

    content: str = ""
    broken: dict[int, str] = field(default_factory=dict)
    sizes: Counter[tuple[int, int]] = field(default_factory=Counter)
    channels: Counter[int] = field(default_factory=Counter)
    traits: Counter[Trait] = field(default_factory=Counter)


def survey(files: ImageFiles, cache: Path, tell: Callable[[int], None]) -> Survey:
    """Look at every file, or remember what was seen when it was looked at.

    :param tell: told how many files have been looked at since it was last told.
    """
    memo = _Memo(files, cache)
    found, digest = Survey(), hashlib.sha256()
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


def reason_of(error: Exception) -> str:
    """Why a file cannot be read, on one line."""
    return " ".join(str(error).split()) or type(error).__name__


class _Memo:
    """Goes through files and through what is remembered of them side by side: both are sorted."""

    def __init__(self, files: ImageFiles, cache: Path) -> None:
        named = b"%d:%s" % (_RECIPE, os.fsencode(files.location.absolute()))
        place = hashlib.sha256(named).hexdigest()[:32]
        self._files, self._path = files, cache / "surveys" / f"{place}.jsonl"

    def run(self, tell: Callable[[int], None]) -> Iterator[Known]:
        temporary = self._path.with_name(f".{self._path.name}.{os.getpid()}.tmp")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            out = temporary.open("w", encoding="utf-8")
        except OSError:  # nothing can be remembered
            yield from (known for _, known in self._known(tell))
            return
        try:
            with out:
                for line, known in self._known(tell):
                    out.write(line)
                    yield known
            os.replace(temporary, self._path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise

    def _known(self, tell: Callable[[int], None]) -> Iterator[tuple[str, Known]]:
        """For each file in order the line to remember, or "", and what is known."""
        remembered = self._remembered()
        head = next(remembered, None)
        total = len(self._files.names)
        # An archive that is read from its beginning each time is read once.
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
            missing = np.array([p for p in part if p not in seen], dtype=np.int64)
            encoded = self._files.read(missing) if len(missing) else ()
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
            return  # absent or damaged: looked at afresh


_LOST = Known("", 0, 0, 0, problem="it is not in the archive any more")


def _look(encoded: Encoded) -> tuple[int, Known]:
    try:
        content = encoded.read()
        head, digest = inspect_image(content), hashlib.sha256(content).hexdigest()
    except Exception as error:  # a damaged archive may raise anything
        return encoded.position, Known("", 0, 0, 0, problem=reason_of(error))
    return encoded.position, Known(digest, head.width, head.height, head.channels, head.traits)


def _settled(stamp: str) -> bool:
    changed = max(int(part) for part in stamp.split(":")[1:3])
    return time.time_ns() - changed > _SETTLED_NS
