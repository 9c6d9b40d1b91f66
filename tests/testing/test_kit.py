"""The suites for plugin authors: good components pass, and each fault is caught by its test."""

from __future__ import annotations

import dataclasses
import itertools
from typing import ClassVar

import pytest
import torch
from torch import nn
from torch.nn.functional import softplus

import ganbench as gb
from ganbench.testing import (
    ArchitectureTests,
    AugmentationTests,
    DatasetTests,
    ExtractorTests,
    LossTests,
    RegularizerTests,
    installed,
)
from ganbench.testing.partners import Partner, PartnerCritic, PartnerGenerator, made_up_samples

DATA = (gb.DataSpec(1, 8, 8, classes=3), gb.DataSpec(2, 1, 1, kind="points"))


def failures(suite, **attributes):
    """Names of the suite's tests that fail, each with the error's text."""
    tests, found = type("Suite", (suite,), attributes)(), {}
    for name in dir(tests):
        if name.startswith("test_"):
            try:
                getattr(tests, name)()
            except Exception as error:
                found[name] = f"{type(error).__name__}: {error}"
    return found


class Good(gb.Loss):
    generator_uses_real = False

    margin: float = 1.0

    def discriminator(self, real, fake):
        return softplus(self.margin - real).mean() + softplus(self.margin + fake).mean()

    def generator(self, real, fake):
        return -fake.mean()


class HidesReal(Good):
    def generator(self, real, fake):
        return softplus((0 if real is None else real) - fake).mean()


class ReadsReal(Good):
    def generator(self, real, fake):
        return softplus(real - fake).mean()


class ReadsFeatures(Good):
    def generator_loss(self, view):
        return super().generator_loss(view) + view.fake_critique.features.square().mean()


class Returns(Good):
    def discriminator(self, real, fake):
        return super().discriminator(real, fake).item()


class Detached(Good):
    def generator(self, real, fake):
        return -fake.detach().mean()


class WastesReal(Good):
    generator_uses_real = True


class Unsaid(gb.Loss):
    """As short as a loss can be."""

    def discriminator(self, real, fake):
        return softplus(1 - real).mean() + softplus(1 + fake).mean()

    def generator(self, real, fake):
        return -fake.mean()


class Overflowing(Good):
    def discriminator(self, real, fake):
        return torch.log(1 + torch.exp(-real)).mean() + torch.log(1 + torch.exp(fake)).mean()


class UpsideDown(Good):
    def discriminator(self, real, fake):
        return super().discriminator(fake, real)


class PerSample(Good):
    def generator(self, real, fake):
        return -fake


class Forgetful(Good):
    def discriminator(self, real, fake):
        return fake.mean()


class Peeking(Good):
    def discriminator(self, real, fake):
        return super().discriminator(real, fake) * min(1.0, 1 + abs(real.mean().item()))


class Noisy(Good):
    def discriminator(self, real, fake):
        return super().discriminator(real + 0.1 * torch.randn_like(real), fake)


class Overwriting(Good):
    def discriminator(self, real, fake):
        return super().discriminator(real.data.mul_(0.9) + 0 * real, fake)


class Heavy(Good):
    def __post_init__(self):
        object.__setattr__(self, "weights", torch.randn(3))


class Misadvising(Good):
    recommends: ClassVar = {"learning_rate": 1}


class Mistyped(Good):
    weight: int = "a"


class Bare(Good):
    weight = 2.0


class Unspeakable(Good):
    table: dict = dataclasses.field(default_factory=dict)


class Averaging(Good):
    """Centres real logits by a running mean, which a checkpoint holds."""

    def initial_state(self, device):
        return {"mean": torch.zeros((), device=device)}

    def discriminator_loss(self, view):
        mean = self.followed(view.state, view.real_logits.detach().mean())
        return self.discriminator(view.real_logits - mean, view.fake_logits - mean)

    def followed(self, state, mean):
        return state["mean"].lerp_(mean, 0.5).clone()


