"""Every component that ganbench ships can be recorded, or is listed here with the reason."""

from __future__ import annotations

import pytest
import torch

import ganbench as gb
from ganbench import CRITIC_CLASSES, STYLES, DataSpec
from ganbench.testing.harness import make_trainer
from ganbench.training.capture import CannotRecordError
from ganbench.training.op_log import HostWaitError, OpLog, difference
from ganbench.training.recorded import Recorded

DATA = DataSpec(3, 16, 16, classes=3)
SOURCES = {
    "paired-translation": DataSpec(3, 16, 16, source_channels=1, pairing="paired"),
    "unpaired-translation": DataSpec(3, 16, 16, source_channels=3, pairing="unpaired"),
}
STYLEGAN2 = "stylegan2[channel_base=64,channel_max=8,latent_dim=8,w_dim=8,mapping_layers=2]"
#: Small specs, and one for each way in which an architecture trains.
ARCHITECTURES = {
    "biggan": ["biggan[width=4,latent_dim=16,shared_dim=8]"],
    "cyclegan": ["cyclegan[width=4,layers=1,blocks=1,fake_pool=4]"],
    "dcgan": [
        *(f"dcgan[latent_dim=4,width=4,d_norm={norm}]" for norm in ("batch", "layer", "spectral")),
        "dcgan[latent_dim=4,width=4,d_norm=none,g_norm=instance,minibatch=3]",
    ],
    "mlp": ["mlp[d_widths=[16],g_widths=[16]]", "mlp[d_widths=[16],g_widths=[16],maxout=2]"],
    "pix2pix": ["pix2pix[width=4,layers=1]"],
    "progan": ["progan[fmap_base=64,fmap_max=8,latent_dim=8]"],
    "r3gan": [
        "r3gan[width=16,cardinality=4,latent_dim=8]",
        "r3gan[width=16,cardinality=4,latent_dim=8,conditional=true]",
    ],
    "sagan": ["sagan[g_width=8,d_width=8]"],
    "sngan": [
        "sngan[g_width=4,d_width=4]",
        "sngan[conditional=true,d_condition=projection,g_width=4,d_width=4]",
    ],
    "stylegan2": [STYLEGAN2, f"{STYLEGAN2[:-1]},conditional=true]"],
}  # fmt: skip
REGULARIZERS = {"path-length": STYLEGAN2}
AUGMENTATIONS = {
    "ada": ["ada[policy=bgcx,p=0.5]", "ada[p_final=0.5]"],
    "diffaugment": ["diffaugment"],
}
#: Component -> why its steps are eager for good. None is.
EAGER: dict[str, str] = {}
PLAIN = "dcgan[latent_dim=4,width=4,d_norm=none]"


def shipped(kind):
    """Names of the components that ganbench ships."""
    return [info.name for info in gb.components(kind).values() if info.provider == "ganbench"]


def recorded(spec, **parts):
    """Why a training with these components is eager, if it is, after a recorded step."""
    architecture = gb.get("architecture", spec)
    data = SOURCES.get(architecture.task, DATA)
    settings = {"d_steps": 1}
    run = make_trainer(
        data, architecture=architecture, settings=settings, capture=Recorded(), **parts
    )
    run.time_steps(2 if not architecture.fake_pool else 3)
    assert run.failed_step() is None
    assert run.executor.reason is not None or run.lasting
    return run.executor.reason


@pytest.mark.parametrize(
    "spec", [s for name in shipped("architecture") for s in ARCHITECTURES[name]]
)
def test_architectures(spec):
    loss = gb.get("loss", "lsgan") if gb.get("architecture", spec).task in SOURCES else None
    assert recorded(spec, loss=loss) == EAGER.get(spec)


@pytest.mark.parametrize("name", shipped("loss"))
def test_losses(name):
    loss = gb.get("loss", name)
    classes = CRITIC_CLASSES in loss.needs
    spec = "sngan[conditional=true,g_width=4,d_width=4]" if classes else PLAIN
    assert recorded(spec, loss=loss) == EAGER.get(name)


@pytest.mark.parametrize("name", shipped("regularizer"))
def test_regularizers(name):
    regularizer = gb.get("regularizer", name)
    spec = STYLEGAN2 if STYLES in regularizer.needs else PLAIN
    assert recorded(spec, regularizers=[regularizer]) == EAGER.get(name)


@pytest.mark.parametrize(
    "spec", [s for n in shipped("augmentation") for s in AUGMENTATIONS.get(n, [n])]
)
def test_augmentations(spec):
    assert recorded(PLAIN, augmentations=[gb.get("augmentation", spec)]) == EAGER.get(spec)


# -- the log itself


def logged(work):
    log = OpLog()
    with log:
        made = work()
    return log, made


def test_a_replay_does_the_operations_again_on_the_same_tensors():
    x, weight = torch.arange(4.0), torch.nn.Parameter(torch.ones(4))
    random = torch.Generator().manual_seed(0)

    def work():
        x.mul_(2)
        noise = torch.randn(4, generator=random)
        loss = ((x.view(2, 2).T.reshape(4) + noise) * weight).sum()
        (slope,) = torch.autograd.grad(loss, weight)
        return slope, noise

    log, (slope, noise) = logged(work)
    assert torch.equal(slope, torch.tensor([0.0, 4, 2, 6]) + noise)
    log.replay()
    assert torch.equal(x, 4 * torch.arange(4.0))
    first = torch.Generator().manual_seed(0)
    torch.randn(4, generator=first)
    assert torch.equal(noise, torch.randn(4, generator=first))
    assert torch.equal(slope, torch.tensor([0.0, 8, 4, 12]) + noise)


@pytest.mark.parametrize(
    "work",
    [
        lambda x: x.sum().item(),
        lambda x: x[x > 0],
        lambda x: torch.where(x > 0),
        lambda x: bool((x > 0).all()),
        lambda x: x.masked_select(x > 0),
    ],
)
def test_what_makes_the_host_wait_is_an_error_with_its_line(work):
    with pytest.raises(HostWaitError, match=f"{__file__}:"):
        logged(lambda: work(torch.randn(3)))


def test_equal_steps_have_equal_logs_and_others_say_where_they_differ():
    x = torch.ones(3)

    def step(factor, other=x, twice=False):
        made = (x * factor + other).exp()
        return made.sin() if twice else made

    same, shorter = torch.ones(3), torch.ones(1)
    one = logged(lambda: step(2))[0]
    assert difference(one, logged(lambda: step(2))[0]) is None
    for other, what in (
        (lambda: step(3), "a number or option of mul.Tensor is 2 in one step and 3 in another"),
        (lambda: step(2, same), "is another one in another step"),
        (lambda: step(2, shorter), "has another shape or layout"),
        (lambda: step(2, twice=True), "only one of two steps does sin.default"),
    ):
        assert what in difference(one, logged(other)[0])


def test_a_recording_of_a_wait_is_refused():
    with pytest.raises(CannotRecordError, match="makes the host wait"):
        Recorded().record(lambda number: lambda: torch.ones(1).sum().item())


def test_a_tensor_that_is_reshaped_in_place_later_is_computed_again():
    given = torch.ones(2, 3)
    with OpLog() as log:
        sums = given.sum(1)
        doubled = sums.unsqueeze_(1) * 2
    given.fill_(2)
    log.replay()
    assert doubled.tolist() == [[12.0], [12.0]]
