"""Published data sets of image files, read from the layouts in which their authors give them.

They are not downloaded: most are large, and some need a license. The error says what to put where.
"""

from __future__ import annotations

import abc
import csv
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from ganbench import DataNotFoundError, Dataset, DataSpec, ImageData, Level, option
from ganbench.base.image_files import ImageFiles, open_images
from ganbench_datasets.folder import Folder
from ganbench_datasets.layout import Layout, Split, arrange

if TYPE_CHECKING:
    import torch


class ImageTree(Dataset):
    """A folder of image files whose layout names the splits and the classes.

    :cvar title: the name in messages.
    :cvar advice: what to put there.
    """

    extractor: ClassVar[str] = "inception-v3-compat"
    recommends: ClassVar[Mapping[str, Any]] = {"flip": True}
    title: ClassVar[str]
    advice: ClassVar[str]

    size: int = option(64, "pixels a side: the central square, resized with Lanczos", ge=8)

    @abc.abstractmethod
    def places(self, root: Path) -> list[Path]:
        """Where the images may lie; the first that exists is read."""

    @abc.abstractmethod
    def layout(self, place: Path, files: ImageFiles) -> Layout:
        """The split and the class of each file.

        :raises DataNotFoundError: if the files are not those of the data set.
        """

    def spec(self, root: Path) -> DataSpec:
        """The shape, by the names of the files."""
        return self._folder(root).spec(root)

    def load(self, split: Split, root: Path) -> ImageData | torch.utils.data.Dataset[Any]:
        """The images of a split, in the order of their names."""
        return self._folder(root).load(split, root)

    def fingerprint(self, root: Path) -> str:
        return self._folder(root).fingerprint(root)

    def diagnose(self, root: Path, cache: Path) -> Iterable[tuple[Level, str]]:
        place = self._present(root)
        yield "ok", f"{self.title} is in {place}" if place else self._missing(root)

    def _folder(self, root: Path) -> Folder:
        place = self._present(root)
        if place is None:
            raise DataNotFoundError(self._missing(root))
        folder = _Arranged(path=str(place), size=self.size)
        object.__setattr__(folder, "owner", self)
        return folder

    def _present(self, root: Path) -> Path | None:
        return next((place for place in self.places(root) if place.exists()), None)

    def _missing(self, root: Path) -> str:
        wanted = " or ".join(str(place.absolute()) for place in self.places(root))
        return (
            f"{self.title} is missing: put {self.advice} at {wanted}, or name another data folder"
        )


class _Arranged(Folder):
    """The files of a data set, arranged by it."""

    owner: ClassVar[ImageTree]

    def _find(self, root: Path) -> tuple[ImageFiles, Layout]:
        place = Path(self.path)
        files = open_images(place)
        return files, self.owner.layout(place, files)


class Afhq(ImageTree):
    """Faces of cats, dogs and wild animals, 512x512 color: 14,630 + 1,500 images in three classes."""

    paper = "Choi, Uh, Yoo and Ha, 2020, arXiv:1912.01865"
    title = "AFHQ"
    advice = "the unpacked folder with train and test (or val), each with cat, dog and wild,"

    domain: Literal["all", "cat", "dog", "wild"] = option(
        "all", "one kind of animal alone, without classes"
    )

    def places(self, root: Path) -> list[Path]:
        return [root / "afhq", root / "afhq_v2"]

    def layout(self, place: Path, files: ImageFiles) -> Layout:
        found = arrange(files.names, 0.0)
        if found.class_names != ("cat", "dog", "wild"):
            raise DataNotFoundError(
                f"{place} has not the folders cat, dog and wild below train and test; put {self.advice} "
                "there"
            )
        if self.domain == "all":
            return found
        wanted, labels = found.class_names.index(self.domain), found.labels or ()
        pairs = zip(found.splits, labels, strict=True)
        splits = tuple(split if label == wanted else None for split, label in pairs)
        return Layout(found.names, splits, None, ())


class Ffhq(ImageTree):
    """Faces of people, color, 60,000 + 10,000 images, without classes.

    The 70,000 files are numbered; the last 10,000 are the validation set of the authors, and the test
    split here. Up to 128 pixels a side the thumbnails of 128 pixels are read, where they are there.
    """

    paper = "Karras, Laine and Aila, 2019, arXiv:1812.04948"
    title = "FFHQ"
    advice = "the numbered files 00000.png to 69999.png (in any sub-folders)"
    trained: ClassVar[int] = 60_000

    def places(self, root: Path) -> list[Path]:
        small, large = (root / "ffhq" / n for n in ("thumbnails128x128", "images1024x1024"))
        return [small, large] if self.size <= 128 else [large]

    def layout(self, place: Path, files: ImageFiles) -> Layout:
        numbers = [PurePosixPath(name).stem for name in files.names]
        odd = next((n for n in numbers if not n.isdecimal()), None)
        if odd is not None:
            raise DataNotFoundError(
                f"{place} has a file {odd}; put {self.advice} there, and no others"
            )
        splits: tuple[Split, ...] = tuple(
            "train" if int(n) < self.trained else "test" for n in numbers
        )
        return Layout(tuple(files.names), splits, None, ())


class TinyImageNet(ImageTree):
    """Photographs of 200 kinds of things, 64x64 color: 100,000 + 10,000 images.

    The test split is the validation set, since the labels of the test set are not published.
    """

    paper = "Le and Yang, 2015: Tiny ImageNet Visual Recognition Challenge"
    title = "Tiny ImageNet"
    advice = (
        "the unpacked tiny-imagenet-200.zip (train/<class>/images, val/images and "
        "val/val_annotations.txt)"
    )

    def places(self, root: Path) -> list[Path]:
        return [root / "tiny-imagenet-200"]

    def layout(self, place: Path, files: ImageFiles) -> Layout:
        classes_of = _annotations(place / "val" / "val_annotations.txt", self.advice)
        found: list[tuple[str, Split | None, str]] = []
        for name in files.names:
            head, _, rest = name.partition("/")
            if head == "train":
                found.append((name, "train", rest.partition("/")[0]))
            elif head == "val" and (label := classes_of.get(PurePosixPath(name).name)):
                found.append((name, "test", label))
            else:  # of the test set, which has no labels
                found.append((name, None, ""))
        names = tuple(sorted({label for _, split, label in found if split}))
        number = {name: place for place, name in enumerate(names)}
        labels = tuple(number.get(label, 0) for _, _, label in found)
        return Layout(tuple(files.names), tuple(s for _, s, _ in found), labels, names)


def _annotations(path: Path, advice: str) -> dict[str, str]:
    """File name -> class, of the validation set."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return {line[0]: line[1] for line in csv.reader(file, delimiter="\t") if len(line) > 1}
    except OSError as error:
        raise DataNotFoundError(
            f"{path} cannot be read ({error.strerror}); put {advice} at {path.parent.parent}"
        ) from error