class Forgetting(Averaging):
    def followed(self, state, mean):
        state["mean"] = torch.lerp(state["mean"], mean, 0.5)
        return state["mean"]


class Remembering(Averaging):
    """Its mean is where no checkpoint finds it."""

    kept: ClassVar = {}

    def followed(self, state, mean):
        kept, place = type(self).kept, mean.device
        kept[place] = torch.lerp(kept.get(place, torch.zeros_like(mean)), mean, 0.5)
        return kept[place]


CHECKPOINT = "test_a_checkpoint_holds_everything"
PURE = "test_the_losses_of_a_step_are_pure_but_for_their_state"
DECLARED = "test_its_options_are_declared_right"
STEPS = "test_two_steps_of_training"
GPU = "test_it_trains_on_a_gpu"
LOGIT_TESTS = (
    "test_losses_are_scalars_with_gradients",
    "test_losses_are_pure_functions",
    "test_extreme_logits_give_finite_losses_and_gradients",
    "test_a_higher_logit_means_more_real",
)
CREATE, SPEC = "test_it_is_cheap_to_create", "test_its_options_can_be_written_as_a_spec"


@pytest.mark.parametrize(
    ("loss", "caught"),
    [
        (Good(margin=0.5), {}),
        (Unsaid(), {}),
        (HidesReal(), {"test_generator_uses_real_is_true": "set generator_uses_real = True"}),
        (
            ReadsReal(),
            dict.fromkeys(
                (*LOGIT_TESTS, STEPS, PURE, CHECKPOINT, "test_generator_uses_real_is_true"),
                "generator() of loss ReadsReal reads `real`, and generator_uses_real is False: set "
                "generator_uses_real = True",
            ),
        ),
        (
            ReadsFeatures(),
            {
                STEPS: "generator() of loss ReadsFeatures reads features of the discriminator, which "
                "this architecture does not give: declare needs = {'critic-features': 'why'}"
            },
        ),
        (
            Returns(),
            dict.fromkeys(
                (*LOGIT_TESTS, STEPS, PURE, CHECKPOINT),
                "discriminator() of loss Returns returns a float",
            ),
        ),
        (
            Detached(),
            dict.fromkeys(
                (LOGIT_TESTS[0], *LOGIT_TESTS[2:], STEPS, CHECKPOINT),
                "generator() of loss Detached returns a loss without a gradient",
            ),
        ),
        (WastesReal(), {"test_generator_uses_real_is_true": "saves a pass"}),
        (
            Overflowing(),
            {
                "test_extreme_logits_give_finite_losses_and_gradients": "discriminator at logits "
                "100 (real) and 100 (fake): the loss is inf"
            },
        ),
        (UpsideDown(), {"test_a_higher_logit_means_more_real": "below fake ones"}),
        (
            PerSample(),
            {
                "test_losses_are_scalars_with_gradients": "of shape (8,): return a scalar, such as its",
                "test_losses_are_pure_functions": "",
                "test_extreme_logits_give_finite_losses_and_gradients": "",
                "test_generator_uses_real_is_true": None,
                "test_a_higher_logit_means_more_real": "",
                "test_two_steps_of_training": "",
                PURE: "",
                CHECKPOINT: "",
            },
        ),
        (
            Forgetful(),
            {
                "test_losses_are_scalars_with_gradients": "does not depend on real logits",
                "test_a_higher_logit_means_more_real": None,
            },
        ),
        (Peeking(), {GPU: "keep the value in a tensor"}),
        (
            Noisy(),
            {
                "test_losses_are_pure_functions": "draws from a global random state",
                PURE: "draws from a global",
            },
        ),
        (
            Overwriting(),
            {
                "test_losses_are_pure_functions": "and then",
                "test_losses_are_scalars_with_gradients": None,
            },
        ),
        (Averaging(), {}),
        (
            Forgetting(),
            {
                PURE: "updated in place",
                CHECKPOINT: None,
            },
        ),
        (
            Remembering(),
            {
                PURE: "the same view gives",
                CHECKPOINT: "initial_state or network_state",
            },
        ),
        (Heavy(), {CREATE: "draws from a global random state"}),
        (
            Misadvising(),
            {
                "test_it_recommends_settings_that_exist": "no option 'learning_rate'",
                "test_two_steps_of_training": "no option 'learning_rate'",
                PURE: "no option",
                CHECKPOINT: "no option",
            },
        ),
        (
            Unspeakable(table={"a": 1}),
            {DECLARED: "option table", **dict.fromkeys((SPEC, STEPS, PURE, CHECKPOINT), "table")},
        ),
        (
            Mistyped(),
            {
                DECLARED: "default 'a' of type str",
                SPEC: None,
                **dict.fromkeys((STEPS, PURE, CHECKPOINT), "default 'a'"),
            },
        ),
        (
            Bare(),
            {DECLARED: "add an annotation: weight: float = 2.0"},
        ),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, gb.Loss) else "",
)
def test_losses(loss, caught):
    assert_caught(failures(LossTests, component=loss), caught)


