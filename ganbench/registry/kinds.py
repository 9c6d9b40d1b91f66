"""The kinds of component and the words, hooks and contracts that belong to each."""

from __future__ import annotations

from dataclasses import dataclass

from ganbench.errors import UnknownNameError, did_you_mean


@dataclass(frozen=True)
class Kind:
    """One kind of component.

    ``contract`` is the ``"module:Class"`` that every component of the kind derives from; it is a
    string so that listing components imports nothing. ``constants`` are attributes that the contract
    asks for and leaves to the component: a value there, without an annotation, is right.
    """

    name: str
    plural: str
    hook: str
    contract: str
    constants: frozenset[str] = frozenset()


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind(
            "architecture",
            "architectures",
            "ganbench_architectures",
            "ganbench.components.architecture:Architecture",
            frozenset({"latent_dim"}),
        ),
        Kind("loss", "losses", "ganbench_losses", "ganbench.components.loss:Loss"),
        Kind("dataset", "datasets", "ganbench_datasets", "ganbench.components.dataset:Dataset"),
        Kind(
            "regularizer",
            "regularizers",
            "ganbench_regularizers",
            "ganbench.components.regularizer:Regularizer",
        ),
        Kind(
            "augmentation",
            "augmentations",
            "ganbench_augmentations",
            "ganbench.components.augmentation:Augmentation",
        ),
        Kind(
            "extractor",
            "extractors",
            "ganbench_extractors",
            "ganbench.components.extractor:Extractor",
        ),
        Kind("metric", "metrics", "ganbench_metrics", "ganbench.components.metric:Metric"),
        Kind(
            "callback", "callbacks", "ganbench_callbacks", "ganbench.components.callback:Callback"
        ),
    )
}


def kind_of(word: str) -> Kind:
    """The kind with this singular or plural name; raises UnknownNameError with a suggestion."""
    for kind in KINDS.values():
        if word in (kind.name, kind.plural):
            return kind
    plurals = [kind.plural for kind in KINDS.values()]
    raise UnknownNameError(f"unknown kind of component {word!r}{did_you_mean(word, plurals)}")
