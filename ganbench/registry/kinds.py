"""The kinds of component and the words, hooks and contracts that belong to each."""

from __future__ import annotations

from dataclasses import dataclass

from ganbench.base.errors import UnknownNameError, did_you_mean


@dataclass(frozen=True)
class Kind:
    """One kind of component.

    :ivar constants: attributes that the contract asks for and leaves to the component: a value there,
        without an annotation, is right.
    """

    name: str
    constants: frozenset[str] = frozenset()

    @property
    def plural(self) -> str:
        """The word for several, as in hooks and listings."""
        return f"{self.name}es" if self.name.endswith("s") else f"{self.name}s"

    @property
    def hook(self) -> str:
        """The hook that contributes components of the kind."""
        return f"ganbench_{self.plural}"

    @property
    def contract(self) -> str:
        """``"module:Class"`` of the base class: text, so that listing components imports nothing."""
        return f"ganbench.components.{self.name}:{self.name.capitalize()}"


_OTHERS = (
    *("loss", "dataset", "regularizer", "augmentation", "optimizer", "schedule"),
    *("extractor", "metric", "callback"),
)
KINDS = {
    "architecture": Kind("architecture", frozenset({"latent_dim"})),
    **{name: Kind(name) for name in _OTHERS},
}
#: A kind -> what else people call it.
_OTHER_WORDS = {
    "architecture": "model models network networks net nets generator generators gan gans arch",
    "loss": "criterion criteria objective objectives",
    "dataset": "data images",
    "regularizer": "penalty penalties regularization regularisation",
    "augmentation": "augment aug transform transforms",
    "optimizer": "optim solver solvers",
    "schedule": "scheduler schedulers lr-schedule",
    "extractor": "features backbone backbones encoder feature-extractor",
    "metric": "score scores measure measures",
    "callback": "tracker trackers logger loggers hook hooks",
}


def kind_of(word: str) -> Kind:
    """The kind with this singular or plural name; raises UnknownNameError with a suggestion."""
    for kind in KINDS.values():
        if word in (kind.name, kind.plural):
            return kind
    said = {
        kind.plural: (kind.name, *_OTHER_WORDS.get(kind.name, "").split())
        for kind in KINDS.values()
    }
    raise UnknownNameError(f"unknown kind of component {word!r}{did_you_mean(word, said, said)}")