def assert_caught(found, caught):
    """The tests that are named fail with these words, and no others do; None may go either way."""
    for name, words in caught.items():
        if words is not None:
            assert words in found[name]
    # With a fault, these may find more.
    more = {GPU, "test_it_runs_on_a_gpu", "test_it_says_whether_it_follows_the_budget"}
    may = more if caught else set()
    assert found.keys() <= caught.keys() | may, found


class Tiny(gb.Architecture):
    latent_dim: int = 4

    def build(self, data):
        return gb.Networks(PartnerGenerator(self.latent_dim, data), PartnerCritic(data))


class BatchNormal(Tiny):
    def build(self, data):
        critic = nn.Sequential(nn.Flatten(), nn.LazyLinear(8), nn.BatchNorm1d(8), nn.Linear(8, 1))
        critic(torch.zeros(2, *data.shape))
        return super().build(data)._replace(discriminator=Unlabelled(critic))


class Unlabelled(nn.Module):
    def __init__(self, layers):
        super().__init__()
        self.layers = layers

    def forward(self, images, labels=None):
        return self.layers(images)


class SelfSeeding(Tiny):
    def build(self, data):
        torch.manual_seed(0)
        return super().build(data)


class Entropic(Tiny):
    def build(self, data):
        networks = super().build(data)
        source = torch.Generator()
        source.seed()
        with torch.no_grad():
            networks.generator.inner[0].weight.normal_(generator=source)
        return networks


class Idle(Tiny):
    def build(self, data):
        networks = super().build(data)
        networks.generator.spare = nn.Parameter(torch.zeros(3))
        return networks


class Unbounded(Tiny):
    def build(self, data):
        networks = super().build(data)
        networks.generator.outer[-1] = nn.Identity()
        networks.generator.outer[-3].bias.data += 5
        return networks


class WrongSize(Tiny):
    def build(self, data):
        return super().build(dataclasses.replace(data, height=data.height + 1))


class Secretive(Tiny):
    """Its critic keeps a number that no checkpoint knows of."""

    def build(self, data):
        return super().build(data)._replace(discriminator=Counting(data))


class Counting(PartnerCritic):
    def __init__(self, data):
        super().__init__(data)
        self.calls = 0

    def forward(self, images, labels=None):
        self.calls += 1
        return gb.Critique(super().forward(images).logits * self.calls)


class Boasting(Tiny):
    def capabilities(self, data):
        return frozenset({gb.PER_SAMPLE_CRITIC, gb.CRITIC_CLASSES})

    def build(self, data):
        return super().build(data)._replace(discriminator=Unlabelled(OnlyLogits(data)))


