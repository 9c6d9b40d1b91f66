"""Random streams: one seed for each use of randomness, derived from the trial's seed."""

from __future__ import annotations

import hashlib
import random
from typing import Any

import numpy as np
import torch

_CPU = torch.device("cpu")


def derive_seed(seed: int, *names: object) -> int:
    """A 63-bit seed from the trial's seed and a stream's name, by hash.

    Streams are independent of each other, so adding one changes no other.
    """
    text = ":".join(map(str, (seed, *names)))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


class Streams:
    """The generators that the step draws from, on the training device, by name.

    Replicas of a trial draw the numbers of a whole batch from the same streams, each of them all. What
    components draw for the images that they get is each replica's own.

    :param rank: of the replica.
    """

    NAMES = ("latents", "flip", "crop", "augmentation", "regularizer", "pool")
    OWN = ("augmentation", "regularizer")

    def __init__(self, seed: int, device: torch.device, rank: int = 0) -> None:
        self._rank = rank
        self._generators = {name: torch.Generator(device=device) for name in self.NAMES}
        self.reseed(seed)

    def reseed(self, seed: int) -> None:
        """Begin every stream again for a trial's seed, in place."""
        for name, generator in self._generators.items():
            stream = of_replica(name, self._rank) if name in self.OWN else name
            generator.manual_seed(derive_seed(seed, stream))

    def generators(self) -> list[torch.Generator]:
        """All of them."""
        return [*self._generators.values()]

    def __getitem__(self, name: str) -> torch.Generator:
        return self._generators[name]

    def state_dict(self) -> dict[str, torch.Tensor]:
        """Every generator's state."""
        return {name: generator.get_state() for name, generator in self._generators.items()}

    def load_state_dict(self, state: dict[str, torch.Tensor]) -> None:
        """Restore what `state_dict` gave."""
        for name, generator in self._generators.items():
            generator.set_state(state[name])


def of_replica(stream: str, rank: int) -> str:
    """The name of a stream that each replica of a trial has for itself."""
    return f"{stream}:replica:{rank}" if rank else stream


def seed_torch(value: int, device: torch.device) -> None:
    """Seed torch's global random states of the CPU and of one device.

    `torch.manual_seed` would seed every kind of device: that takes milliseconds and, without a GPU,
    memory, because torch keeps the call until a GPU appears.
    """
    torch.default_generator.manual_seed(value)
    if device.type == "cuda":
        with torch.cuda.device(device):
            torch.cuda.manual_seed(value)


def seed_everything(seed: int, stream: str, device: torch.device = _CPU) -> None:
    """Seed the global random states, which initializers, dropout and noise layers draw from."""
    value = derive_seed(seed, stream)
    seed_torch(value, device)
    random.seed(value)
    np.random.seed(value % 2**32)


def global_random_state(device: torch.device) -> dict[str, Any]:
    """All global random states, as tensors and JSON's types."""
    version, words, gauss = random.getstate()
    name, keys, position, has_gauss, cached = np.random.get_state(legacy=True)
    state: dict[str, Any] = {
        "torch": torch.get_rng_state(),
        "python": [version, list(words), gauss],
        "numpy": [
            str(name),
            np.asarray(keys).tolist(),
            int(position),
            int(has_gauss),
            float(cached),
        ],
    }
    if device.type == "cuda":
        state["cuda"] = torch.cuda.get_rng_state(device)
    return state


def restore_global_random_state(state: dict[str, Any], device: torch.device) -> None:
    """Restore what `global_random_state` gave."""
    torch.set_rng_state(state["torch"])
    version, words, gauss = state["python"]
    random.setstate((version, tuple(words), gauss))
    name, keys, position, has_gauss, cached = state["numpy"]
    np.random.set_state((name, np.asarray(keys, dtype=np.uint32), position, has_gauss, cached))
    if device.type == "cuda":
        torch.cuda.set_rng_state(state["cuda"], device)
