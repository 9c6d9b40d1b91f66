"""Several processes train one trial as one process does."""

from __future__ import annotations

import pytest
import replica_process as together
import torch
from small_cells import CPU, make_cell, make_data
from torch.utils.data import TensorDataset

import ganbench as gb
from ganbench.base.errors import UsageError
from ganbench.grid.grid import Grid
from ganbench.training.batches import HostBatches, ResidentBatches, StreamedBatches
from ganbench.training.order import Order
from ganbench.training.replicas import Replicas
from ganbench.training.streams import Streams
from ganbench.training.synchronized import batch_norm, synchronized_statistics
from ganbench.training.trainer import Trainer
from ganbench.training.variation import Variation

MLP = "mlp[d_widths=[16],g_widths=[16],latent_dim=4]"
#: Adam divides a gradient by its size: gradients that are zero but for rounding would become steps.
PLAIN = {"optimizer": "sgd", "lr": 1e-4}
DCGAN = {"architecture": "dcgan[width=4]", **PLAIN}
#: What draws no random numbers of its own.
EQUAL = {
    "batch norm": DCGAN | {"flip": True, "jitter": 1},
    "channels last": DCGAN | {"memory_format": "channels_last"},
    "adam": {"architecture": MLP, "loss": "non-saturating"},
    "shared fakes": DCGAN | {"fakes": "shared", "first_player": "generator"},
    "r1": DCGAN | {"regularizer": "r1"},
    "gradient penalty": DCGAN | {"loss": "wgan-gp"},
    "spectral norm": {"architecture": "sngan[g_width=8,d_width=8]", "size": 32, **PLAIN},
    "classes": {"architecture": "biggan[width=4]", "size": 32, **PLAIN},
    "relativistic": {
        "architecture": "r3gan[width=4,cardinality=2,latent_dim=8]",
        "loss": "relativistic",
        "regularizer": "r1+r2",
        "size": 16,
        **PLAIN,
    },
    "pools": {
        "architecture": "cyclegan[width=4,layers=1,blocks=1,fake_pool=20,norm=batch]",
        "loss": "lsgan",
        "dataset": "edges[of=digits]",
        "batch_size": 4,
        **PLAIN,
    },
}
#: What does, such as noise at every pixel, or is not exact.
OTHERS = {
    "bf16": DCGAN | {"precision": "bf16"},
    "ada": {"architecture": MLP, "augmentation": "ada[policy=b,p=0.1,interval=1]"},
    "styles": {
        "architecture": "stylegan2[channel_base=64,channel_max=8,latent_dim=8,w_dim=8]",
        "regularizer": "path-length[every=1]",
    },
}
CASES = [case | {"name": name} for name, case in (EQUAL | OTHERS).items()]


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return together.train_together(CASES, tmp_path_factory.mktemp("replicas"))


@pytest.mark.parametrize("name", EQUAL)
def test_two_processes_come_to_what_one_comes_to(results, name):
    one, two = together.train(EQUAL[name]), results[name][0]
    assert len(one["series"]) == together.STEPS
    for part in ("weights", "series", "kept"):
        torch.testing.assert_close(two[part], one[part], rtol=1e-4, atol=2e-6)
    assert torch.equal(two["shared streams"], one["shared streams"])


@pytest.mark.parametrize("name", [*EQUAL, *OTHERS])
def test_all_processes_agree_to_the_bit(results, name):
    first, second = results[name]
    for part in ("weights", "series", "kept", "shared streams"):
        assert torch.equal(first[part], second[part]), part
    assert not torch.equal(first["own streams"], second["own streams"])


@pytest.mark.slow
def test_runs_of_four_processes_are_bit_equal(tmp_path_factory):
    first, second = (
        together.train_together(CASES, tmp_path_factory.mktemp("four"), 4) for _ in range(2)
    )
    for name in first:
        for ours, theirs in zip(first[name], second[name], strict=True):
            assert all(torch.equal(ours[part], theirs[part]) for part in ours)
    for name in EQUAL:
        one = together.train(EQUAL[name])["weights"]
        torch.testing.assert_close(first[name][0]["weights"], one, rtol=1e-4, atol=2e-6)


def test_a_penalty_goes_through_batch_norm_of_all_processes(results):
    one = together.differentiate_twice()
    for found in results["twice"]:
        for part in one:
            torch.testing.assert_close(found[part], one[part])