class OnlyLogits(PartnerCritic):
    def forward(self, images, labels=None):
        return super().forward(images).logits


class LatentSphere(Tiny):
    """Its latents are drawn from the wrong source, and are one too many."""

    def sample_latents(self, count, random, device):
        return torch.randn(count, self.latent_dim + 1)


class Conditional(Tiny):
    task = "class-conditional"

    def build(self, data):
        generator, _ = super().build(data)
        critic = PartnerCritic(dataclasses.replace(data, classes=0))
        return gb.Networks(Embedding(generator, self.latent_dim, data), Projection(critic, data))


class Embedding(nn.Module):
    def __init__(self, generator, latent_dim, data):
        super().__init__()
        self.generator, self.classes = generator, nn.Embedding(data.classes, latent_dim)

    def forward(self, latents, labels):
        return self.generator(latents + self.classes(labels))


class Projection(nn.Module):
    def __init__(self, critic, data):
        super().__init__()
        self.critic, self.classes = critic, nn.Embedding(data.classes, 16)

    def forward(self, images, labels):
        critique = self.critic(images)
        logits = critique.logits + (critique.features * self.classes(labels)).sum(1)
        return gb.Critique(logits, critique.features, critique.class_logits)


LOGITS = "test_discriminator_gives_logits_with_the_batch_first"
SHAPE = "test_generator_makes_samples_of_the_datas_shape"
CLAIMS = "test_capabilities_are_what_the_networks_can_do"
SEEDS = "test_weights_follow_from_the_random_state"
BITS = "test_training_is_reproducible"
PARAMETERS = "test_every_parameter_is_trained"
CHECKPOINT = "test_a_checkpoint_holds_everything"
UNCLASSIFIED = (gb.DataSpec(1, 8, 8), gb.DataSpec(2, 1, 1, kind="points"))


@pytest.mark.parametrize(
    ("architecture", "caught"),
    [
        (Tiny(latent_dim=3), {}),
        (Partner(), {}),
        (BatchNormal(), {CLAIMS: "depends on the rest of its batch"}),
        (SelfSeeding(), {SEEDS: "every seed builds the same weights"}),
        (
            Entropic(),
            {
                SEEDS: "the same seed builds different weights",
                BITS: "the same seed trains to different weights",
                CHECKPOINT: None,
            },
        ),
        (Idle(), {PARAMETERS: "generator.spare takes part in nothing"}),
        (Unbounded(), {SHAPE: "beyond [-1, 1]"}),
        (
            WrongSize(),
            dict.fromkeys((SHAPE, LOGITS, PARAMETERS, BITS, CHECKPOINT, CLAIMS), ""),
        ),
        (
            Secretive(),
            {CHECKPOINT: "keep everything in parameters and registered buffers", CLAIMS: None},
        ),
        (Boasting(), {CLAIMS: "gives no critic-classes"}),
        (
            LatentSphere(),
            {
                "test_latents_have_the_length_that_it_says": "draws from a global random state",
                **dict.fromkeys((SHAPE, PARAMETERS, BITS, CHECKPOINT, CLAIMS), ""),
            },
        ),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, gb.Architecture) else "",
)
def test_architectures(architecture, caught):
    found = failures(ArchitectureTests, component=architecture, data=UNCLASSIFIED)
    assert_caught(found, caught)


def test_class_conditional_architectures_are_given_labels():
    assert failures(ArchitectureTests, component=Conditional(), data=DATA[:1]) == {}
    found = failures(ArchitectureTests, component=Conditional(), data=UNCLASSIFIED)
    assert "the data has no classes" in found[PARAMETERS]


class Penalty(gb.Regularizer):
    differentiates = frozenset({"real"})

    weight: float = 1.0

    def initial_state(self, device):
        return {"mean": torch.zeros((), device=device)}

    def discriminator(self, view):
        (slopes,) = torch.autograd.grad(view.real_logits.sum(), view.real, create_graph=True)
        term = slopes.square().sum()
        view.state["mean"].lerp_(term.detach(), 0.1)
        return self.weight * term


