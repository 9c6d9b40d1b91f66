"""The contract of architectures, as tests."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from typing import ClassVar

import torch
from torch import Tensor

from ganbench.components.architecture import (
    CRITIC_CLASSES,
    CRITIC_FEATURES,
    PER_SAMPLE_CRITIC,
    STYLES,
    TRANSLATION,
    Architecture,
    Critique,
    Networks,
)
from ganbench.components.data import DataSpec
from ganbench.testing.components import ComponentTests
from ganbench.testing.gpu_checks import check_on_gpu
from ganbench.testing.harness import check_checkpoint, make_trainer, own_randomness, weights
from ganbench.testing.partners import BATCH, CPU, made_up_images
from ganbench.training.probe import network_problem
from ganbench.training.streams import seed_everything
from ganbench.training.trainer import Trainer

#: Shares of a training at which designs that grow are looked at, from the start to the end.
SHARES = tuple(number / 24 for number in range(24))


class ArchitectureTests(ComponentTests):
    """Inherit, and name the architecture and the data that it is for::

        class TestTinyUpsampler(ArchitectureTests):
            component = TinyUpsampler(width=4)
            data = [DataSpec(1, 8, 8), DataSpec(3, 32, 32, classes=10)]

    Small options make the tests quick: every one of them trains or builds on each of the data.

    :cvar component: the architecture under test.
    :cvar data: data that the design allows.
    """

    component: Architecture
    data: ClassVar[Sequence[DataSpec]] = (DataSpec(3, 32, 32, classes=10),)

    def test_it_allows_the_data(self) -> None:
        """`Architecture.problem` has no objection, and answers without building anything."""
        assert self.data, "name the data that the architecture is for"
        for data in self.data:
            with own_randomness("problem"):
                problem = self.component.problem(data)
            assert problem is None, f"{data}: {problem}"

    def test_latents_have_the_length_that_it_says(self) -> None:
        """And come from the given generator alone."""
        if self.component.task in TRANSLATION:
            return  # it starts from images
        for data in self.data:
            with own_randomness("sample_latents"):
                first, again = (self._latents(data, 5) for _ in range(2))
            length, where = self._resolved(data).latent_dim, f"on {data}"
            assert first.shape == (5, length), (
                f"{where}: latents are {tuple(first.shape)}, latent_dim is {length}"
            )
            assert torch.equal(first, again), f"{where}: the same state gives other latents"

    def test_generator_makes_samples_of_the_datas_shape(self) -> None:
        """(batch, c, h, w), finite, and, for images in evaluation, in [-1, 1].

        In training, a design may leave its output unbounded, such as a design without a last tanh.
        """
        for data, networks in self._built():
            for train, count in ((True, BATCH), (False, 3), (False, 1)):
                samples = self._generate(networks.train(train), data, count)
                where = f"on {data}, {'training' if train else 'evaluating'}"
                shape = (count, *data.shape)
                assert samples.shape == shape, f"{where}: {tuple(samples.shape)}, not {shape}"
                assert samples.is_floating_point(), f"{where}: samples are {samples.dtype}"
                assert samples.isfinite().all(), f"{where}: samples are not finite"
                if data.kind == "image" and not train:
                    most = samples.abs().max().item()
                    assert most <= 1, f"{where}: values reach {most:g}, beyond [-1, 1]"

    def test_discriminator_gives_logits_with_the_batch_first(self) -> None:
        """Bare, or in a `Critique` whose other parts have the batch first too."""
        for data, networks in self._built():
            critique = self._judge(networks, data)
            for name in ("logits", "features", "class_logits"):
                part = getattr(critique, name)
                assert part is None or len(part) == BATCH, f"on {data}: {name} {tuple(part.shape)}"
                assert part is None or part.isfinite().all(), f"on {data}: {name} are not finite"

    def test_capabilities_are_what_the_networks_can_do(self) -> None:
        """The networks do what is claimed, with options resolved for the needs of each cell."""
        for data in self.data:
            for needs in (frozenset[str](), frozenset({PER_SAMPLE_CRITIC})):
                resolved = self.component.resolve(needs, data)
                assert type(resolved) is type(self.component), "resolve gives another kind"
                assert resolved.resolve(needs, data) == resolved, (
                    "a second resolve changes the options"
                )
                self._check_claims(resolved, data)

    def test_every_parameter_is_trained(self) -> None:
        """Real steps, at any progress of a design that grows, give every parameter a gradient."""
        for data in self.data:
            trainer = self._trainer(data)
            found: dict[str, bool] = {}
            for share in SHARES if self._grows() else SHARES[:1]:
                _set_share(trainer, share)
                trainer.time_steps(2)
                assert trainer.failed_step() is None, f"on {data}: a gradient is not finite"
                for name, parameter in _parameters(trainer.networks):
                    if parameter.grad is not None:
                        found[name] = found.get(name, False) or bool(parameter.grad.any())
            for name, parameter in _parameters(trainer.networks):
                if parameter.requires_grad:
                    assert name in found, f"on {data}: {name} takes part in nothing"
                    assert found[name], f"on {data}: {name} gets a gradient of zeros"

    def test_weights_follow_from_the_random_state(self) -> None:
        """The same seed gives the same bits, another seed others."""
        for data in self.data:
            first, again, other = (_weights(self._build(data, seed)) for seed in (0, 0, 1))
            assert _equal(first, again), f"on {data}: the same seed builds different weights"
            assert not _equal(first, other), f"on {data}: every seed builds the same weights"

    def test_training_is_reproducible(self) -> None:
        """Two trainings with one seed give the same bits."""
        for data in self.data:
            # One after the other: layers that draw noise use the global random state.
            first, again = (_weights(self._trained(data)) for _ in range(2))
            assert _equal(first, again), f"on {data}: the same seed trains to different weights"

    def test_a_checkpoint_holds_everything(self) -> None:
        """A training that went through a checkpoint goes on to the same bits as one that did not."""
        for data in self.data:
            make = functools.partial(self._trainer, data)
            check_checkpoint(make, f"parameters and registered buffers (on {data})")

    def test_it_trains_on_a_gpu(self) -> None:
        """On a simulated GPU: everything lies on one device, no step waits, all bits are repeatable."""
        for data in self.data:
            for share in (0.0, SHARES[-1]) if self._grows() else (0.0,):
                make = functools.partial(self._at, share, data)
                check_on_gpu(make, f"on {data}, ")

    def test_it_grows_with_the_training(self) -> None:
        """At any progress a step is finite, and evaluation makes samples of the data's shape."""
        if not self._grows():
            return  # it is the same all the time
        for data in self.data:
            trainer = self._trainer(data)
            for share in SHARES[:-1]:
                _set_share(trainer, share)
                trainer.time_steps(1)
                assert trainer.failed_step() is None, f"on {data}, at {share}: not finite"
                samples = trainer.sampler().images(3, "samples")
                assert samples.shape == (3, *data.shape), f"on {data}, at {share}: {samples.shape}"

    def _check_claims(self, architecture: Architecture, data: DataSpec) -> None:
        claims = architecture.capabilities(data)
        networks = _Pair(architecture, data, 0)
        where = f"{architecture} on {data}"
        if PER_SAMPLE_CRITIC in claims:
            networks.train(True)
            plain = Networks(networks.generator, networks.discriminator)
            problem = network_problem(
                architecture, plain, data, frozenset({PER_SAMPLE_CRITIC}), CPU
            )
            assert problem is None, (
                f"{where} does not keep the claim {PER_SAMPLE_CRITIC}: {problem}"
            )
            _check_second_derivative(networks, data, where)
        critique = self._judge(networks, data)
        if STYLES in claims:
            _check_styles(networks, self._latents(data, BATCH), data, where)
        if CRITIC_FEATURES in claims:
            assert critique.features is not None, f"{where} gives no {CRITIC_FEATURES}"
            assert critique.features.ndim == 2, f"{where}: features are {critique.features.shape}"
        if CRITIC_CLASSES in claims:
            assert critique.class_logits is not None, f"{where} gives no {CRITIC_CLASSES}"
            assert critique.class_logits.shape == (BATCH, data.classes), (
                f"{where}: class logits are {tuple(critique.class_logits.shape)}"
            )

    def _built(self) -> Iterator[tuple[DataSpec, _Pair]]:
        for data in self.data:
            yield data, self._build(data, 0)

    def _build(self, data: DataSpec, seed: int) -> _Pair:
        return _Pair(self._resolved(data), data, seed)

    def _resolved(self, data: DataSpec) -> Architecture:
        """With options resolved for a cell without needs."""
        return self.component.resolve(frozenset(), data)

    def _trainer(self, data: DataSpec) -> Trainer:
        # Fully grown, so that a step takes in the most.
        return self._at(SHARES[-1] if self._grows() else 0.0, data)

    def _at(self, share: float, data: DataSpec, device: torch.device = CPU) -> Trainer:
        """A training at a share of its budget."""
        trainer = make_trainer(data, architecture=self.component, device=device)
        _set_share(trainer, share)
        return trainer

    def _grows(self) -> bool:
        return type(self.component).advance is not Architecture.advance

    def _trained(self, data: DataSpec) -> Networks:
        trainer = self._trainer(data)
        trainer.time_steps(2)
        return trainer.networks

    def _latents(self, data: DataSpec, count: int) -> Tensor:
        return self._resolved(data).sample_latents(count, torch.Generator().manual_seed(0), CPU)

    def _generate(self, networks: _Pair, data: DataSpec, count: int) -> Tensor:
        with torch.no_grad():
            if self.component.task in TRANSLATION:
                samples = networks.generator(made_up_images(data.source, count))
            else:
                labels = networks.labels(count)
                condition = () if labels is None else (labels,)
                samples = networks.generator(self._latents(data, count), *condition)
        assert isinstance(samples, Tensor), f"the generator gives {type(samples).__name__}"
        return samples

    def _judge(self, networks: _Pair, data: DataSpec) -> Critique:
        with torch.no_grad():
            return networks.judge(made_up_images(data))


