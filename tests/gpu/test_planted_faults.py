"""Faults of components that only a GPU shows: each is found, with its file and its line."""

from __future__ import annotations

import pytest
import torch
from gpus import RealGpu
from torch.nn import functional as F

import ganbench as gb
from ganbench.base.backends import default_switches
from ganbench.testing.gpu_checks import check_on_gpu
from ganbench.testing.harness import make_trainer
from ganbench.testing.simulated_gpu import simulated_gpu

DATA = gb.DataSpec(1, 8, 8)


class Faulty(gb.Loss):
    """A loss whose discriminator's part has a fault."""

    def discriminator(self, real, fake):
        return F.softplus(1 - real).mean() + F.softplus(1 + self.broken(fake)).mean()

    def generator(self, real, fake):
        return -fake.mean()


class ReadsAValue(Faulty):
    def broken(self, logits):
        return logits / max(1.0, logits.abs().max().item())  # the fault


class BranchesOnAValue(Faulty):
    def broken(self, logits):
        return logits if logits.mean() > 0 else 2 * logits  # the fault


class CopiesANumber(Faulty):
    def broken(self, logits):
        return logits * torch.tensor(0.5, device=logits.device)  # the fault


class SelectsByAMask(Faulty):
    def broken(self, logits):
        return logits[logits.isfinite()]  # the fault


class IndexesFromTheCpu(Faulty):
    def broken(self, logits):
        return logits[torch.arange(4)]  # the fault


class Synchronizes(Faulty):
    def broken(self, logits):
        torch.cuda.synchronize()  # the fault
        return logits


class MixesDevices(Faulty):
    def broken(self, logits):
        return logits * torch.ones(len(logits))  # the fault


class LeavesPyTorch(Faulty):
    def broken(self, logits):
        return logits * float(logits.detach().numpy().max())  # the fault


class Alters(gb.Augmentation):
    """An augmentation with a fault."""

    def apply(self, images, random, state):
        return self.broken(images)


class DrawsOnTheCpu(Alters):
    def broken(self, images):
        source = torch.Generator()
        return images * torch.rand(8, 1, 8, 8, generator=source, device="cuda")  # the fault


class PadsByReflection(Alters):
    def broken(self, images):
        return F.pad(images, [1] * 4, mode="reflect")[..., 1:-1, 1:-1]  # the fault


class PoolsByMaximum(Alters):
    def broken(self, images):
        return F.max_pool2d(images, 3, stride=1, padding=1)  # the fault


class AddsUp(Alters):
    def broken(self, images):
        return images.cumsum(-1) / 8  # the fault


WAITS = [
    *(ReadsAValue, BranchesOnAValue, CopiesANumber, SelectsByAMask, IndexesFromTheCpu),
    Synchronizes,
]
REFUSED = [MixesDevices, LeavesPyTorch, DrawsOnTheCpu]
UNSTABLE = [PadsByReflection, PoolsByMaximum, AddsUp]
SAYS = {
    **dict.fromkeys(WAITS, "makes the host wait for the GPU; "),
    MixesDevices: "Expected all tensors to be on the same device",
    LeavesPyTorch: "can't convert cuda:0 device type tensor to numpy",
    DrawsOnTheCpu: "Expected a 'cuda' device type for generator but found 'cpu'",
    **dict.fromkeys(UNSTABLE, "may give other bits in every run on a GPU; "),
}


@pytest.mark.parametrize("fault", SAYS, ids=lambda cls: cls.__name__)
def test_a_fault_is_found_where_it_stands(fault):
    component = fault()
    parts = (
        {"loss": component} if isinstance(component, gb.Loss) else {"augmentations": [component]}
    )
    with pytest.raises(AssertionError, match="on a GPU") as caught:
        check_on_gpu(lambda device: make_trainer(DATA, device=device, **parts))
    message = str(caught.value)
    assert SAYS[fault] in message
    assert f"{__file__}:" in message
    assert "# the fault" in message


def test_the_watch_of_a_real_gpu_finds_faults_too():
    """As far as the driver tells: the simulated one tells the same."""
    with default_switches(), simulated_gpu():
        gpu = RealGpu()
        images = torch.ones(8, 1, 8, 8, device="cuda", requires_grad=True)
        for fault, kind in ((ReadsAValue(), "wait"), (PadsByReflection(), "nondeterministic")):
            with gpu.watching() as report:
                fault.broken(images).sum().backward()
            (found,) = report.findings
            assert (found.kind, found.place.file) == (kind, __file__)


def test_nothing_is_found_in_a_component_without_faults():
    class Sound(Faulty):
        def broken(self, logits):
            return logits

    check_on_gpu(lambda device: make_trainer(DATA, device=device, loss=Sound()))
