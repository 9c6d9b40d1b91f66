"""Trained generators, brought back from a trial's folder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from ganbench.components.architecture import Architecture
from ganbench.components.data import DataSpec
from ganbench.errors import UsageError
from ganbench.grid.settings import TrainingSettings
from ganbench.registry.lookup import Bound, default_registry
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
        return sampler.images(count, "samples", in_turn=True)


def load_trained(folder: TrialFolder) -> Trained:
    """The generator of a trial that has a checkpoint.

    :raises UsageError: if there is none, or its architecture is not installed or has changed.
    """
    identity = folder.read_identity()
    if identity is None:
        raise UsageError(f"trial {folder.id} has no readable trial.json")
    bound = _architecture(identity, folder)
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
    return Trained(folder.id, bound.component, data, generator.eval())


def _architecture(identity: dict[str, Any], folder: TrialFolder) -> Bound:
    """The architecture from the distribution that the trial had it from."""
    try:
        known = identity["architecture"]
        spec = Spec(known["name"], known["options"], known["provider"])
    except (KeyError, TypeError):
        raise UsageError(f"trial {folder.id} has a damaged trial.json: no architecture") from None
    return default_registry().bind("architecture", spec)
