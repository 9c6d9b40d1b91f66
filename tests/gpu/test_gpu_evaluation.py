"""Evaluations on a GPU: which memory they take, where they wait, and what equals the CPU."""

from __future__ import annotations

import dataclasses
import gc

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from gpus import RealGpu
from small_cells import CPU, make_cell, make_data

import ganbench as gb
from ganbench.cli.app import app
from ganbench.evaluation.features import run_pass
from ganbench.evaluation.recorded_network import recorded
from ganbench.evaluation.sampled_source import NOISE, SampledSource
from ganbench.evaluation.sources import TensorSource
from ganbench.execution.resources import Resources
from ganbench.execution.run import configure
from ganbench.grid.cell import Trial
from ganbench.grid.plan import expand
from ganbench.store.run_folder import RunFolder
from ganbench.training.trainer import Trainer
from ganbench.training.trial_context import TrialContext
from ganbench.training.trial_loop import TrialLoop

MLP = "mlp[latent_dim=4,g_widths=[8],d_widths=[8]]"
#: A design with a mapping network and noise, one with standing statistics, one that translates nothing.
DESIGNS = {
    "mlp": (MLP, "hinge"),
    "noise": ("stylegan2[channel_base=64,channel_max=8,latent_dim=4]", "non-saturating"),
    "standing": ("biggan[width=4,standing_batches=2]", "hinge"),
}
MEANS = gb.FeatureNetwork(
    "means", lambda images: gb.Features(images.float().mean((2, 3))), batch_size=100
)


def trainer(design: str, device: torch.device, size: int = 8) -> Trainer:
    architecture, loss = DESIGNS[design]
    data = make_data(64, size)
    source = data.source.to(device)
    cell = make_cell(architecture, loss)
    return Trainer(cell, 0, dataclasses.replace(data, source=source), device)


def sampled(training: Trainer, count: int) -> SampledSource:
    return SampledSource("trial", training.sampler(), count, NOISE)


def passed(source, network, device, keep=("images", "features")):
    return run_pass(source, source.places(), source.channels, [network], set(keep), device).sets[0]


@pytest.mark.parametrize("design", DESIGNS)
def test_latents_are_those_of_the_cpu(design, gpu):
    drawn = []
    for device in (CPU, gpu.device):
        training = trainer(design, device)
        if design == "noise" and isinstance(gpu, RealGpu):
            pytest.skip("each device draws its own noise")
        generator = training.sampler().generator
        seen = []
        hook = generator.register_forward_pre_hook(lambda _, args, seen=seen: seen.append(args))
        images = training.sampler().images(12, NOISE)
        hook.remove()
        drawn.append([tensor.cpu() for args in seen for tensor in args if tensor is not None])
        assert images.device.type == device.type
        drawn[-1].append(training.sampler().images(12, NOISE).cpu())
    *ours, images = drawn[1]
    *theirs, expected = drawn[0]
    assert len(ours) == len(theirs) > 0
    assert all(torch.equal(one, other) for one, other in zip(ours, theirs, strict=True))
    # Networks are initialized on the CPU, so the images are equal but for a GPU's arithmetic.
    assert torch.allclose(images, expected, atol=1e-4 if isinstance(gpu, RealGpu) else 0)


def test_samples_leave_the_device_pass_by_pass(gpu):
    """Memory does not grow with the number of samples, although a metric will read all of them."""
    training = trainer("mlp", gpu.device, size=32)
    peaks = []
    for count in (1000, 4000):
        torch.cuda.reset_peak_memory_stats(gpu.device)
        before = torch.cuda.memory_allocated(gpu.device)
        found = passed(sampled(training, count), MEANS, gpu.device, ["images"])
        peaks.append(torch.cuda.max_memory_allocated(gpu.device) - before)
        assert found.stored("images").device == CPU
        assert len(found.stored("images")) == count
    one_pass = 500 * 32 * 32
    assert peaks[1] - peaks[0] < one_pass / 4


