"""Checks of freshly built networks against what their architecture claims."""

from __future__ import annotations

import torch

from ganbench.components.architecture import PER_SAMPLE_CRITIC, Critique, Networks
from ganbench.components.data import DataSpec
from ganbench.training.critic import call_with_labels


def network_problem(
    networks: Networks,
    latents: torch.Tensor,
    data: DataSpec,
    conditional: bool,
    needs: frozenset[str],
) -> str | None:
    """Why these networks cannot be trained in their cell, or None.

    The networks' buffers and the global random state are left as they were.
    """
    device = latents.device
    labels = torch.zeros(len(latents), dtype=torch.int64, device=device) if conditional else None
    buffers = [buffer.clone() for network in networks for buffer in network.buffers()]
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []), torch.no_grad():
        images = call_with_labels(networks.generator, latents, labels)
        problem = _generator_problem(images, (len(latents), *data.shape))
        if problem is None and PER_SAMPLE_CRITIC in needs:
            problem = _mixing_problem(networks.discriminator, data, labels, device)
    for buffer, kept in zip(
        (buffer for network in networks for buffer in network.buffers()), buffers, strict=True
    ):
        buffer.data.copy_(kept)
    return problem


def _generator_problem(images: object, shape: tuple[int, ...]) -> str | None:
    if not isinstance(images, torch.Tensor):
        return f"the generator returns {type(images).__name__} and not a tensor of images"
    if tuple(images.shape) != shape:
        return f"the generator makes {tuple(images.shape)} where the data is {shape}"
    return None


def _mixing_problem(
    discriminator: torch.nn.Module,
    data: DataSpec,
    labels: torch.Tensor | None,
    device: torch.device,
) -> str | None:
    """A batch statistic shows in the answers to samples whose companions were exchanged."""
    count = 4 if labels is None else len(labels)
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
        torch.manual_seed(0)  # equal noise in layers that draw some, such as dropout
        for buffer, kept in buffers:  # equal state in layers that keep some
            buffer.copy_(kept)
        answers.append(_logits(call_with_labels(discriminator, images, labels))[:half])
    a, b = answers
    if not bool((a.isfinite() & b.isfinite()).all()):
        return None  # a divergence, which the trial will tell
    if torch.allclose(a, b, rtol=1e-3, atol=1e-3 * float(a.abs().max())):
        return None
    return (
        "the discriminator's answer to a sample depends on the rest of its batch, "
        "which the cell's penalty does not allow; use a norm other than batch norm"
    )


def _logits(answer: torch.Tensor | Critique) -> torch.Tensor:
    return answer.logits if isinstance(answer, Critique) else answer