class Undeclared(Penalty):
    differentiates = frozenset()


class Rebinding(Penalty):
    def discriminator(self, view):
        view.state["mean"] = view.state["mean"] + 1
        return super().discriminator(view)


class Vector(Penalty):
    def discriminator(self, view):
        return view.real_logits.square()


class Ineffective(Penalty):
    def discriminator(self, view):
        return view.latents.square().mean().requires_grad_()


class Dicing(Penalty):
    def discriminator(self, view):
        return super().discriminator(view) * torch.rand(())


class PathLength(gb.Regularizer):
    players = frozenset({"generator"})

    def generator(self, view):
        latents = view.latents.detach().requires_grad_()
        images = view.generate(latents)
        noise = torch.randn(images.shape, generator=view.random, device=images.device)
        (slopes,) = torch.autograd.grad((images * noise).sum(), latents, create_graph=True)
        return slopes.square().sum(1).mean()


TERMS = "test_terms_are_scalars_that_reach_their_player"
RANDOM, STATE = "test_randomness_is_its_own", "test_state_is_kept_in_place"


@pytest.mark.parametrize(
    ("regularizer", "caught"),
    [
        (Penalty(), {}),
        (Penalty(every=4), {}),
        (PathLength(), {}),
        (
            Undeclared(),
            dict.fromkeys(
                (TERMS, RANDOM, STATE, STEPS, CHECKPOINT), "set differentiates = frozenset("
            ),
        ),
        (Rebinding(), {STATE: "must be updated in place"}),
        (
            Vector(),
            {
                TERMS: "returns a tensor of shape (8,)",
                RANDOM: "",
                STATE: "",
                STEPS: "",
                CHECKPOINT: "",
            },
        ),
        (
            Ineffective(),
            {TERMS: "the term does nothing to the discriminator", STEPS: "is the same without"},
        ),
        (Dicing(), {RANDOM: "draws from a global random state"}),
        (Penalty(weight=0.0), {TERMS: "does nothing", STEPS: "is the same without"}),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, gb.Regularizer) else "",
)
def test_regularizers(regularizer, caught):
    assert_caught(failures(RegularizerTests, component=regularizer), caught)


class StylePath(gb.Regularizer):
    """A term on a generator's styles."""

    players = frozenset({"generator"})
    needs: ClassVar = {gb.STYLES: "it differentiates images by them"}

    def generator(self, view):
        images, styles = view.with_styles(view.latents)
        (slopes,) = torch.autograd.grad(images.sum(), styles, create_graph=True)
        return slopes.square().sum((1, 2)).mean()


class DeviceSharing(gb.Regularizer):
    """A term of the discriminator on images that it has the generator make."""

    def discriminator(self, view):
        with torch.no_grad():
            images = view.generate(view.latents + 0.1)
        return (view.critic(images) - view.fake_logits).square().mean()


class StyledByClass(Conditional):
    def capabilities(self, data):
        return super().capabilities(data) | {gb.STYLES}

    def build(self, data):
        generator, critic = super().build(data)
        return gb.Networks(StyledEmbedding(generator.generator, self.latent_dim, data), critic)


class StyledEmbedding(Embedding):
    def with_styles(self, latents, labels):
        return self.generator.with_styles(latents + self.classes(labels))


@pytest.mark.parametrize(
    ("regularizer", "architecture"),
    [(StylePath(), StyledByClass()), (DeviceSharing(), StyledByClass()), (DeviceSharing(), Tiny())],
    ids=lambda value: type(value).__name__,
)
def test_regularizers_see_in_the_suite_what_they_see_in_training(regularizer, architecture):
    assert not failures(RegularizerTests, component=regularizer, architecture=architecture)


