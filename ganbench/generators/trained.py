"""Trained generators, loaded from a trial's folder."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ganbench.base.errors import UsageError
from ganbench.components.architecture import TRANSLATION, Architecture
from ganbench.components.data import DataSpec, ImageData
from ganbench.components.dataset import Dataset
from ganbench.components.progress import Progress
from ganbench.grid.cell import PROTOCOL
from ganbench.grid.settings import TrainingSettings, resolve_training
from ganbench.registry.info import ComponentInfo
from ganbench.registry.lookup import ResolvedComponent, default_registry
from ganbench.registry.sources import changed_sources
from ganbench.registry.specs import Spec
from ganbench.store.trial_folder import TrialFolder
from ganbench.training.precision import Arithmetic, memory_format
from ganbench.training.sampler import LatentSampler, Sampler, TranslationSampler
from ganbench.training.state import newest_checkpoint
from ganbench.training.streams import derive_seed

_CPU = torch.device("cpu")


@dataclass(frozen=True)
class Trained:
    """A trial's averaged generator.

    :ivar generator: on the ``device``.
    :ivar identity: the content of trial.json.
    :ivar doubt: why its images may differ from the trial's, or None.
    """

    trial: str
    architecture: Architecture
    data: DataSpec
    generator: torch.nn.Module
    progress: Progress
    identity: Mapping[str, Any]
    doubt: str | None = None
    device: torch.device = _CPU

    @functools.cached_property
    def settings(self) -> TrainingSettings:
        """The settings of the training, which decide the precision and the layout of samples."""
        known = self.identity.get("training")
        return resolve_training([] if known is None else [("trial", known)], bind=False).settings

    @property
    def translates(self) -> bool:
        """Whether the generator needs images to translate."""
        return self.architecture.task in TRANSLATION

    @property
    def classes(self) -> int:
        """Number of classes of a class-conditional generator; else 0."""
        return self.data.classes if self.architecture.task == "class-conditional" else 0

    def check_truncation(self) -> None:
        """Raise UsageError if the architecture has none."""
        if self.translates:
            raise UsageError("--truncation needs an architecture that starts from latents")
        if not self.architecture.truncates:
            raise UsageError(
                f"the architecture of trial {self.trial} has no truncation; leave --truncation out"
            )

    def sampler(
        self,
        seed: int = 0,
        classes: Sequence[int] | None = None,
        *,
        sources: torch.Tensor | None = None,
        labels: torch.Tensor | None = None,
        settings: TrainingSettings | None = None,
    ) -> Sampler:
        """A sampler of the generator.

        :param classes: of the samples, in turn; all by default.
        :param sources: uint8 images to translate, for a generator that translates.
        :param labels: to draw from, for a class-conditional generator; every class once by default.
        :param settings: decide the arithmetic and the layout; by default those of the training.
        :raises UsageError: for unknown classes.
        """
        settings, device, generator = settings or self.settings, self.device, self.generator
        if self.data.kind == "image":
            generator.to(memory_format=memory_format(settings, device))  # type: ignore[call-overload]
        arithmetic = Arithmetic(settings, device)
        parts = (self.architecture, self.data, generator, seed, device, arithmetic, self.progress)
        if sources is not None:
            return TranslationSampler(*parts, sources)
        turns = None
        if classes is not None:
            self.check_classes(classes)
            turns = torch.tensor(classes)
        known = torch.arange(self.classes) if labels is None else labels
        return LatentSampler(*parts, known if self.classes else None, turns)

    def batches(
        self,
        count: int,
        seed: int = 0,
        truncation: float | None = None,
        classes: Sequence[int] | None = None,
    ) -> Iterator[torch.Tensor]:
        """``count`` samples (n, c, h, w) in [-1, 1] on the CPU, batch by batch; classes in turn.

        :raises UsageError: for a truncation that the architecture does not have.
        """
        if truncation is not None:
            self.check_truncation()
        sampler = self.sampler(seed, classes)
        batches = sampler.batches(count, "samples", in_turn=True, truncation=truncation)
        return (batch.cpu() for batch in batches)

    def sample(
        self,
        n: int = 64,
        seed: int = 0,
        truncation: float | None = None,
        classes: Sequence[int] | None = None,
    ) -> torch.Tensor:
        """``n`` samples (n, c, h, w) in [-1, 1]; see `batches`."""
        return torch.cat(list(self.batches(n, seed, truncation, classes)))

    def translations(self, sources: torch.Tensor, seed: int = 0) -> Iterator[torch.Tensor]:
        """Translations of uint8 sources, as `batches` gives samples; ``seed`` is that of dropout."""
        batches = self.sampler(seed, sources=sources).batches(len(sources), "samples")
        return (batch.cpu() for batch in batches)

    def interpolate(
        self,
        pairs: int,
        steps: int,
        seed: int = 0,
        truncation: float | None = None,
        classes: Sequence[int] | None = None,
    ) -> Iterator[torch.Tensor]:
        """For each of ``pairs`` pairs of latents, (steps, c, h, w) samples on the CPU between them.

        Samples of a pair share one class (the next one of ``classes``) and the same noise.
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
                # One by one: in a batch, each would get different noise.
                row = [sampler.generate(one[None], label, noise, truncation) for one in path]
                yield torch.cat(row).cpu()

    def check_classes(self, classes: Sequence[int]) -> None:
        """Raise UsageError for classes that the generator does not have."""
        if self.translates:
            raise UsageError("--classes needs an architecture that starts from latents")
        if not self.classes:
            raise UsageError(
                f"--classes: the generator of trial {self.trial} is not class-conditional; leave it out"
            )
        for one in classes:
            if not 0 <= one < self.classes:
                raise UsageError(
                    f"trial {self.trial} has no class {one}: its classes are 0 to {self.classes - 1}"
                )


