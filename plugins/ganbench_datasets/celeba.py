"""CelebA."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from ganbench import Dataset, DataSpec, ImageData, Level, option
from ganbench.base.image_files import ImageFolder
from ganbench.base.vision import import_torchvision
from ganbench_datasets.decoded import decoded_images
from ganbench_datasets.decoding import notes_on_broken
from ganbench_datasets.downloads import diagnosis, obtain

if TYPE_CHECKING:
    import torch

_FILES = (
    "the folder img_align_celeba (202,599 JPEG files) and the files list_eval_partition.txt, "
    "identity_CelebA.txt, list_attr_celeba.txt, list_bbox_celeba.txt and "
    "list_landmarks_align_celeba.txt"
)


class CelebA(Dataset):
    """Aligned faces, color, 162,770 + 19,962 images, without classes (attributes are ignored).

    The central 178x178 of the 178x218 pixels, resized with Lanczos. The validation split is not
    used.
    """

    paper = "Liu, Luo, Wang and Tang, 2015, arXiv:1411.7766"
    extractor: ClassVar[str] = "inception-v3-compat"
    recommends: ClassVar[Mapping[str, Any]] = {"flip": True}

    size: int = option(64, "pixels a side", ge=8)

    def spec(self, root: Path) -> DataSpec:
        return DataSpec(3, self.size, self.size)

    def diagnose(self, root: Path, cache: Path) -> Iterable[tuple[Level, str]]:
        return diagnosis("CelebA", [root / "celeba" / "img_align_celeba"])

    def load(
        self, split: Literal["train", "test"], root: Path
    ) -> ImageData | torch.utils.data.Dataset[Any]:
        """The faces of a split."""
        from ganbench_datasets.samples import as_samples

        loader = import_torchvision().datasets.CelebA
        place = root.absolute() / "celeba"
        data = obtain(
            "CelebA",
            lambda download: loader(str(root), split=split, download=download),
            root,
            f"put {_FILES} into {place}",
        )
        images = place / "img_align_celeba"
        files = ImageFolder(images, data.filename)
        decoded = decoded_images(files, range(len(data.filename)), self.size, 3, split)
        return as_samples(decoded, None, (), notes_on_broken(data.filename, decoded.broken, images))