class _Pair:
    """Networks as a trial builds them."""

    def __init__(self, architecture: Architecture, data: DataSpec, seed: int) -> None:
        seed_everything(seed, "weights")
        self.generator, self.discriminator = architecture.build(data)
        self._classes = data.classes if architecture.task == "class-conditional" else 0
        self._source = data.source if architecture.task == "paired-translation" else None

    def __iter__(self) -> Iterator[torch.nn.Module]:
        return iter((self.generator, self.discriminator))

    def train(self, mode: bool) -> _Pair:
        self.generator.train(mode)
        self.discriminator.train(mode)
        return self

    def labels(self, count: int) -> Tensor | None:
        return torch.arange(count) % self._classes if self._classes else None

    def judge(self, images: Tensor) -> Critique:
        condition = self.labels(len(images))
        if self._source is not None:
            condition = made_up_images(self._source, len(images))
        answer = self.discriminator(images, *(() if condition is None else (condition,)))
        assert isinstance(answer, (Tensor, Critique)), f"the discriminator gives {type(answer)}"
        return answer if isinstance(answer, Critique) else Critique(answer)


def _parameters(networks: Networks) -> Iterator[tuple[str, Tensor]]:
    modules = torch.nn.ModuleDict(networks._asdict())
    return modules.named_parameters(remove_duplicate=False)


