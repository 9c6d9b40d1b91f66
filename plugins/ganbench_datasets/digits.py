"""The digits of scikit-learn: small enough for a test, real enough for a curve."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from ganbench import Dataset, DataSpec, ImageData, option

_TEST_SHARE = 0.2
_SEED = 0


class Digits(Dataset):
    """Handwritten digits, 8x8 gray, 1,797 images, part of scikit-learn (no download).

    Pixels 0 to 16 become 0 to 255. A fifth of each class, drawn with a fixed seed, is the test
    split: 1,438 and 359 images.
    """

    paper = "Alpaydin and Kaynak, 1998: Optical Recognition of Handwritten Digits, UCI repository"
    extractor: ClassVar[str] = "small-cnn"
    recommends: ClassVar[Mapping[str, Any]] = {"flip": False}

    size: int = option(8, "pixels a side; other than 8: bilinear with antialiasing", ge=8)

    def spec(self, root: Path) -> DataSpec:
        return DataSpec(1, self.size, self.size, classes=10)

    def load(self, split: Literal["train", "test"], root: Path) -> ImageData:
        """The images of a split, in the order of the original file."""
        import torch

        from ganbench_datasets.resizing import resized

        images, target = _read()
        chosen = _in_test(target) == (split == "test")
        pixels = np.rint(images[chosen] * (255 / 16)).astype(np.uint8)
        return ImageData(
            resized(torch.from_numpy(pixels).unsqueeze(1), self.size),
            torch.from_numpy(target[chosen].astype(np.int64)),
            tuple(str(digit) for digit in range(10)),
        )


def _read() -> tuple[np.ndarray, np.ndarray]:
    """All (n, 8, 8) images, 0 to 16, and their classes.

    Read from scikit-learn's file without its code, because its import may take longer than a trial.
    """
    package = importlib.util.find_spec("sklearn")
    for folder in (package.submodule_search_locations or ()) if package else ():
        file = Path(folder) / "datasets" / "data" / "digits.csv.gz"
        if file.is_file():
            table = np.loadtxt(file, delimiter=",")
            return table[:, :-1].reshape(-1, 8, 8), table[:, -1].astype(int)
    from sklearn.datasets import load_digits

    digits = load_digits()
    return digits.images, digits.target


def _in_test(labels: np.ndarray) -> np.ndarray:
    """Which images belong to the test split; RandomState's stream is the same in every NumPy."""
    random = np.random.RandomState(_SEED)
    test = np.zeros(len(labels), dtype=bool)
    for label in np.unique(labels):
        members = random.permutation(np.flatnonzero(labels == label))
        test[members[: round(len(members) * _TEST_SHARE)]] = True
    return test