def test_images_come_back_to_the_device_when_a_metric_reads_them(gpu):
    training = trainer("mlp", gpu.device)
    found = passed(sampled(training, 600), MEANS, gpu.device)
    alone = passed(sampled(trainer("mlp", CPU), 600), MEANS, CPU)
    assert found.images.device.type == found.features.device.type == "cuda"
    parts = list(found.batches("images", 250))
    assert [len(part) for part in parts] == [250, 250, 100]
    assert {part.device.type for part in parts} == {"cuda"}
    assert torch.equal(torch.cat(parts).cpu(), found.stored("images"))
    if not isinstance(gpu, RealGpu):
        assert torch.equal(found.stored("images"), alone.images)
        assert torch.equal(found.features.cpu(), alone.features)


def test_a_pass_waits_for_arrived_images_and_its_end_alone(gpu):
    if isinstance(gpu, RealGpu):
        pytest.skip("a real GPU tells of the first wait only")
    training = trainer("mlp", gpu.device)
    counts = []
    for count in (1000, 2000):
        with gpu.watching() as report:
            passed(sampled(training, count), MEANS, gpu.device)
        assert report.counts.keys() == {*report.waits}, report
        arrivals = sum(n for f, n in report.counts.items() if "Event.synchronize" in f.operation)
        counts.append((report.counts.total() - arrivals, arrivals))
    assert counts[0][0] == counts[1][0]  # whatever the number of samples
    # One for each pass of 500, while the next one runs; the last arrives when it is read.
    assert [arrivals for _, arrivals in counts] == [1, 3]


def test_a_network_is_recorded_as_a_cuda_graph(gpu):
    torch.manual_seed(0)
    layers = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3), torch.nn.ReLU(), torch.nn.Flatten())
    layers.requires_grad_(False).to(gpu.device)
    plain = gb.FeatureNetwork("layers", lambda x: gb.Features(layers(x / 255)), batch_size=16)
    network = recorded(plain, gpu.device)
    images = make_data(120).source.images
    used = []
    source = TensorSource("made up", images)
    found = run_pass(
        *(source, source.places(), 1, [network], {"features"}, gpu.device),
        tell=lambda count: used.append(network.forward.records),
    ).sets[0]
    assert network.forward.reason is None
    assert used == [False, False, *[True] * 5, True]
    expected = passed(source, plain, gpu.device)
    assert torch.equal(found.features.cpu(), expected.features.cpu())
    assert torch.equal(found.moments.mean.cpu(), expected.moments.mean.cpu())


def test_a_network_that_waits_is_not_recorded(gpu):
    def forward(images):
        return gb.Features(images.flatten(1).float() * (1.0 if images.sum().item() > 0 else 2.0))

    network = recorded(gb.FeatureNetwork("waits", forward, batch_size=16), gpu.device)
    source = TensorSource("made up", make_data(100).source.images)
    assert len(passed(source, network, gpu.device).features) == 100
    assert "wait for the device" in network.forward.reason


def test_a_network_computes_in_the_arithmetic_that_it_names(gpu):
    seen = {}

    def seeing(arithmetic):
        def forward(images):
            seen[arithmetic] = torch.backends.cuda.matmul.allow_tf32
            return gb.Features(images.flatten(1).float())

        return gb.FeatureNetwork(arithmetic, forward, arithmetic=arithmetic)

    source = TensorSource("made up", make_data(20).source.images)
    networks = [seeing("fp32"), seeing("tf32")]
    run_pass(source, source.places(), 1, networks, {"features"}, gpu.device)
    assert seen == {"fp32": False, "tf32": True}


#: Architecture, loss, data set and extractor of trials to which all metrics together apply.
MEASURED = {
    "classes": ("sngan[conditional=true,g_width=4,d_width=4]", "hinge", "digits", "small-cnn"),
    "points": (MLP, "hinge", "ring[n=256]", "pixels"),
    "pairs": ("pix2pix[width=4,layers=1]", "lsgan", "edges[of=digits]", "pixels"),
}
OPTIONS = {"kid": "kid[subset_size=20,subsets=4]", "fd-infinity": "fd-infinity[sizes=3]"}


