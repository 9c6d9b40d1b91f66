"""The trainer's small parts: averaging, schedule, measurements, checkpoints."""

from __future__ import annotations

import json
import math

import pytest
import torch
from torch.nn.utils.parametrizations import spectral_norm

import ganbench as gb
from ganbench.grid.budget import parse_budget
from ganbench.training.ema import AveragedGenerator
from ganbench.training.optimizers import PlayerOptimizer
from ganbench.training.schedule import Schedule
from ganbench.training.series import StepSeries, batch_auc
from ganbench.training.state import newest_checkpoint, save_checkpoint
from ganbench_optimizers.moving_adam import MovingAdam

CPU = torch.device("cpu")


def test_an_averaged_weight_is_half_way_after_one_half_life():
    generator = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.zeros_(generator.weight)
    averaged = AveragedGenerator(generator, images=1000, rampup=0)
    torch.nn.init.ones_(generator.weight)
    for step in range(20):
        averaged.prepare(50 * (step + 1), 50)
        averaged.update()
    assert averaged.module.weight.item() == pytest.approx(0.5)


def test_ramp_up_shortens_the_half_life_in_proportion_to_the_images_seen():
    generator = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.zeros_(generator.weight)
    averaged = AveragedGenerator(generator, images=1e9, rampup=0.05)
    torch.nn.init.ones_(generator.weight)
    averaged.prepare(1000, 100)
    averaged.update()
    assert averaged.module.weight.item() == pytest.approx(1 - 0.5 ** (100 / 50))


def test_batch_statistics_are_averaged_with_the_weights():
    generator = torch.nn.BatchNorm1d(1)
    averaged = AveragedGenerator(generator, images=100, rampup=0)
    generator.running_mean.fill_(8.0)
    generator.num_batches_tracked.fill_(3)
    averaged.prepare(100, 100)
    averaged.update()
    assert averaged.module.running_mean.item() == pytest.approx(4.0)
    assert averaged.module.num_batches_tracked.item() == 3


def test_spectral_norms_vectors_stay_unit_vectors():
    layer = spectral_norm(torch.nn.Linear(6, 5))
    averaged = AveragedGenerator(layer, images=100, rampup=0)
    norm = layer.parametrizations.weight[0]
    norm._u.copy_(-norm._u)  # as a power iteration may leave them
    averaged.prepare(100, 100)
    averaged.update()
    kept = averaged.module.parametrizations.weight[0]
    assert torch.equal(kept._u, norm._u)
    assert kept._v.norm().item() == pytest.approx(1)


def test_until_it_starts_the_average_is_a_copy():
    generator = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.zeros_(generator.weight)
    averaged = AveragedGenerator(generator, images=1000, rampup=0, start=150)
    torch.nn.init.ones_(generator.weight)
    averaged.prepare(100, 100)
    averaged.update()
    assert averaged.module.weight.item() == 1
    torch.nn.init.zeros_(generator.weight)
    averaged.prepare(200, 100)
    averaged.update()
    assert averaged.module.weight.item() == pytest.approx(0.5**0.1)


@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_adam_with_a_moving_beta_is_adam(decay):
    random = torch.Generator().manual_seed(0)
    ours = [torch.nn.Parameter(torch.randn(n, 3, generator=random)) for n in (5, 2)]
    theirs = [torch.nn.Parameter(p.detach().clone()) for p in ours]
    lr, beta = torch.tensor(1e-2), torch.tensor(0.9)
    moving = MovingAdam(ours, lr, 0.5, beta, decay)
    plain = torch.optim.Adam(theirs, 1e-2, (0.5, 0.9), weight_decay=decay)
    for step in range(12):
        for mine, other in zip(ours, theirs, strict=True):
            mine.grad = torch.randn(mine.shape, generator=random)
            other.grad = mine.grad.clone()
        if step < 3:  # a layer that is trained later
            ours[1].grad = theirs[1].grad = None
        values = {"lr": 1e-2 * (1 - step / 20), "betas": (0.5, 0.9 + 0.008 * step)}
        plain.param_groups[0].update(values)
        lr.fill_(values["lr"])
        beta.fill_(values["betas"][1])
        moving.step()
        plain.step()
    for mine, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-5, atol=1e-6)
        kept, expected = moving.state[mine], plain.state[other]
        for name in expected:
            torch.testing.assert_close(kept[name], expected[name], rtol=1e-5, atol=1e-6)


def test_an_optimizers_count_of_steps_stays_where_it_was():
    """Also that of a weight that is a single number: the two have the same shape."""
    gain = torch.nn.Parameter(torch.ones((), device="meta"))  # stands for a GPU's
    made = torch.optim.RMSprop([gain], foreach=True)
    optimizer = PlayerOptimizer(gb.get("optimizer", "rmsprop"), made)
    groups = optimizer.state_dict()["param_groups"]
    kept = {"step": torch.tensor(3.0), "square_avg": torch.tensor(0.5)}
    optimizer.restore({"state": {0: kept}, "param_groups": groups})
    assert optimizer.state[gain]["step"].item() == 3
    assert optimizer.state[gain]["square_avg"].device == gain.device


