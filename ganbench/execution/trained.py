"""Trained generators, brought back from a trial's folder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from ganbench.components.architecture import Architecture
from ganbench.components.data import DataSpec
from ganbench.errors import UsageError
from ganbench.grid.settings import TrainingSettings
from ganbench.registry.lookup import default_registry
from ganbench.registry.specs import Spec
from ganbench.results.store import TrialFolder
from ganbench.training.precision import Arithmetic
from ganbench.training.sampler import Sampler
from ganbench.training.state import newest_checkpoint


@dataclass(frozen=True)
class Trained:
    """A trial's averaged generator."""

    trial: str
    architecture: Architecture
    data: DataSpec
    generator: torch.nn.Module

    def sample(self, count: int, seed: int = 0) -> torch.Tensor:
        """``count`` samples (n, c, h, w) in [-1, 1]; classes in turn for conditional ones."""
        device = torch.device("cpu")
        conditional = self.architecture.task == "class-conditional"
        labels = torch.arange(self.data.classes) if conditional else None
        arithmetic = Arithmetic(TrainingSettings(), device)
        sampler = Sampler(self.architecture, self.generator, labels, seed, device, arithmetic)
        return sampler.images(count, "samples")


def load_trained(folder: TrialFolder) -> Trained:
    """The generator of a trial that has a checkpoint.

    :raises UsageError: if there is none, or its architecture is not installed in its version.
    """
    identity = folder.read_identity()
    if identity is None:
        raise UsageError(f"trial {folder.id} has no readable trial.json")
    architecture = _architecture(identity["architecture"])
    state, problems = newest_checkpoint(folder.checkpoint_dir, torch.device("cpu"))
    if state is None:
        why = f": {problems[0]}" if problems else ""
        raise UsageError(f"trial {folder.id} has no checkpoint to sample from{why}")
    data = DataSpec(**state["data"])
    generator = architecture.build(data).generator
    generator.load_state_dict(state["trainer"]["averaged"])
    return Trained(folder.id, architecture, data, generator.eval())


def _architecture(identity: dict[str, Any]) -> Architecture:
    name, colon, rest = identity["name"].rpartition(":")
    provider = name if colon else None
    bound = default_registry().bind("architecture", Spec(rest, identity["options"], provider))
    if bound.info.provider != identity["provider"]:
        raise UsageError(
            f"architecture {identity['name']!r} comes from {bound.info.provider} now, "
            f"and the trial used {identity['provider']}"
        )
    component: Architecture = bound.component
    return component
