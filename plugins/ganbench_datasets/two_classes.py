"""Two classes of a data set as two domains without pairs."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import ClassVar

import ganbench
from ganbench import DataSpec, ImageData, UsageError, option
from ganbench_datasets.derived import Derived

_SHOWN = 20  # class names in a message


class TwoClasses(Derived):
    """Images of class a as sources and of class b as targets: two-classes[of=mnist,a=3,b=8].

    A class is given by its name or by its number, from 0; a name comes first where both exist. The
    targets have one class and no labels. The extractor is the inner data set's; if it learns from
    labels, it learns the inner data set's classes: small-cnn[of=mnist].
    """

    called: ClassVar[str] = "two-classes"

    a: str = option(help="class of the sources: name or number")
    b: str = option(help="class of the targets: name or number")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.a == self.b:
            raise ValueError(f"a and b must be two classes, but both are {self.a}")

    @property
    def extractor(self) -> str:  # type: ignore[override]
        """The inner data set's extractor; if it learns from labels, it uses the inner data set."""
        spec = self.inner.extractor
        extractor = ganbench.get("extractor", spec)
        problem = extractor.problem
        learns = problem(DataSpec(1, 32, 32)) and not problem(DataSpec(1, 32, 32, classes=2))
        if not learns:
            return spec
        return _with_of(spec, self.of) if hasattr(extractor, "of") else "pixels"

    def _check(self, spec: DataSpec) -> None:
        super()._check(spec)
        if spec.classes < 2:
            raise UsageError(f"{self.called} needs data with classes, but {self.of} has none")

    def _derived_spec(self, spec: DataSpec, root: Path) -> DataSpec:
        chosen = (self.a, self.b)
        if not all(name.isdecimal() and int(name) < spec.classes for name in chosen):
            self._numbers(self._images("train", root), spec.classes)  # knows the names
        return dataclasses.replace(
            spec, classes=0, source_channels=spec.channels, pairing="unpaired"
        )

    def _derived(self, data: ImageData) -> ImageData:
        a, b = self._numbers(data, data.spec.classes)
        assert data.labels is not None
        sources, targets = (data.images[data.labels == number] for number in (a, b))
        for name, images in ((self.a, sources), (self.b, targets)):
            if not len(images):
                raise UsageError(f"a split of {self.of} has no images of class {name}")
        return ImageData(targets, notes=data.notes, sources=sources, alpha=data.alpha)

    def _numbers(self, data: ImageData, classes: int) -> tuple[int, int]:
        names = data.class_names or tuple(map(str, range(classes)))
        a, b = (self._number(name, names) for name in (self.a, self.b))
        if a == b:
            raise UsageError(
                f"{self.called}: a={self.a} and b={self.b} are the same class of {self.of}"
            )
        return a, b

    def _number(self, name: str, names: tuple[str, ...]) -> int:
        if name in names:
            return names.index(name)
        if name.isdecimal() and int(name) < len(names):
            return int(name)
        shown = ", ".join(names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")
        raise UsageError(
            f"{self.called}: {self.of} has no class {name}; its {len(names)} classes, from number 0 "
            f"on, are {shown}"
        )


def _with_of(spec: str, of: str) -> str:
    """An extractor's spec with the option ``of``.

    A spec needs no quotes within another: its own brackets and quotes are balanced.
    """
    name, bracket, options = spec.partition("[")
    others = f"{options[:-1]}," if bracket and options[:-1].strip() else ""
    return f"{name}[{others}of={of.strip()}]"