@pytest.mark.parametrize(
    ("budget", "per_step", "total", "ticks"),
    [
        ("1000img", 64, 16, [2, 3, 5, 6, 8, 10, 11, 13, 14, 16]),
        ("10steps", 64, 10, list(range(1, 11))),
        ("3steps", 64, 3, [1, 2, 3]),
    ],
)
def test_ticks_are_equally_spaced_and_the_last_is_the_end(budget, per_step, total, ticks):
    schedule = Schedule(parse_budget(budget), 10, per_step)
    assert schedule.total_steps == total
    due = [
        next(n for n in range(total + 1) if schedule.reached(tick, n, 0.0))
        for tick in range(1, schedule.ticks + 1)
    ]
    assert due == pytest.approx(ticks, abs=1)
    assert due[-1] == total


def test_a_budget_of_seconds_counts_training_time():
    schedule = Schedule(parse_budget("10s"), 5, 64)
    assert not schedule.reached(1, 10**9, 1.9)
    assert schedule.reached(1, 0, 2.0)
    assert schedule.share(0, 5.0) == 0.5
    assert schedule.stretch(1, 0, 1.9, 0.01) == 10


def test_auc_is_the_share_of_pairs_that_real_wins():
    noise = torch.Generator().manual_seed(0)
    real = torch.randint(0, 4, (7,), generator=noise).float()
    fake = torch.randint(0, 4, (7,), generator=noise).float()
    pairs = [1.0 if r > f else 0.5 if r == f else 0.0 for r in real for f in fake]
    assert batch_auc(real, fake).item() == pytest.approx(sum(pairs) / 49)
    patches = real[:, None, None, None].expand(7, 1, 3, 3)
    assert batch_auc(patches, fake).item() == pytest.approx(sum(pairs) / 49)


def test_auc_of_a_large_batch_is_the_same_by_rank():
    noise = torch.Generator().manual_seed(0)
    real, fake = (torch.randint(0, 50, (2000,), generator=noise).float() for _ in range(2))
    wins = (real[:, None] > fake).double() + 0.5 * (real[:, None] == fake).double()
    assert batch_auc(real, fake).item() == pytest.approx(wins.mean().item(), rel=1e-6)


def test_a_series_survives_growth_beyond_its_chunk():
    series = StepSeries(CPU)
    for step in range(2500):
        series.append([torch.tensor(float(step))] * 5)
    assert series.steps == 2500
    assert series.column("g_loss").tolist() == list(range(2500))
    series.append([torch.tensor(math.nan)] * 5)
    assert series.first_nonfinite() == 2500


STATE = {
    "nest": {0: [torch.arange(3), None, 1.5], "text": "ü", "flag": True},
    "shared": torch.eye(2),
    "not finite": math.inf,
}


def test_a_checkpoint_round_trips_nests_of_tensors_and_plain_values(tmp_path):
    view = STATE["shared"].T
    save_checkpoint(tmp_path, "1", {**STATE, "view": view})
    state, problems = newest_checkpoint(tmp_path, CPU)
    assert problems == []
    assert torch.equal(state["nest"][0][0], torch.arange(3))
    assert state["nest"][0][1:] == [None, 1.5]
    assert state["nest"]["text"] == "ü"
    assert torch.equal(state["view"], view)
    assert state["not finite"] == math.inf


@pytest.mark.parametrize("suffix", ["json", "safetensors"])
@pytest.mark.parametrize("damage", ["empty", "cut", "flip", "gone"])
def test_a_damaged_checkpoint_is_reported_and_the_one_before_is_used(tmp_path, suffix, damage):
    save_checkpoint(tmp_path, "1", {"steps": 1, "w": torch.ones(4)})
    save_checkpoint(tmp_path, "2", {"steps": 2, "w": torch.ones(4)})
    file = tmp_path / f"2.{suffix}"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    if damage == "gone":
        file.unlink()
    else:
        file.write_bytes({"empty": b"", "cut": content[:-3], "flip": bytes(content)}[damage])
    state, problems = newest_checkpoint(tmp_path, CPU)
    assert state["steps"] == 1
    assert len(problems) == (0 if (damage, suffix) == ("gone", "json") else 1)


def test_only_the_newest_checkpoints_are_kept_and_nothing_half_written(tmp_path):
    for number in range(5):
        save_checkpoint(tmp_path, f"{number}", {"n": number})
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["3.json", "3.safetensors", "4.json", "4.safetensors"]
    json.loads((tmp_path / "4.json").read_text())