@pytest.mark.parametrize(
    ("spec", "pairing"),
    [
        ("pix2pix[width=4,layers=1,norm=instance]", "paired"),
        ("cyclegan[width=4,blocks=1,layers=1]", "unpaired"),
    ],
)
def test_losses_and_penalties_of_translations(spec, pairing):
    partners = {
        "architecture": gb.get("architecture", spec),
        "data": gb.DataSpec(3, 16, 16, source_channels=1, pairing=pairing),
    }
    assert not failures(LossTests, component=Averaging(), **partners)
    assert not failures(RegularizerTests, component=Penalty(), **partners)


class Brightness(gb.Augmentation):
    def apply(self, images, random, state):
        draw = torch.randn(len(images), 1, 1, 1, generator=random, device=images.device)
        return images + 0.1 * draw


class OnTheCpu(Brightness):
    def apply(self, images, random, state):
        return images + 0.1 * torch.randn(len(images), 1, 1, 1, generator=random)


class Rounding(Brightness):
    def apply(self, images, random, state):
        return images.round()


class Careless(Brightness):
    def apply(self, images, random, state):
        return images + 0.1 * torch.randn(len(images), 1, 1, 1)


class NotIdentical(Brightness):
    identity = True


class Replacing(Brightness):
    def initial_state(self, device):
        return {"p": torch.zeros((), device=device)}

    def observe(self, real_logits, state):
        state["p"] = state["p"] + real_logits.sign().mean()


class Hoarding(Brightness):
    """Its state is where no checkpoint finds it."""

    seen: ClassVar = []

    def apply(self, images, random, state):
        self.seen.append(images.mean().item())
        return super().apply(images, random, state) + 0.01 * len(self.seen)


@pytest.mark.parametrize(
    ("augmentation", "caught"),
    [
        (Brightness(), {}),
        (
            Rounding(),
            {
                "test_images_keep_their_shape_and_pass_gradients_on": "no gradient comes through",
                "test_a_gradient_penalty_goes_through_it": "cannot be differentiated through apply",
            },
        ),
        (OnTheCpu(), {GPU: "Expected a 'cpu' device type for generator but found 'cuda'"}),
        (Careless(), {RANDOM: "draws from a global random state"}),
        (NotIdentical(), {"test_identity_means_that_nothing_changes": "it changes images"}),
        (Replacing(), {STATE: "must be updated in place"}),
        (
            Hoarding(),
            {RANDOM: "the same generator gives other images", CHECKPOINT: "of initial_state"},
        ),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, gb.Augmentation) else "",
)
def test_augmentations(augmentation, caught):
    assert_caught(failures(AugmentationTests, component=augmentation), caught)


class Squares(gb.Dataset):
    def spec(self, root):
        return gb.DataSpec(1, 8, 8, classes=3)

    def load(self, split, root):
        return made_up_samples(self.spec(root), 32, seed=len(split))


class Leaking(Squares):
    def load(self, split, root):
        return super().load("train", root)


class Mislabelled(Squares):
    def load(self, split, root):
        data = super().load(split, root)
        return dataclasses.replace(data, labels=data.labels + 1)


class Misjudged(Squares):
    def spec(self, root):
        return gb.DataSpec(1, 8, 9, classes=3)

    def load(self, split, root):
        return made_up_samples(gb.DataSpec(1, 8, 8, classes=3), 32, seed=len(split))


class Restless(Squares):
    def load(self, split, root):
        data = super().load(split, root)
        return dataclasses.replace(data, images=data.images[torch.randperm(len(data))])


class Vast(Squares):
    """It gives a torch data set, as for what does not fit in memory."""

    def load(self, split, root):
        return Pairs(super().load(split, root))


class Pairs(torch.utils.data.Dataset):
    def __init__(self, data):
        self.data = data

    def __len__(self):
        return len(self.data)

    def __getitem__(self, index):
        return self.data.images[index], int(self.data.labels[index])