def _set_share(trainer: Trainer, share: float) -> None:
    """Let a training believe that it has come so far."""
    assert trainer.schedule.total_steps is not None
    trainer.steps = int(share * trainer.schedule.total_steps)
    trainer.images = trainer.steps * trainer.images_per_step


def _check_styles(networks: _Pair, latents: Tensor, data: DataSpec, where: str) -> None:
    images, styles = networks.generator.with_styles(latents, networks.labels(len(latents)))  # type: ignore[operator]
    assert images.shape == (len(latents), *data.shape), f"{where}: with_styles {images.shape}"
    assert styles.ndim == 3, f"{where}: styles are {tuple(styles.shape)}, not (batch, layers, d)"
    (slopes,) = torch.autograd.grad(images.sum(), styles, create_graph=True)
    assert slopes.requires_grad, f"{where}: the slope by the styles has no second derivative"


def _check_second_derivative(networks: _Pair, data: DataSpec, where: str) -> None:
    """Gradient penalties differentiate the critic's gradient once more."""
    images = made_up_images(data).requires_grad_()
    logits = networks.judge(images).logits
    (slopes,) = torch.autograd.grad(logits.sum(), images, create_graph=True)
    slopes.square().sum().backward()
    gradients = [p.grad for p in networks.discriminator.parameters() if p.grad is not None]
    assert gradients, f"{where}: a gradient penalty reaches no parameter"
    assert all(g.isfinite().all() for g in gradients), f"{where}: a penalty's gradient is infinite"


def _weights(networks: _Pair | Networks) -> list[Tensor]:
    return [tensor for network in networks for tensor in weights(network)]


def _equal(one: list[Tensor], other: list[Tensor]) -> bool:
    return len(one) == len(other) and all(map(torch.equal, one, other))
