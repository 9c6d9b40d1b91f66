"""Trained generators, brought back from a trial's folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ganbench.components.architecture import TRANSLATION, Architecture
from ganbench.components.data import DataSpec, ImageData
from ganbench.components.progress import Progress
from ganbench.errors import UsageError
from ganbench.grid.settings import TrainingSettings
from ganbench.registry.lookup import Bound, default_registry
from ganbench.registry.specs import Spec
from ganbench.results.store import TrialFolder
from ganbench.training.precision import Arithmetic
from ganbench.training.sampler import LatentSampler, TranslationSampler
from ganbench.training.state import newest_checkpoint

_CPU = torch.device("cpu")
_PLAIN = Arithmetic(TrainingSettings(), _CPU)


@dataclass(frozen=True)
class Trained:
    """A trial's averaged generator."""

    trial: str
    architecture: Architecture
    data: DataSpec
    generator: torch.nn.Module
    progress: Progress

    @property
    def translates(self) -> bool:
        """Whether the generator needs images to translate."""
        return self.architecture.task in TRANSLATION

    def sample(self, count: int, seed: int = 0, truncation: float | None = None) -> torch.Tensor:
        """``count`` samples (n, c, h, w) in [-1, 1]; classes in turn for conditional ones.

        :raises UsageError: for a truncation that the architecture does not have.
        """
        if truncation is not None and not self.architecture.truncates:
            raise UsageError(f"the architecture of trial {self.trial} has no truncation")
        labels = None
        if self.architecture.task == "class-conditional":
            labels = torch.arange(self.data.classes)
        sampler = LatentSampler(
            self.architecture, self.generator, seed, _CPU, _PLAIN, self.progress, labels
        )
        return sampler.images(count, "samples", in_turn=True, truncation=truncation)

    def translate(self, sources: torch.Tensor, seed: int = 0) -> torch.Tensor:
        """(n, c, h, w) translations in [-1, 1] of uint8 sources; ``seed`` is that of dropout."""
        sampler = TranslationSampler(
            self.architecture, self.generator, seed, _CPU, _PLAIN, self.progress, sources
        )
        return sampler.images(len(sources), "samples")


def load_trained(folder: TrialFolder) -> Trained:
    """The generator of a trial that has a checkpoint.

    :raises UsageError: if there is none, or its architecture is not installed or has changed.
    """
    identity = folder.read_identity()
    if identity is None:
        raise UsageError(f"trial {folder.id} has no readable trial.json")
    bound = _component("architecture", identity, folder)
    state, problems = newest_checkpoint(folder.checkpoint_dir, torch.device("cpu"))
    if state is None:
        why = f": {problems[0]}" if problems else ""
        raise UsageError(f"trial {folder.id} has no checkpoint to sample from{why}")
    data = DataSpec(**state["data"])
    generator = bound.component.build(data).generator
    try:
        generator.load_state_dict(state["trainer"]["averaged"])
    except RuntimeError:
        now, then = bound.info.version, identity["architecture"].get("version")
        raise UsageError(
            f"the weights of trial {folder.id} do not fit {bound.spec} of {bound.info.provider} "
            f"{now}; the trial used version {then}"
        ) from None
    progress = Progress(*state.get("progress", (0, 1.0)))
    return Trained(folder.id, bound.component, data, generator.eval(), progress)


def held_out_images(folder: TrialFolder, root: Path) -> ImageData:
    """The images that a translating trial was evaluated on.

    :param root: the data folder.
    :raises UsageError: if the data set is not installed, or its data is not there.
    """
    identity = folder.read_identity() or {}
    dataset = _component("dataset", identity, folder).component
    data = dataset.load("test" if "test" in dataset.splits else "train", root)
    if not isinstance(data, ImageData) or data.sources is None:
        raise UsageError(f"the data of trial {folder.id} has no images to translate any more")
    return data


def _component(kind: str, identity: dict[str, Any], folder: TrialFolder) -> Bound:
    """A component from the distribution that the trial had it from."""
    try:
        known = identity[kind]
        spec = Spec(known["name"], known["options"], known["provider"])
    except (KeyError, TypeError):
        raise UsageError(f"trial {folder.id} has a damaged trial.json: no {kind}") from None
    return default_registry().bind(kind, spec)
