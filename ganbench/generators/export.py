"""Generators as files that run without ganbench.

A file is a function of its inputs alone: latents (and class labels), or images to translate. It holds
the generator of ``ganbench sample`` after the training: averaged weights, evaluation mode, a growing
design's last stage, prepared statistics. The file stores the results of reparametrizations.
Numbers that the generator draws itself are constants, see `ganbench.generators.fixed_noise`.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ganbench.base.errors import ExportError, GanbenchError, UsageError
from ganbench.base.files import replacing, storage_errors
from ganbench.base.pixels import to_float, to_uint8
from ganbench.base.tensor_files import weights_digest
from ganbench.generators.export_formats import FORMATS, Format, Run
from ganbench.generators.export_metadata import describe
from ganbench.generators.fixed_noise import Recording, Replay
from ganbench.generators.portable import first_line, portable, traced
from ganbench.generators.trained import Trained
from ganbench.grid.settings import TrainingSettings
from ganbench.training.sampler import LatentSampler, Sampler, TranslationSampler
from ganbench.training.streams import derive_seed

#: Batches on which a file is compared with its original.
BATCHES = (1, 3, 16)
_STREAM = "samples"
_FP32 = TrainingSettings(precision="fp32", memory_format="contiguous")
_NOISE_SEED = derive_seed(0, "export", "noise")


@dataclass(frozen=True)
class Exported:
    """A file that was written and checked.

    :ivar metadata: the JSON record in it.
    :ivar difference: the greatest difference from the original, over all pixels of `BATCHES`.
    :ivar tolerance: the greatest allowed difference.
    """

    path: Path
    size: int
    metadata: dict[str, Any]
    difference: float
    tolerance: float

    def __str__(self) -> str:
        """The file, its size, and how close its images are to the original's."""
        return (
            f"{self.path} ({self.size / 1e6:.1f} MB): trial {self.metadata['trial']}, images within "
            f"{self.difference:.2g} of the original's"
        )


def export(
    trained: Trained, target: Path, *, truncation: float | None = None, uint8: bool = False
) -> Exported:
    """Write a trial's generator. The file appears once it equals the original.

    :param trained: a ``.pt2`` file computes on its device; ``.onnx`` needs the CPU.
    :param target: the suffix decides: ``.pt2`` or ``.onnx``.
    :param truncation: a constant of the file, for an architecture that truncates.
    :param uint8: whether images and sources are bytes, rounded as in every evaluation.
    :raises UsageError: for a wrong suffix, a missing package, or an architecture without truncation.
    :raises ExportError: if it cannot be written, or differs from the original.
    """
    form = format_of(target)
    if truncation is not None:
        trained.check_truncation()
    if uint8 and trained.data.kind == "points":
        raise UsageError("--uint8 is for images, but the trial generates points")
    form.require()
    if trained.device.type != "cpu" and not form.of_device:
        raise UsageError(
            f"--device {trained.device}: {form.suffix} files belong to no device; leave the option out"
        )
    digest = weights_digest(trained.generator)
    examples = _Examples(trained, uint8)
    sampler = examples.sampler()
    with sampler.ready(_STREAM), torch.no_grad():
        original = _Original(sampler, trained, truncation, uint8)
        noise = original.record(examples.of(1))
        network = portable(trained, truncation, noise, uint8)
        program = traced(trained, network, examples.of(2))
        metadata = describe(trained, truncation, uint8, bool(noise), digest)
        with _failing(trained, form):
            content = form.write(program, metadata)
        with storage_errors(target), replacing(target) as temporary:
            temporary.write_bytes(content)
            with _failing(trained, form):
                run = form.read(temporary)
            difference = _compare(trained, form, original, run, examples)
    tolerance = _tolerance(form, uint8)
    return Exported(target, len(content), metadata, difference, tolerance)


def format_of(target: Path) -> Format:
    """The format that a file's suffix names; raises UsageError."""
    form = FORMATS.get(target.suffix.lower())
    if form is None:
        known = " or ".join(FORMATS)
        raise UsageError(f"-o {target}: unknown format; a generator can be exported to {known}")
    return form


