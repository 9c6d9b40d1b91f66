"""The record in an exported file."""

from __future__ import annotations

import dataclasses
from typing import Any

import torch

from ganbench.base.version import __version__
from ganbench.components.architecture import Architecture
from ganbench.generators.trained import Trained

#: Raised whenever the meaning of an entry changes.
FORMAT = 1


def describe(
    trained: Trained, truncation: float | None, uint8: bool, noise: bool, digest: str
) -> dict[str, Any]:
    """The metadata, in JSON's types; ``digest`` is that of the averaged weights."""
    identity = trained.identity
    return {
        "format": FORMAT,
        "trial": trained.trial,
        **identity.get("columns", {}),
        "resolved_architecture": identity.get("resolved_architecture"),
        "seed": identity.get("seed"),
        "task": str(trained.architecture.task),
        "providers": identity.get("providers"),
        "data": dataclasses.asdict(trained.data),
        "inputs": _inputs(trained, uint8),
        "outputs": [_images("images", trained.data.shape, trained.data.kind == "points", uint8)],
        "device": trained.device.type,
        "latent_dim": None if trained.translates else trained.architecture.latent_dim,
        "classes": trained.classes,
        "truncation": truncation,
        "noise": "constant" if noise else "none",
        "images_seen": trained.progress.images,
        "progress": trained.progress.share,
        "weights": "exponential moving average",
        "weights_sha256": digest,
        "ganbench_version": __version__,
        "torch_version": str(torch.__version__),
    }


def _inputs(trained: Trained, uint8: bool) -> list[dict[str, Any]]:
    if trained.translates:
        return [_images("sources", trained.data.source.shape, False, uint8)]
    architecture = trained.architecture
    usual = type(architecture).sample_latents is Architecture.sample_latents
    inputs: list[dict[str, Any]] = [
        {
            "name": "latents",
            "dtype": "float32",
            "shape": ["batch", architecture.latent_dim],
            "distribution": "standard normal" if usual else "the architecture's own",
        }
    ]
    if trained.classes:
        labels = {"name": "labels", "dtype": "int64", "shape": ["batch"]}
        inputs.append(labels | {"range": [0, trained.classes - 1]})
    return inputs


def _images(name: str, shape: tuple[int, ...], points: bool, uint8: bool) -> dict[str, Any]:
    described: dict[str, Any] = {
        "name": name,
        "dtype": "uint8" if uint8 else "float32",
        "shape": ["batch", *shape],
    }
    if not points:
        described["range"] = [0, 255] if uint8 else [-1, 1]
    return described