@pytest.mark.parametrize("shape", [(6, 3), (4, 3, 5), (4, 3, 2, 2)])
@pytest.mark.parametrize("affine", [True, False])
def test_synchronized_batch_norm_is_batch_norm(shape, affine):
    torch.manual_seed(0)
    values = torch.randn(shape, dtype=torch.float64, requires_grad=True)
    weights = (torch.rand(3).double(), torch.randn(3).double()) if affine else (None, None)
    ours, theirs = ((torch.zeros(3).double(), torch.ones(3).double()) for _ in range(2))
    found = batch_norm(values, *ours, *weights, training=True, momentum=0.3)
    expected = torch.nn.functional.batch_norm(values, *theirs, *weights, True, 0.3)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(ours, theirs)
    assert torch.autograd.gradgradcheck(lambda x: batch_norm(x, *ours, training=True), values)


def test_modules_are_synchronized_within_a_stretch_only():
    sums = []
    norm = torch.nn.BatchNorm1d(2)
    values = torch.randn(4, 2)
    with synchronized_statistics(0, 1, lambda tensor: sums.append(tensor.shape), True):
        inside = norm(values)
        assert gb.all_replicas(values).shape == (1, 4, 2)
        assert gb.replica_count() == 1
        assert torch.nn.functional.relu(values).min() >= 0
    assert sums == [(1, 2, 2), (1, 4, 2)]
    torch.testing.assert_close(norm(values), inside)
    assert gb.all_replicas(values).shape == (1, 4, 2)
    assert len(sums) == 2
    with synchronized_statistics(0, 1, lambda tensor: sums.append(tensor.shape), False):
        norm(values)
    assert len(sums) == 2


def test_low_precision_maps_get_statistics_of_full_precision():
    maps = torch.randn(64, 2, 4, 4) + 30
    exact = torch.nn.functional.batch_norm(maps.bfloat16().float(), None, None, training=True)
    found = batch_norm(maps.bfloat16(), None, None, training=True)
    assert found.dtype is torch.bfloat16
    torch.testing.assert_close(found.float(), exact, rtol=1e-2, atol=1e-2)


def test_a_trial_of_one_process_has_the_streams_that_it_always_had():
    alone, first, second = Streams(3, CPU), Streams(3, CPU, rank=0), Streams(3, CPU, rank=1)
    for name in Streams.NAMES:
        state = alone[name].get_state()
        assert torch.equal(first[name].get_state(), state)
        assert torch.equal(second[name].get_state(), state) == (name not in Streams.OWN)


def test_a_cell_for_several_processes_trains_in_one_where_there_is_one():
    """As an estimate and the authors' tests do."""
    trainer = Trainer(make_cell(replicas=2), 0, make_data(), CPU)
    trainer.time_steps(1)
    assert trainer.replicas.count == 1
    assert trainer.images == 16


@pytest.mark.parametrize(
    ("training", "sentence"),
    [
        ({"replicas": 3}, "batch_size=64 has no 3 equal parts for replicas=3"),
        ({"replicas": 0}, "replicas=0 is not allowed"),
    ],
)
def test_a_batch_has_equal_parts(training, sentence):
    grid = {"grid": {"architecture": "mlp", "loss": "hinge", "dataset": "digits"}}
    with pytest.raises(UsageError, match=sentence):
        Grid.from_dict(grid | {"training": training})


class _OneOfTwo(Replicas):
    count = 2

    def __init__(self, rank):
        self.rank = rank

    def share(self, batch, dim=0):
        return batch.chunk(2, dim)[self.rank]


@pytest.mark.parametrize("kind", ["resident", "host", "streamed"])
def test_replicas_have_the_parts_of_a_whole_batch(kind):
    def batches(replicas):
        streams = (torch.Generator().manual_seed(seed) for seed in (1, 2))
        variation = Variation(*streams, 2, replicas)
        data, order = make_data(30).source, Order(30, 5)
        if kind == "resident":
            return ResidentBatches(data, order, 8, variation, 2)
        if kind == "host":
            return HostBatches(data, order, 8, variation, 2, CPU)
        return StreamedBatches(
            TensorDataset(data.images, data.labels), order, 8, CPU, variation, 0, True, 2
        )

    whole, parts = batches(Replicas()), [batches(_OneOfTwo(rank)) for rank in range(2)]
    for _ in range(5):
        expected, found = whole.next(), [part.next() for part in parts]
        assert torch.equal(torch.cat([one.images for one in found]), expected.images)
        assert torch.equal(torch.cat([one.labels for one in found]), expected.labels)
    assert [part.position for part in parts] == [whole.position] * 2
