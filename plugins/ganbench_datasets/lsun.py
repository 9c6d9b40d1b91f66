"""LSUN: one category of scenes or things, from its database."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from ganbench import DataNotFoundError, Dataset, DataSpec, ImageData, Level, UsageError, option
from ganbench.base.errors import reason
from ganbench.base.image_files import Encoded, ImageFiles, file_stamp
from ganbench_datasets.decoded import decoded_images
from ganbench_datasets.decoding import notes_on_broken

if TYPE_CHECKING:
    import torch

_PACKAGE = "LSUN needs the package lmdb: pip install 'ganbench[lsun]'"


@dataclass(frozen=True)
class Database(ImageFiles):
    """The images of an LMDB folder, by their keys in hexadecimal digits."""

    def read(self, positions: Sequence[int]) -> Iterator[Encoded]:
        with _opened(self.location) as database, database.begin(buffers=False) as view:
            for position in positions:
                content = view.get(bytes.fromhex(self.names[position]))
                yield Encoded(position, functools.partial(_given, content))

    def stamp(self, position: int) -> str:
        return file_stamp(self.location / "data.mdb")


class Lsun(Dataset):
    """One category of LSUN, such as bedroom or church_outdoor: color, without classes.

    Read from the databases <category>_train_lmdb and <category>_val_lmdb, as the authors' download.py
    and unzip give them; the validation set of 300 images is the test split. Some categories have
    millions of images: ``images`` takes the first ones only.
    """

    paper = "Yu, Seff, Zhang, Song, Funkhouser and Xiao, 2015, arXiv:1506.03365"
    extractor: ClassVar[str] = "inception-v3-compat"
    recommends: ClassVar[Mapping[str, Any]] = {"flip": True}

    category: str = option("bedroom", "category, such as church_outdoor or cat")
    size: int = option(64, "pixels a side: the central square, resized with Lanczos", ge=8)
    images: int = option(100_000, "the first images of the training split; 0 for all", ge=0)

    def __post_init__(self) -> None:
        if not self.category.strip() or "/" in self.category:
            raise ValueError(f"category is {self.category!r}; name one, such as bedroom")

    def spec(self, root: Path) -> DataSpec:
        return DataSpec(3, self.size, self.size)

    def fingerprint(self, root: Path) -> str:
        """The sizes of both databases; times change when they are copied."""
        stamps = (file_stamp(self._place(s, root) / "data.mdb") for s in ("train", "test"))
        return ":".join(stamp.partition(":")[0] or "missing" for stamp in stamps)

    def diagnose(self, root: Path, cache: Path) -> Iterable[tuple[Level, str]]:
        place = self._place("train", root)
        yield "ok", f"LSUN is in {place}" if place.is_dir() else self._missing(place)

    def load(
        self, split: Literal["train", "test"], root: Path
    ) -> ImageData | torch.utils.data.Dataset[Any]:
        """The images of a split, in the order of their keys."""
        from ganbench_datasets.samples import as_samples

        place = self._place(split, root)
        if not (place / "data.mdb").is_file():
            raise DataNotFoundError(self._missing(place))
        if find_spec("lmdb") is None:
            raise UsageError(_PACKAGE)
        files = Database(place, _keys(place, self.images if split == "train" else 0))
        if not files.names:
            raise DataNotFoundError(f"{place} holds no images")
        purpose = f"{split} {self.images}"
        decoded = decoded_images(files, range(len(files.names)), self.size, 3, purpose)
        return as_samples(decoded, None, (), notes_on_broken(files.names, decoded.broken, place))

    def _place(self, split: Literal["train", "test"], root: Path) -> Path:
        part = "train" if split == "train" else "val"
        return root.absolute() / "lsun" / f"{self.category}_{part}_lmdb"

    def _missing(self, place: Path) -> str:
        return (
            f"LSUN's {self.category} is missing: put the unpacked folder {place.name} (with data.mdb) "
            f"at {place}, or name another data folder"
        )


@contextlib.contextmanager
def _opened(place: Path) -> Iterator[Any]:
    import lmdb

    try:
        with lmdb.open(str(place), readonly=True, lock=False, readahead=False) as database:
            yield database
    except lmdb.Error as error:
        raise DataNotFoundError(f"the database {place} cannot be read: {reason(error)}") from error


def _keys(place: Path, most: int) -> tuple[str, ...]:
    """The first keys, in their order; all for 0."""
    found: list[str] = []
    with _opened(place) as database, database.begin() as view:
        for key in view.cursor().iternext(keys=True, values=False):
            if most and len(found) == most:
                break
            found.append(bytes(key).hex())
    return tuple(found)


def _given(content: bytes | None) -> bytes:
    if content is None:
        raise KeyError("the image is no longer in the database")
    return content