class Unsendable(Squares):
    def load(self, split, root):
        pairs = Pairs(super().load(split, root))
        pairs.open = lambda: None
        return pairs


class OutOfRange(Squares):
    def load(self, split, root):
        data = made_up_samples(gb.DataSpec(1, 8, 8, kind="points"), 32, seed=len(split))
        return gb.ImageData(data.images * 3, torch.arange(32) % 3)


@pytest.mark.parametrize(
    ("dataset", "caught"),
    [
        (Squares(), {}),
        (Vast(), {}),
        (Leaking(), {"test_splits_are_disjoint": "100.0% of the test samples are training"}),
        (Mislabelled(), {"test_labels_are_classes": "label 3 of 3 classes"}),
        (
            Misjudged(),
            {"test_spec_agrees_with_what_is_loaded": "(1, 8, 8), spec says (1, 8, 9)"},
        ),
        (Restless(), {"test_loading_is_reproducible": "draws from a global random state"}),
        (
            Unsendable(),
            {"test_data_that_does_not_fit_in_memory_can_be_sent_to_loader_processes": "pickle"},
        ),
        (
            OutOfRange(),
            {
                "test_samples_are_8_bit_images_or_points": "points lie beyond [-1, 1]",
                "test_spec_agrees_with_what_is_loaded": "of kind points, spec says image",
            },
        ),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, gb.Dataset) else "",
)
def test_data_sets(dataset, caught):
    assert_caught(failures(DatasetTests, component=dataset), caught)


class Means(gb.Extractor):
    def prepare(self, context):
        return gb.FeatureNetwork("means", self.forward)

    def forward(self, images):
        return gb.Features(images.float().mean((2, 3)))


class Whitening(Means):
    def forward(self, images):
        means = images.float().mean((2, 3))
        return gb.Features(means - means.mean(0))


COUNT = itertools.count()


class Unstable(Means):
    def prepare(self, context):
        projection = torch.randn(1, 4, generator=torch.Generator().manual_seed(next(COUNT)))
        return gb.FeatureNetwork(
            "random", lambda images: gb.Features(images.float().mean((2, 3)) @ projection)
        )


@pytest.mark.parametrize(
    ("extractor", "caught"),
    [
        (Means(), {}),
        (
            Whitening(),
            {"test_features_are_vectors_of_each_sample_alone": "features depend on its batch"},
        ),
        (
            Unstable(),
            {"test_equal_identities_give_equal_features": "identity random give other"},
        ),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, gb.Extractor) else "",
)
def test_extractors(extractor, caught):
    found = failures(ExtractorTests, component=extractor, data=DATA[:1])
    assert_caught(found, caught)


def test_a_component_that_no_module_holds_cannot_be_sent():
    class Local(Good):
        pass

    found = failures(LossTests, component=Local())
    assert found.keys() == {"test_it_can_be_sent_to_another_process"}


class TestInstalled:
    def plugin(self, name):
        class Plugin:
            @gb.hookimpl
            def ganbench_losses(self, register):
                register(name, Good)

        return Plugin()

    def test_a_plugin_is_known_for_as_long_as_it_lasts(self):
        with installed(self.plugin("good"), "mine", "2.0") as registry:
            info = gb.components("loss")["good"]
            assert (info.provider, info.version) == ("mine", "2.0")
            assert gb.get("loss", "good[margin=2.0]") == Good(margin=2.0)
            assert "mine" in {plugin.distribution for plugin in registry.plugins}
            with installed(self.plugin("better")):
                assert {"good", "better", "hinge"} <= gb.components("loss").keys()
        assert not {"good", "better"} & gb.components("loss").keys()

    def test_a_plugin_that_fails_is_told_in_the_registry(self):
        with installed(self.plugin("BAD NAME")) as registry:
            (record,) = (p for p in registry.plugins if p.distribution == "under-test")
            assert record.state == "failed"
            assert "bad loss name 'BAD NAME'" in record.error
