"""Checks of freshly built networks against what their architecture claims."""

from __future__ import annotations

import torch

from ganbench.components.architecture import (
    MINIBATCH_STATISTICS,
    PER_SAMPLE_CRITIC,
    TRANSLATION,
    Architecture,
    Critique,
    Networks,
)
from ganbench.components.data import DataSpec
from ganbench.training.streams import seed_torch

_PROBES = 8


def network_problem(
    architecture: Architecture,
    networks: Networks,
    data: DataSpec,
    needs: frozenset[str],
    device: torch.device,
) -> str | None:
    """Why these networks cannot be trained in their cell, or None.

    The networks' buffers and the global random state are left as they were.
    """
    inputs, condition = _inputs(architecture, data, device)
    buffers = [buffer.clone() for network in networks for buffer in network.buffers()]
    own_ties = MINIBATCH_STATISTICS in architecture.capabilities(data)
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []), torch.no_grad():
        images = networks.generator(*inputs)
        problem = _generator_problem(images, (_PROBES, *data.shape))
        if problem is None and PER_SAMPLE_CRITIC in needs and not own_ties:
            problem = _mixing_problem(networks.discriminator, data, condition, device)
    for buffer, kept in zip(
        (buffer for network in networks for buffer in network.buffers()), buffers, strict=True
    ):
        buffer.data.copy_(kept)
    return problem


def _inputs(
    architecture: Architecture, data: DataSpec, device: torch.device
) -> tuple[tuple[torch.Tensor, ...], tuple[torch.Tensor, ...]]:
    """The generator's inputs, and the discriminator's inputs beside the images."""
    noise = torch.Generator(device=device).manual_seed(0)
    if architecture.task in TRANSLATION:
        source = torch.randn(_PROBES, *data.source.shape, generator=noise, device=device)
        return (source,), (source,) if architecture.task == "paired-translation" else ()
    latents = architecture.sample_latents(_PROBES, noise, device)
    if architecture.task == "class-conditional":
        labels = torch.zeros(_PROBES, dtype=torch.int64, device=device)
        return (latents, labels), (labels,)
    return (latents,), ()


def _generator_problem(images: object, shape: tuple[int, ...]) -> str | None:
    if not isinstance(images, torch.Tensor):
        return f"the generator returns {type(images).__name__} instead of a tensor of images"
    if tuple(images.shape) != shape:
        return f"the generator makes {tuple(images.shape)}, but the data is {shape}"
    return None


def _mixing_problem(
    discriminator: torch.nn.Module,
    data: DataSpec,
    condition: tuple[torch.Tensor, ...],
    device: torch.device,
) -> str | None:
    """Exchange a sample's companions: with a batch statistic, the answer to the sample changes."""
    count = _PROBES if condition else 4
    noise = torch.Generator(device=device).manual_seed(0)
    first = torch.randn(count, *data.shape, generator=noise, device=device)
    second = first.clone()
    second[count // 2 :] = 3 * torch.randn(
        count - count // 2, *data.shape, generator=noise, device=device
    )
    half = count // 2
    buffers = [(buffer, buffer.clone()) for buffer in discriminator.buffers()]
    answers = []
    for images in (first, second):
        seed_torch(0, device)  # equal noise in layers that draw some, such as dropout
        for buffer, kept in buffers:  # equal state in layers that keep some
            buffer.copy_(kept)
        answers.append(_logits(discriminator(images, *condition))[:half])
    a, b = answers
    if not bool((a.isfinite() & b.isfinite()).all()):
        return None  # a divergence, which the trial reports
    if torch.allclose(a, b, rtol=1e-3, atol=1e-3 * float(a.abs().max())):
        return None
    return (
        "the discriminator's answer to a sample depends on the rest of its batch, "
        "but the cell's penalty does not allow that; use a norm other than batch norm"
    )


def _logits(answer: torch.Tensor | Critique) -> torch.Tensor:
    return answer.logits if isinstance(answer, Critique) else answer
