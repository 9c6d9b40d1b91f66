"""Pairs for translation whose sources are computed from the targets."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import ClassVar

from ganbench import DataSpec, ImageData, UsageError, option
from ganbench_datasets.derived import Derived


class Colorization(Derived):
    """Gray versions of color images, paired with the originals: colorization[of=cifar10].

    The sources are the targets' luma: 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601).
    """

    called: ClassVar[str] = "colorization"

    def _check(self, spec: DataSpec) -> None:
        super()._check(spec)
        if spec.channels != 3:
            raise UsageError(
                f"{self.called} needs color images, but {self.of} has {spec}: use color images, "
                f"or edges[of={self.of}]"
            )

    def _derived_spec(self, spec: DataSpec, root: Path) -> DataSpec:
        return dataclasses.replace(spec, source_channels=1, pairing="paired")

    def _derived(self, data: ImageData) -> ImageData:
        from ganbench_datasets.image_maps import luma

        return dataclasses.replace(data, sources=luma(data.images), paired=True)


class Edges(Derived):
    """Edge maps of images, paired with the originals: edges[of=fashion-mnist].

    The sources are white lines on black, one channel: where the gradient of the luma by Sobel's
    operator, in steps of brightness, reaches the threshold and is greatest across the line.
    """

    called: ClassVar[str] = "edges"

    threshold: int = option(
        48, "steps of brightness that make an edge; 0: the gradient itself, as gray", ge=0, le=255
    )

    def _check(self, spec: DataSpec) -> None:
        super()._check(spec)
        if spec.channels not in (1, 3):
            raise UsageError(f"{self.called} needs gray or color images, but {self.of} has {spec}")

    def _derived_spec(self, spec: DataSpec, root: Path) -> DataSpec:
        return dataclasses.replace(spec, source_channels=1, pairing="paired")

    def _derived(self, data: ImageData) -> ImageData:
        from ganbench_datasets.image_maps import edges

        return dataclasses.replace(data, sources=edges(data.images, self.threshold), paired=True)