class _Examples:
    """Inputs for the generator."""

    def __init__(self, trained: Trained, uint8: bool) -> None:
        self._trained, self._uint8 = trained, uint8

    def sampler(self) -> Sampler:
        sources = self._sources(1) if self._trained.translates else None
        return self._trained.sampler(sources=sources, settings=_FP32)

    def of(self, count: int) -> tuple[Tensor, ...]:
        """The inputs of the file for ``count`` images, with classes from the whole range."""
        trained = self._trained
        if trained.translates:
            sources = self._sources(count).to(trained.device)
            return (sources if self._uint8 else to_float(sources),)
        random = torch.Generator().manual_seed(derive_seed(0, "export", count))
        latents = trained.architecture.sample_latents(count, random, torch.device("cpu"))
        latents, classes = latents.to(trained.device), trained.classes
        if not classes:
            return (latents,)
        numbers = torch.arange(count, device=trained.device)
        return latents, numbers * max(1, classes // count) % classes

    def _sources(self, count: int) -> Tensor:
        random = torch.Generator().manual_seed(derive_seed(0, "export sources", count))
        data = self._trained.data
        shape = (count, data.source_channels, data.height, data.width)
        return torch.randint(256, shape, generator=random, dtype=torch.uint8)


class _Original:
    """The generator as ``ganbench sample`` runs it."""

    def __init__(
        self, sampler: Sampler, trained: Trained, truncation: float | None, uint8: bool
    ) -> None:
        self._sampler, self._trained = sampler, trained
        self._truncation, self._uint8 = truncation, uint8
        self._noise: list[Tensor] = []

    def record(self, inputs: tuple[Tensor, ...]) -> list[Tensor]:
        """The random numbers that the generator draws for one image."""
        with Recording() as recording:
            self._images(inputs)
        self._noise = list(recording.drawn)
        return self._noise

    def __call__(self, inputs: tuple[Tensor, ...]) -> Tensor:
        """Images. A single one draws its own noise; a batch repeats the noise of the single one."""
        if len(inputs[0]) == 1:
            return self._images(inputs)
        with Replay(self._noise):
            return self._images(inputs)

    def _images(self, inputs: tuple[Tensor, ...]) -> Tensor:
        sampler = self._sampler
        if isinstance(sampler, TranslationSampler):
            images = sampler.translate(to_float(inputs[0]), _NOISE_SEED)
        else:
            assert isinstance(sampler, LatentSampler)
            labels = inputs[1] if len(inputs) > 1 else None
            images = sampler.generate(inputs[0], labels, _NOISE_SEED, self._truncation)
        return to_uint8(images) if self._uint8 else images


def _compare(
    trained: Trained, form: Format, original: _Original, run: Run, examples: _Examples
) -> float:
    """The greatest difference of the file's images from the original's; raises ExportError."""
    greatest, uint8 = 0.0, False
    for count in BATCHES:
        inputs = examples.of(count)
        wanted = original(inputs)
        if not bool(wanted.isfinite().all()):
            raise ExportError(f"the images of trial {trained.trial} are not finite")
        with _failing(trained, form):
            got = run(inputs)
        uint8 = wanted.dtype == torch.uint8
        if got.shape != wanted.shape or got.dtype != wanted.dtype:
            raise ExportError(
                f"the file's images are {tuple(got.shape)} {got.dtype} but the original's are "
                f"{tuple(wanted.shape)} {wanted.dtype}; it was not written"
            )
        difference = float((got.double() - wanted.double()).abs().max())
        greatest = max(greatest, difference if math.isfinite(difference) else math.inf)
    tolerance = _tolerance(form, uint8)
    if greatest > tolerance:
        raise ExportError(
            f"the images of the {form.suffix} file differ from those of trial {trained.trial} by "
            f"up to {greatest:.2g}, more than {tolerance:g}; it was not written"
        )
    return greatest


def _tolerance(form: Format, uint8: bool) -> float:
    return 1.0 if uint8 else form.tolerance  # a last bit may change how a value is rounded


@contextlib.contextmanager
def _failing(trained: Trained, form: Format) -> Iterator[None]:
    """Turn errors of PyTorch, ONNX and ONNX Runtime into an ExportError."""
    try:
        yield
    except (GanbenchError, OSError):
        raise
    except Exception as error:
        other = "" if form.suffix == ".pt2" else "; write a .pt2 file"
        raise ExportError(
            f"the generator of trial {trained.trial} cannot be written as {form.suffix}: "
            f"{first_line(error)}{other}"
        ) from error