def between(start: torch.Tensor, end: torch.Tensor, steps: int, *, spherical: bool) -> torch.Tensor:
    """(steps, d) latents from ``start`` to ``end``, both included.

    Normal latents have nearly equal lengths, but a straight line between two of them does not keep the
    length. So the direction turns by equal angles (White 2016, arXiv:1609.04468), and the length
    changes evenly.
    """
    shares = torch.linspace(0, 1, steps, dtype=torch.float64)[:, None]
    first, last = start.double(), end.double()
    path = torch.lerp(first, last, shares)
    if spherical:
        lengths = torch.lerp(first.norm(), last.norm(), shares)
        first, last = first / first.norm(), last / last.norm()
        angle = torch.acos((first @ last).clamp(-1, 1))
        if float(angle.sin()) > 1e-4:  # parallel vectors span no plane
            turned = ((1 - shares) * angle).sin() * first + (shares * angle).sin() * last
            path = lengths * turned / angle.sin()
    path = path.to(start.dtype)
    path[0], path[-1] = start, end
    return path


def load_trained(folder: TrialFolder, which: str = "last", device: torch.device = _CPU) -> Trained:
    """The generator of a trial that has a checkpoint.

    :param which: the ``last`` weights, or those of the ``best`` tick.
    :param device: of the generator.
    :raises UsageError: without a checkpoint, or if the architecture is missing or has changed.
    """
    identity = identity_of(folder)
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
        generator.eval().to(device),
        Progress(*progress),
        identity,
        _doubt(folder.id, identity, bound.info),
        device,
    )


def _weights(state: Mapping[str, Any], which: str, folder: TrialFolder) -> Any:
    weights = state["session"]["best_weights"] if which == "best" else state["trainer"]["averaged"]
    if weights is None:
        raise UsageError(
            f"trial {folder.id} was never evaluated, so it has no best tick; measure --which last"
        )
    return weights


def _doubt(trial: str, identity: Mapping[str, Any], info: ComponentInfo) -> str | None:
    """The architecture may have changed although the weights still fit."""
    version = identity["architecture"].get("version")
    reasons = []
    if identity.get("protocol") != PROTOCOL:
        reasons.append(f"its protocol was {identity.get('protocol')}, now {PROTOCOL}")
    if version != info.version:
        reasons.append(f"{info.owned} had version {version}, now {info.version}")
    elif changed_sources(identity.get("sources"), {info.owned: info.source}):
        reasons.append(f"{info.owned} has changed since")
    if not reasons:
        return None
    return (
        f"the images of trial {trial} may differ from those of its training: {'; '.join(reasons)}"
    )


def held_out_images(folder: TrialFolder, root: Path) -> ImageData:
    """The images that a translating trial was evaluated on.

    :param root: the data folder.
    :raises UsageError: if the data set is not installed, or its data is missing.
    """
    identity = folder.read_identity() or {}
    dataset = component_of("dataset", identity, folder).component
    data = dataset.load(translated_split(dataset), root)
    if not isinstance(data, ImageData) or data.sources is None:
        raise UsageError(f"the data of trial {folder.id} no longer has images to translate")
    return data


def translated_split(dataset: Dataset) -> str:
    """The split whose images a translation is evaluated on."""
    return "test" if "test" in dataset.splits else "train"


def identity_of(folder: TrialFolder) -> dict[str, Any]:
    """The content of trial.json; raises UsageError if it cannot be read."""
    identity = folder.read_identity()
    if identity is None:
        raise UsageError(f"trial {folder.id} has no readable trial.json")
    return identity


def component_of(kind: str, identity: Mapping[str, Any], folder: TrialFolder) -> ResolvedComponent:
    """A component, from the same distribution as in the trial."""
    try:
        known = identity[kind]
        spec = Spec(known["name"], known["options"], known["provider"])
    except (KeyError, TypeError):
        raise UsageError(f"trial {folder.id} has a damaged trial.json: no {kind}") from None
    return default_registry().bind(kind, spec)
