"""The names of a new plugin: of its component, class, module and distribution."""

from __future__ import annotations

import keyword
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

        :raises UsageError: for a text without a letter, and for the name of a built-in component.
        """
        component = kebab(given) if any("a" <= c <= "z" for c in given.lower()) else ""
        if not NAME.match(component) or len(component) > _LONGEST:
            raise UsageError(
                f"bad name {given!r}: give up to {_LONGEST} letters, digits and hyphens, beginning "
                "with a letter, such as soft-hinge"
            )
        if component in {info.bare_name for info in default_registry().shipped(kind.name)}:
            raise UsageError(f"{kind.name} {component!r} is built in: choose another name")
        return cls(kind, component)

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
