"""The names of a new plugin: of its component, class, module and distribution."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import keyword
import re
import unicodedata
from dataclasses import dataclass

import ganbench
from ganbench.base.errors import UsageError
from ganbench.registry import default_registry
from ganbench.registry.kinds import Kind
from ganbench.registry.specs import NAME, kebab

_LONGEST = 60


@dataclass(frozen=True)
class Names:
    """All names, from the one that a person gives.

    :ivar component: as specs have it: ``soft-hinge``.
    """

    kind: Kind
    component: str

    @classmethod
    def of(cls, kind: Kind, given: str) -> Names:
        """Names for any text: ``My Hinge`` is the component ``my-hinge``.

        :raises UsageError: for a text that would lose letters or digits, and for names that are taken.
        """
        component = kebab(given)
        if _signs(component) != _signs(given) or not _is_name(component):
            raise UsageError(
                f"bad name {given!r}: give up to {_LONGEST} letters (a to z), digits and hyphens, "
                f"beginning with a letter, such as {_suggested(kind, given)!r}"
            )
        for info in default_registry().components(kind.name).values():
            if info.bare_name == component and _is_installed(info.provider):
                owner = "is built in" if info.builtin else f"is one of {info.provider}"
                raise UsageError(f"{kind.name} {component!r} {owner}: choose another name")
        names = cls(kind, component)
        if (there := importlib.util.find_spec(names.module)) is not None:
            raise UsageError(
                f"bad name {given!r}: the module {names.module} exists already "
                f"({there.origin or 'a folder'}): choose another name, such as "
                f"{f'{component}-{kind.name}'!r}"
            )
        return names

    @property
    def module(self) -> str:
        """``ganbench_soft_hinge``: with the prefix it hides no other module."""
        return f"ganbench_{self.component.replace('-', '_')}"

    @property
    def distribution(self) -> str:
        return f"ganbench-{self.component}"

    @property
    def cls(self) -> str:
        """``SoftHinge``, or ``LossLoss`` where the plain word is Python's or ganbench's."""
        word = "".join(part.capitalize() for part in self.component.split("-"))
        taken = keyword.iskeyword(word) or word in dir(ganbench) or word in _IN_TEMPLATES
        return f"{word}{self.contract}" if taken else word

    @property
    def contract(self) -> str:
        """The class that it derives from."""
        return self.kind.contract.partition(":")[2]

    @property
    def suite(self) -> str:
        """The suite of `ganbench.testing` for its kind."""
        return f"{self.contract}Tests"

    @property
    def benchmarks(self) -> str:
        """The suite of `ganbench.testing` that times its kind."""
        return f"{self.contract}Benchmarks"

    @property
    def title(self) -> str:
        """``soft hinge``."""
        return self.component.replace("-", " ")


#: Other classes in the templates.
_IN_TEMPLATES = ("Path", "Tensor", "Flat", "Generator", "Discriminator", "Descent")


def _is_installed(provider: str) -> bool:
    """Whether a provider is a distribution: a plugin of a single file may become one by this."""
    try:
        importlib.metadata.distribution(provider)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def _signs(text: str) -> str:
    """The letters and digits of a text."""
    return "".join(filter(str.isalnum, text)).lower()


def _is_name(text: str) -> bool:
    return bool(NAME.match(text)) and len(text) <= _LONGEST


def _suggested(kind: Kind, given: str) -> str:
    """The nearest name that can be: ``loss-3d`` for ``3d``, ``uber`` for ``über``."""
    plain = unicodedata.normalize("NFKD", given).encode("ascii", "ignore").decode()
    words = re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")[: _LONGEST - 20].strip("-")
    name = words if words[:1].isalpha() else f"{kind.name}-{words}"
    return name if _is_name(name) else "soft-hinge"