def measured(case, device, root):
    """What is measured at the end of a trial, with every shipped metric."""
    architecture, loss, data, extractor = MEASURED[case]
    axes = {"architecture": [architecture], "loss": [loss], "dataset": [data]}
    metrics = [OPTIONS.get(name, name) for name in gb.components("metric")]
    evaluation = {"samples": 120, "extractor": extractor, "metrics": metrics}
    (cell,) = expand(configure({"grid": axes}, None, 1, "4steps", {}, evaluation), root).cells
    assert cell.reason is None, cell.reason
    resources = Resources(root, root / "cache", device, print)
    training = Trainer(cell, 0, resources.training_data(cell), device)
    held_out = training.data.held_out
    pairs = None if held_out is None else held_out.targets
    source = SampledSource("trial", training.sampler(), 120, NOISE, pairs=pairs)
    return resources.evaluator(cell).at_end(source)


@pytest.mark.parametrize("case", MEASURED)
def test_every_metric_computes_on_a_gpu_as_on_the_cpu(case, gpu, tmp_path):
    expected = measured(case, CPU, tmp_path)
    if isinstance(gpu, RealGpu):
        found = measured(case, gpu.device, tmp_path)
    else:
        with gpu.watching() as report:
            found = measured(case, gpu.device, tmp_path)
        assert {finding.kind for finding in report.findings} == {"wait"}, report
    assert (found.failed, expected.failed) == ({}, {})
    close = 1e-2 if isinstance(gpu, RealGpu) else 1e-6
    assert found.values == pytest.approx(expected.values, rel=close, abs=close, nan_ok=True)


def row_of(gpu, folder, samples):
    gc.collect()  # as between trials: the one before must not count
    cell = make_cell(MLP, budget="4steps", evaluation={"samples": samples})
    trial = Trial(cell, 0)
    place = RunFolder(folder).create().trial(trial.id)
    place.path.mkdir(parents=True)
    resources = Resources(folder, folder / "cache", gpu.device, print)
    data, evaluator = resources.training_data(cell), resources.evaluator(cell)
    return TrialLoop(trial, place, data, evaluator, gpu.device, TrialContext()).run()


def test_the_memory_of_evaluations_stands_apart(gpu, tmp_path):
    few, many = (row_of(gpu, tmp_path / str(count), count) for count in (20, 1000))
    assert few["status"] == many["status"] == "ok"
    assert many["eval_peak_memory_mb"] > few["eval_peak_memory_mb"] + 0.2
    assert many["peak_memory_mb"] == pytest.approx(few["peak_memory_mb"], abs=0.1)


def test_commands_take_a_device(gpu, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GANBENCH_CACHE", str(tmp_path / "cache"))
    grid = {
        "grid": {"architecture": [MLP], "loss": ["hinge"], "dataset": ["digits"]},
        "budget": {"steps": 2},
        "evaluation": {"extractor": "pixels", "samples": 32, "ticks": 1},
    }
    assert gb.run(grid, out="run", executor="inline", device="cpu").exit_code == 0
    made = []
    for device in ("cpu", "cuda"):
        for arguments in (
            ("sample", "run", "hinge", "-n", "600", "-o", f"{device}.npz", "--device", device),
            ("sample", "run", "hinge", "--interpolate", "3", "-n", "2", "--device", device),
            (
                "eval",
                "--fake",
                "run:hinge",
                "-n",
                "60",
                "--extractor",
                "pixels",
                "--device",
                device,
            ),
        ):
            result = CliRunner().invoke(app, arguments)
            assert result.exit_code == 0, result.output
        made.append((np.load(f"{device}.npz")["arr_0"].astype(int), result.stdout))
    (images, table), (others, other_table) = made
    assert np.abs(images - others).max() <= 1
    assert len(list((tmp_path / "cache" / "references").iterdir())) >= 2  # one for each device
    if not isinstance(gpu, RealGpu):
        assert np.array_equal(images, others)
        assert table == other_table
