"""Checks of freshly built networks against what their architecture claims."""

from __future__ import annotations

from typing import Any

import torch

from ganbench.base.errors import ContractError, GanbenchError, one_line
from ganbench.components.architecture import (
    CRITIC_CLASSES,
    CRITIC_FEATURES,
    MINIBATCH_STATISTICS,
    PER_SAMPLE_CRITIC,
    TRANSLATION,
    Architecture,
    Critique,
    Networks,
)
from ganbench.components.data import DataSpec
from ganbench.training.contract import named
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

    :raises ContractError: if a network cannot be called with what a step gives to it.
    """
    inputs, condition = _inputs(architecture, data, device)
    buffers = [buffer.clone() for network in networks for buffer in network.buffers()]
    own_ties = MINIBATCH_STATISTICS in architecture.capabilities(data)
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []), torch.no_grad():
        images = _called("generator", architecture, networks.generator, inputs)
        problem = _generator_problem(images, (_PROBES, *data.shape))
        if problem is None:
            answer = _called(
                "discriminator", architecture, networks.discriminator, (images.float(), *condition)
            )
            problem = _answer_problem(architecture, answer, needs, data)
        if problem is None and PER_SAMPLE_CRITIC in needs and not own_ties:
            problem = _mixing_problem(networks.discriminator, data, condition, device)
    for buffer, kept in zip(
        (buffer for network in networks for buffer in network.buffers()), buffers, strict=True
    ):
        buffer.data.copy_(kept)
    return problem


def _called(
    player: str, architecture: Architecture, network: torch.nn.Module, inputs: tuple[Any, ...]
) -> Any:
    """What a network answers.

    :raises ContractError: says what it was given, and what it raised.
    """
    try:
        return network(*inputs)
    except (GanbenchError, torch.OutOfMemoryError):
        raise
    except Exception as error:
        given = ", ".join(str(tuple(tensor.shape)) for tensor in inputs)
        raise ContractError(
            f"the {player} of {named(architecture)} fails on {len(inputs)} "
            f"input{'s' * (len(inputs) > 1)} of shape {given}: {one_line(error)}"
        ) from error


def _answer_problem(
    architecture: Architecture, answer: object, needs: frozenset[str], data: DataSpec
) -> str | None:
    """What is wrong with the discriminator's answer to the probes, or None."""
    parts = answer if isinstance(answer, Critique) else Critique(answer)  # type: ignore[arg-type]
    logits: object = parts.logits
    if not isinstance(logits, torch.Tensor):
        what = "None" if logits is None else type(logits).__name__
        return f"the discriminator returns {what} instead of logits or a ganbench.Critique"
    if logits.shape[:1] != (_PROBES,):
        return (
            f"the discriminator answers {_PROBES} images with logits of shape {tuple(logits.shape)}; "
            "return logits with the batch first"
        )
    for capability, part in (
        (CRITIC_FEATURES, parts.features),
        (CRITIC_CLASSES, parts.class_logits),
    ):
        if capability in needs and part is None:
            return (
                f"{named(architecture)} claims {capability}, but its discriminator returns none; "
                "return a ganbench.Critique with them, or do not claim it"
            )
    classes = parts.class_logits
    if CRITIC_CLASSES in needs and classes is not None and classes.shape != (_PROBES, data.classes):
        return (
            f"the discriminator gives class logits of shape {tuple(classes.shape)} for {_PROBES} "
            f"images of {data.classes} classes; return (batch, classes)"
        )
    return None


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
