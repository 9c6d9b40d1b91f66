"""Components that break what the self-test promises, as a plugin."""

from __future__ import annotations

import os

import torch
from torch.nn.functional import softplus

from ganbench import Architecture, Loss, Networks, hookimpl

_counts: dict[str, int] = {}


def count(name):
    """How often it was called in this process: what a component must not keep."""
    _counts[name] = _counts.get(name, 0) + 1
    return _counts[name]


class Usual(Loss):
    """The logistic loss."""

    generator_uses_real = False

    def discriminator(self, real, fake):
        return softplus(-real).mean() + softplus(fake).mean()

    def generator(self, real, fake):
        return softplus(-fake).mean()


class Counter(Usual):
    """Scales itself by a number that Python counts."""

    def discriminator(self, real, fake):
        return super().discriminator(real, fake) * (1 + 1 / count("steps"))


class Unseeded(Usual):
    """Draws from a generator that nobody seeds."""

    def discriminator(self, real, fake):
        seed = int.from_bytes(os.urandom(4), "big")
        noise = torch.rand((), generator=torch.Generator().manual_seed(seed))
        return super().discriminator(real, fake) * noise.to(real.device)


class Waits(Usual):
    """Reads a tensor's value on the host."""

    def discriminator(self, real, fake):
        if real.mean().item() > 1e9:
            raise RuntimeError("never")
        return super().discriminator(real, fake)


class Unordered(Usual):
    """Writes in any order."""

    def discriminator(self, real, fake):
        torch.zeros(2, device=real.device).put_(torch.tensor([0, 0], device=real.device),
                                                torch.ones(2, device=real.device))  # fmt: skip
        return super().discriminator(real, fake)


class Broken(Usual):
    """Raises."""

    def discriminator(self, real, fake):
        raise ValueError("this loss is broken")


class CountingGenerator(torch.nn.Module):
    def __init__(self, data):
        super().__init__()
        self.layer, self.shape = torch.nn.Linear(4, data.channels * data.height**2), data.shape

    def forward(self, latents, labels=None):
        images = torch.tanh(self.layer(latents)).reshape(-1, *self.shape)
        return images / (1 + 1 / count("samples"))


class Counting(Architecture):
    """Its samples follow the number of calls."""

    latent_dim = 4

    def build(self, data):
        critic = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.LazyLinear(1))
        critic(torch.zeros(1, *data.shape))
        return Networks(CountingGenerator(data), _Critic(critic))


class _Critic(torch.nn.Module):
    def __init__(self, layers):
        super().__init__()
        self.layers = layers

    def forward(self, images, labels=None):
        return self.layers(images).squeeze(1)


@hookimpl
def ganbench_losses(register):
    for name in ("Usual", "Counter", "Unseeded", "Waits", "Unordered", "Broken"):
        register(f"hostile-{name.lower()}", globals()[name])


@hookimpl
def ganbench_architectures(register):
    register("hostile-counting", Counting)
