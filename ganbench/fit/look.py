"""Look at a folder of images before anything is trained: numbers, sizes, colors, copies, damage."""

from __future__ import annotations

import hashlib
import math
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np

from ganbench.base.errors import DataNotFoundError, UsageError, reason
from ganbench.base.image_files import ImageFiles, open_images, shown
from ganbench.base.images import decode_image, inspect_image
from ganbench.base.text import counted, first_of
from ganbench.store.trial_folder import TrialFolder

#: Files that are read at the most; of more, a fixed choice stands for all.
MOST = 20_000
#: Images under which nothing can be learned, and under which copies are to be expected.
LEAST, FEW = 16, 500
#: Color images that are decoded to find out whether they are gray in truth.
_DECODED = 24
_NAMED = 3
_SEED = 2020


@dataclass(frozen=True)
class FolderFacts:
    """What is in a folder.

    :ivar count: image files; ``looked_at`` of them were read.
    :ivar decoded: files that were decoded in full; of the others, the header was read.
    :ivar readable: of those that were read.
    :ivar side: the median of the smaller side in pixels.
    :ivar smallest: (width, height); likewise ``largest``, by area.
    :ivar sizes: different ones.
    :ivar channels: 1 where all images are gray, else 3.
    :ivar copies: files whose content an earlier one has.
    :ivar broken: name -> why it cannot be read.
    """

    path: Path
    count: int
    looked_at: int
    decoded: int
    readable: int
    side: int
    smallest: tuple[int, int]
    largest: tuple[int, int]
    sizes: int
    channels: int
    copies: int
    broken: dict[str, str]

    def sentences(self, classes: int) -> Iterator[str]:
        """What a person should know."""
        kinds = f" in {classes} classes" if classes else ""
        w, h = self.smallest
        across = f"{w}x{h} pixels"
        if self.sizes > 1:
            across = (
                f"{self.sizes:,} sizes from {w}x{h} to {self.largest[0]}x{self.largest[1]} pixels"
            )
        color = "gray" if self.channels == 1 else "color"
        part = f" (of which {self.looked_at:,} were read)" if self.looked_at < self.count else ""
        count = self.count if part else self.readable
        yield f"{self.path}: {count:,} images{part}{kinds}, {color}, {across}"
        if self.copies:
            yield f"{counted(self.copies, 'image')} of them repeat others byte by byte"
        if self.broken:
            names = [f"{shown(name)} ({why})" for name, why in self.broken.items()]
            yield f"{counted(len(self.broken), 'file')} cannot be read: {first_of(names, _NAMED)}"
        if self.decoded < self.looked_at:
            yield (
                f"{self.decoded:,} of {self.looked_at:,} files were decoded in full; damage in "
                "the others shows when they are loaded"
            )
        if self.readable - self.copies < FEW:
            yield (
                f"{self.readable - self.copies} different images are few: a GAN may copy them, and "
                "more images would help most"
            )

    def record(self) -> dict[str, object]:
        """In JSON's types."""
        kept = {k: list(v) if isinstance(v, tuple) else v for k, v in vars(self).items()}
        return kept | {"path": str(self.path)}


def look(path: Path, seconds: float = math.inf) -> FolderFacts:
    """Decode the images in a folder or an archive, as a data set does, and count them.

    :param seconds: after which only headers are read.
    :raises DataNotFoundError: for a place without images that can be read.
    :raises UsageError: for fewer images than a GAN could learn from, and for pictures of trials.
    """
    if not path.exists():
        raise DataNotFoundError(f"The folder {path} does not exist")
    files = open_images(path)
    _refuse_results(files)
    heads, digests, broken, decoded = _read(files, seconds)
    if not heads:
        name, why = next(iter(broken.items()))
        raise DataNotFoundError(
            f"none of the {counted(len(broken), 'image')} in {path} can be read; the first is "
            f"{shown(name)} ({why})"
        )
    if len(heads) < LEAST:
        raise UsageError(
            f"{path} has {counted(len(heads), 'image')} that can be read; a GAN needs at least {LEAST}, "
            "and learns from hundreds"
        )
    areas = sorted(heads.values(), key=lambda size: size[0] * size[1])
    return FolderFacts(
        path=path,
        count=len(files.names),
        looked_at=len(heads) + len(broken),
        decoded=decoded,
        readable=len(heads),
        side=int(median(min(size[:2]) for size in areas)),
        smallest=areas[0][:2],
        largest=areas[-1][:2],
        sizes=len({size[:2] for size in areas}),
        channels=1 if _all_gray(files, heads) else 3,
        copies=len(digests) - len(set(digests)),
        broken=broken,
    )


def _refuse_results(files: ImageFiles) -> None:
    """Raise UsageError if trials of a run wrote some of the images."""
    if not files.location.is_dir():
        return
    for parent in sorted({name.rpartition("/")[0] for name in files.names}):
        if TrialFolder(str(files.location / parent)).read_identity() is not None:
            raise UsageError(
                f"{files.location} holds a ganbench run, whose pictures are results and no images "
                f"to learn from ({shown(parent) or 'the folder itself'} is a trial); give the folder "
                "of your own images"
            )


def _read(
    files: ImageFiles, seconds: float
) -> tuple[dict[int, tuple[int, int, int]], list[bytes], dict[str, str], int]:
    """Position -> width, height and channels; digests; what cannot be read; how many were decoded."""
    until, decoded = time.monotonic() + seconds, 0
    heads, digests, broken = dict[int, tuple[int, int, int]](), list[bytes](), dict[str, str]()
    for encoded in files.read(_some(len(files.names))):
        whole = time.monotonic() < until
        decoded += whole
        try:
            content = encoded.read()
            head = inspect_image(content)
            if whole:
                decode_image(content)
        except Exception as error:  # a damaged file or archive may raise anything
            broken[files.names[encoded.position]] = reason(error)
            continue
        heads[encoded.position] = (head.width, head.height, head.channels)
        digests.append(hashlib.blake2b(content, digest_size=16).digest())
    return heads, digests, broken, decoded


def _some(count: int, most: int = MOST) -> list[int]:
    if count <= most:
        return list(range(count))
    chosen = np.random.RandomState(_SEED).choice(count, most, replace=False)
    return [int(position) for position in np.sort(chosen)]


def _all_gray(files: ImageFiles, heads: dict[int, tuple[int, int, int]]) -> bool:
    """Whether no image has a color; of color formats, some images are decoded."""
    kinds = Counter(channels for _, _, channels in heads.values())
    if kinds[3] == 0:
        return True
    colored = [position for position, head in heads.items() if head[2] == 3]
    chosen = [colored[place] for place in _some(len(colored), _DECODED)]
    for encoded in files.read(chosen):
        try:
            pixels = decode_image(encoded.read())
        except Exception:  # it counts when the data set is loaded
            continue
        if not (pixels == pixels[..., :1]).all():
            return False
    return True
