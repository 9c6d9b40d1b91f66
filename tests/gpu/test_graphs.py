"""Steps as CUDA graphs: the bits of eager ones, over resumes and from seed to seed."""

from __future__ import annotations

import functools

import pytest
import torch
from families import CASES, everything, trainer

from ganbench.testing.harness import make_trainer, through_checkpoint
from ganbench.testing.partners import PartnerLoss
from ganbench.training.batches import HostBatches
from ganbench.training.trainer import Trainer

WAYS = [
    {"precision": "fp32"},
    {"precision": "bf16", "lr_decay": "linear"},
    {
        "precision": "fp32",
        "d_steps": 2,
        "flip": True,
        "jitter": 2,
        "memory_format": "channels_last",
    },
    {"precision": "fp32", "fakes": "shared", "reals": "shared", "first_player": "generator"},
]
#: Its pool of generated images is not full after a few steps.
FILLING = {"unpaired-r1"}


def same(one, other):
    pairs = zip(everything(one), everything(other), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


@pytest.mark.sampled(4)
@pytest.mark.parametrize("way", WAYS, ids=str)
@pytest.mark.parametrize("case", [case for case in CASES if case not in FILLING])
def test_graphs_give_the_bits_of_eager_steps(case, way, device):
    make = functools.partial(trainer, case, 12, device=device, **way)
    eager = make(executor="eager")
    eager.time_steps(6)
    graph = make()
    graph.time_steps(6)
    assert (graph.executor.name, graph.executor_reason) == ("graph", None)
    assert graph.lasting
    assert same(eager, graph)
    assert (eager.series.table() == graph.series.table()).all()


@pytest.mark.slow
@pytest.mark.sampled(1)
@pytest.mark.parametrize("case", ["growing", "styles", "adaptive", "unpaired"])
def test_graphs_resume_and_restart_to_the_same_bits(case, device):
    make = functools.partial(trainer, case, 8, device=device)
    straight = make()
    straight.time_steps(6)
    stopped = make()
    stopped.time_steps(3)
    resumed = through_checkpoint(stopped, make)
    resumed.time_steps(3)
    assert same(straight, resumed)
    resumed.restart(0)
    resumed.time_steps(6)
    assert same(straight, resumed)


class Frozen(PartnerLoss):
    """What a graph would freeze, or what it cannot hold."""

    kind: str = "progress"

    def generator_loss(self, view):
        loss = super().generator_loss(view)
        if self.kind == "progress":
            return loss * (1 + view.progress.images)
        if self.kind == "wait":
            return loss * float(view.fake_logits.detach().mean())
        capturing = torch.cuda.is_current_stream_capturing()
        if self.kind == "refusal":
            return loss * {False: 1}[capturing]
        if self.kind == "memory":
            if capturing:
                raise torch.OutOfMemoryError("CUDA out of memory.")
            return loss
        return loss * torch.tensor(2.0).to(loss.device)


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("progress", "the training's progress is read within a step"),
        ("wait", "makes the host wait for the device"),
        ("copy", "makes the host wait for the device"),
        ("refusal", "CUDA cannot record the step: True"),
        ("memory", "CUDA cannot record the step: CUDA out of memory"),
    ],
)
def test_what_a_graph_cannot_do_is_done_eagerly_with_the_reason(kind, why, gpu):
    make = functools.partial(make_trainer, CASES["growing"][0], loss=Frozen(kind=kind))
    run = make(device=gpu.device)
    run.time_steps(3)
    assert run.executor.name == "eager"
    assert why in run.executor_reason
    assert f"{__file__}:" in run.executor_reason
    eager = make(device=gpu.device, settings={"executor": "eager"})
    eager.time_steps(3)
    assert same(run, eager)


@pytest.mark.parametrize("settings", [{}, {"flip": True, "d_steps": 2}], ids=str)
def test_data_in_the_hosts_memory_gives_the_bits_of_data_on_the_device(settings, device):
    resident = trainer("adaptive", 6, device=device, **settings)
    data = resident.data
    host = type(data)(data.spec, data.source.to(torch.device("cpu")))
    pinned = Trainer(resident.cell, 0, host, device)
    assert isinstance(pinned._batches, HostBatches)
    pinned.time_steps(4)
    again = trainer("adaptive", 6, device=device, **settings)
    again.time_steps(4)
    assert pinned.executor.name == again.executor.name == "graph"
    assert same(pinned, again)


def test_a_tensor_that_is_reshaped_in_place_later_is_computed_again(device):
    given, graph = torch.ones(2, 3, device=device), torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        doubled = given.sum(1).unsqueeze_(1) * 2
    given.fill_(2)
    graph.replay()
    assert doubled.tolist() == [[12.0], [12.0]]
