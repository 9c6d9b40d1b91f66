"""Trained generators, brought back from a trial's folder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ganbench.components.architecture import TRANSLATION, Architecture
from ganbench.components.data import DataSpec, ImageData
from ganbench.components.progress import Progress
from ganbench.errors import UsageError
from ganbench.grid.cell import PROTOCOL
from ganbench.grid.settings import TrainingSettings
from ganbench.registry.info import ComponentInfo
from ganbench.registry.lookup import Bound, default_registry
from ganbench.registry.sources import changed_sources
from ganbench.registry.specs import Spec
from ganbench.results.store import TrialFolder
from ganbench.training.precision import Arithmetic
from ganbench.training.sampler import LatentSampler, Sampler, TranslationSampler
from ganbench.training.state import newest_checkpoint
from ganbench.training.streams import derive_seed

_CPU = torch.device("cpu")
_PLAIN = Arithmetic(TrainingSettings(), _CPU)


@dataclass(frozen=True)
class Trained:
    """A trial's averaged generator.

    :ivar identity: the content of trial.json.
    :ivar doubt: why its images may differ from those of the trial, in a sentence, or None.
    """

    trial: str
    architecture: Architecture
    data: DataSpec
    generator: torch.nn.Module
    progress: Progress
    identity: Mapping[str, Any]
    doubt: str | None = None

    @property
    def translates(self) -> bool:
        """Whether the generator needs images to translate."""
        return self.architecture.task in TRANSLATION

    @property
    def classes(self) -> int:
        """How many classes the generator can be asked for; 0 if for none."""
        return self.data.classes if self.architecture.task == "class-conditional" else 0

    def check_truncation(self) -> None:
        """Raise UsageError if the architecture has none."""
        if self.translates:
            raise UsageError("--truncation is for architectures that start from latents")
        if not self.architecture.truncates:
            raise UsageError(f"the architecture of trial {self.trial} has no truncation")

    def sampler(
        self,
        seed: int = 0,
        classes: Sequence[int] | None = None,
        sources: torch.Tensor | None = None,
    ) -> Sampler:
        """Draws from the generator.

        :param classes: of the samples, in turn; all by default.
        :param sources: what to translate, uint8, for a generator that translates.
        :raises UsageError: for classes that there are not.
        """
        parts = (self.architecture, self.data, self.generator, seed, _CPU, _PLAIN, self.progress)
        if sources is not None:
            return TranslationSampler(*parts, sources)
        turns = None
        if classes is not None:
            self.check_classes(classes)
            turns = torch.tensor(classes)
        return LatentSampler(*parts, torch.arange(self.classes) if self.classes else None, turns)

    def sample(self, count: int, seed: int = 0, truncation: float | None = None) -> torch.Tensor:
        """``count`` samples (n, c, h, w) in [-1, 1]; classes in turn for conditional ones.

        :raises UsageError: for a truncation that the architecture does not have.
        """
        return torch.cat(list(self.batches(count, seed, truncation)))

    def batches(
        self,
        count: int,
        seed: int = 0,
        truncation: float | None = None,
        classes: Sequence[int] | None = None,
    ) -> Iterator[torch.Tensor]:
        """The same samples batch by batch, or those of some ``classes``."""
        if truncation is not None:
            self.check_truncation()
        sampler = self.sampler(seed, classes)
        return sampler.batches(count, "samples", in_turn=True, truncation=truncation)

    def translations(self, sources: torch.Tensor, seed: int = 0) -> Iterator[torch.Tensor]:
        """Translations in [-1, 1] of uint8 sources, batch by batch; ``seed`` is that of dropout."""
        return self.sampler(seed, sources=sources).batches(len(sources), "samples")

    def translate(self, sources: torch.Tensor, seed: int = 0) -> torch.Tensor:
        """(n, c, h, w) translations in one tensor, see `translations`."""
        return torch.cat(list(self.translations(sources, seed)))

    def interpolate(
        self,
        pairs: int,
        steps: int,
        seed: int = 0,
        truncation: float | None = None,
        classes: Sequence[int] | None = None,
    ) -> Iterator[torch.Tensor]:
        """For each of ``pairs`` pairs of latents, (steps, c, h, w) samples from one to the other.

        Samples of a pair are of one class, the next one of ``classes``, and have the same noise.
        """
        if truncation is not None:
            self.check_truncation()
        sampler = self.sampler(seed, classes)
        assert isinstance(sampler, LatentSampler)
        labels = sampler.turns if sampler.turns is not None else torch.arange(self.classes)
        normal = type(self.architecture).sample_latents is Architecture.sample_latents
        with sampler.ready("samples"):
            for pair in range(pairs):
                random = torch.Generator().manual_seed(derive_seed(seed, "interpolation", pair))
                ends = self.architecture.sample_latents(2, random, _CPU)
                noise = derive_seed(seed, "interpolation noise", pair)
                label = labels[pair % len(labels), None] if len(labels) else None
                path = between(ends[0], ends[1], steps, spherical=normal)
                # One by one: in a batch, each would get noise of its own.
                row = [sampler.generate(one[None], label, noise, truncation) for one in path]
                yield torch.cat(row)

    def check_classes(self, classes: Sequence[int]) -> None:
        """Raise UsageError for classes that the generator cannot be asked for."""
        if self.translates:
            raise UsageError("--classes is for architectures that start from latents")
        if not self.classes:
            raise UsageError(
                f"the generator of trial {self.trial} is not class-conditional: it has no classes "
                "to choose from"
            )
        for one in classes:
            if not 0 <= one < self.classes:
                raise UsageError(
                    f"trial {self.trial} has no class {one}: its classes are 0 to {self.classes - 1}"
                )


def between(start: torch.Tensor, end: torch.Tensor, steps: int, *, spherical: bool) -> torch.Tensor:
    """(steps, d) latents from ``start`` to ``end``, both included.

    Normal latents have nearly equal lengths, which a straight line between two leaves: it has them
    turned (White 2016, arXiv:1609.04468), by equal angles, while the length goes evenly from the one to
    the other.
    """
    shares = torch.linspace(0, 1, steps, dtype=torch.float64)[:, None]
    first, last = start.double(), end.double()
    path = torch.lerp(first, last, shares)
    if spherical:
        lengths = torch.lerp(first.norm(), last.norm(), shares)
        first, last = first / first.norm(), last / last.norm()
        angle = torch.acos((first @ last).clamp(-1, 1))
        if float(angle.sin()) > 1e-4:  # else there is no plane to turn in
            turned = ((1 - shares) * angle).sin() * first + (shares * angle).sin() * last
            path = lengths * turned / angle.sin()
    path = path.to(start.dtype)
    path[0], path[-1] = start, end
    return path


def load_trained(folder: TrialFolder, which: str = "last") -> Trained:
    """The generator of a trial that has a checkpoint.

    :param which: the ``last`` weights, or those of the ``best`` tick.
    :raises UsageError: if there is none, or its architecture is not installed or has changed.
    """
    identity = folder.read_identity()
    if identity is None:
        raise UsageError(f"trial {folder.id} has no readable trial.json")
    bound = component_of("architecture", identity, folder)
    state, problems = newest_checkpoint(folder.checkpoint_dir)
    if state is None:
        why = f": {problems[0]}" if problems else ""
        raise UsageError(f"trial {folder.id} has no checkpoint to sample from{why}")
    data = DataSpec(**state["data"])
    generator = bound.component.build(data).generator
    try:
        generator.load_state_dict(_weights(state, which, folder))
    except RuntimeError:
        now, then = bound.info.version, identity["architecture"].get("version")
        raise UsageError(
            f"the weights of trial {folder.id} do not fit {bound.spec} of {bound.info.provider} "
            f"{now}; the trial used version {then}"
        ) from None
    progress = state.get("progress", (0, 1.0))
    if which == "best":
        progress = state["session"]["best_progress"]
    return Trained(
        folder.id,
        bound.component,
        data,
        generator.eval(),
        Progress(*progress),
        identity,
        _doubt(folder.id, identity, bound.info),
    )


def _weights(state: Mapping[str, Any], which: str, folder: TrialFolder) -> Any:
    weights = state["session"]["best_weights"] if which == "best" else state["trainer"]["averaged"]
    if weights is None:
        raise UsageError(f"trial {folder.id} has no weights of a best tick: it was never evaluated")
    return weights


def _doubt(trial: str, identity: Mapping[str, Any], info: ComponentInfo) -> str | None:
    """Weights that fit are no proof that the architecture still computes the same with them."""
    version = identity["architecture"].get("version")
    reasons = []
    if identity.get("protocol") != PROTOCOL:
        reasons.append(f"it is of protocol {identity.get('protocol')}, now {PROTOCOL}")
    if version != info.version:
        reasons.append(f"{info.owned} was of version {version}, now {info.version}")
    elif changed_sources(identity.get("sources"), {info.owned: info.source}):
        reasons.append(f"{info.owned} was edited since")
    if not reasons:
        return None
    return (
        f"the images of trial {trial} may differ from those of its training: {'; '.join(reasons)}"
    )


def held_out_images(folder: TrialFolder, root: Path) -> ImageData:
    """The images that a translating trial was evaluated on.

    :param root: the data folder.
    :raises UsageError: if the data set is not installed, or its data is not there.
    """
    identity = folder.read_identity() or {}
    dataset = component_of("dataset", identity, folder).component
    data = dataset.load("test" if "test" in dataset.splits else "train", root)
    if not isinstance(data, ImageData) or data.sources is None:
        raise UsageError(f"the data of trial {folder.id} has no images to translate any more")
    return data


def component_of(kind: str, identity: Mapping[str, Any], folder: TrialFolder) -> Bound:
    """A component from the distribution that the trial had it from."""
    try:
        known = identity[kind]
        spec = Spec(known["name"], known["options"], known["provider"])
    except (KeyError, TypeError):
        raise UsageError(f"trial {folder.id} has a damaged trial.json: no {kind}") from None
    return default_registry().bind(kind, spec)
