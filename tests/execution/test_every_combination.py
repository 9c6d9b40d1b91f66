"""Every combination of what ganbench ships trains, or is skipped for a reason that is true.

The axes come from the registry, so that a new component is in the grids by itself. The whole grids
take long; a sample of their cells does not.
"""

from __future__ import annotations

import dataclasses
import functools
import os
import random
from pathlib import Path

import pytest
from torch import nn

import ganbench as gb
from ganbench import Architecture, Networks
from ganbench.execution.progress.live_display import make_progress
from ganbench.execution.run import execute
from ganbench.execution.run_options import RunOptions
from ganbench.grid.grid import Grid
from ganbench.grid.plan import expand
from ganbench.store.run_folder import RunFolder
from ganbench.testing import installed
from ganbench.testing.partners import CPU, MadeUpData
from ganbench.training.trainer import Trainer, TrainingData

#: Options that make a pair tiny at 16x16 pixels; without an entry an architecture is as it is.
SMALL = {
    "biggan": "latent_dim=8,shared_dim=4,width=4",
    "cyclegan": "blocks=1,fake_pool=6,layers=1,width=4",
    "dcgan": "latent_dim=4,width=4",
    "mlp": "d_widths=[8],g_widths=[8],latent_dim=4",
    "pix2pix": "layers=1,width=4",
    "progan": "fmap_base=32,fmap_max=4,latent_dim=4",
    "r3gan": "blocks=1,cardinality=4,latent_dim=4,width=8",
    "sagan": "d_width=8,g_width=8,latent_dim=4",
    "sngan": "d_width=4,g_width=4,latent_dim=4",
    "stylegan2": "channel_base=64,channel_max=4,latent_dim=4,mapping_layers=1,w_dim=4",
}
MOST_PARAMETERS = 50_000

#: Variants that lack what others need.
LACKING = {
    "biggan": ["d_condition=projection"],
    "cyclegan": ["norm=batch"],
    "dcgan": ["d_norm=batch", "minibatch=3"],
    "mlp": ["minibatch=3"],
    "pix2pix": ["d_norm=batch"],
    "sngan": ["conditional=true,d_condition=projection"],
}

IMAGES = "made-up[height=16,width=16]"
LABELLED = "made-up[classes=4,height=16,width=16]"
PAIRS = "made-up[classes=4,height=16,pairing=paired,source_channels=3,width=16]"
DOMAINS = "made-up[height=16,pairing=unpaired,source_channels=1,width=16]"
POINTS = "made-up[channels=2,height=1,kind=points,width=1]"
#: How many cells of each grid are trained in every run of the tests.
CHOICE = {
    "unconditional": 20,
    "class-conditional": 8,
    "translation": 6,
    "augmented": 4,
    "augmented-translation": 2,
}
SETTINGS = {
    "budget": {"steps": 2},
    "training": {"batch_size": 8},
    "evaluation": {
        "ticks": 1,
        "samples": 16,
        "reference_samples": 64,
        "prdc_samples": 16,
        "prdc_k": 3,
        "kid_subsets": 2,
        "kid_subset_size": 8,
        "extractor": "pixels",
    },
}


class Bare(Architecture):
    """Has nothing of what other components may ask for."""

    latent_dim: int = 4

    def capabilities(self, data):
        return frozenset()

    def build(self, data):
        pixels = data.channels * data.height * data.width
        image = (nn.Unflatten(1, data.shape), nn.Tanh())
        return Networks(
            nn.Sequential(nn.Linear(self.latent_dim, pixels), *image),
            nn.Sequential(
                *(nn.Flatten(), nn.Linear(pixels, 8), nn.BatchNorm1d(8), nn.ReLU()),
                nn.Linear(8, 1),
            ),
        )


class Plugin:
    @staticmethod
    @gb.hookimpl
    def ganbench_architectures(register):
        register("bare", Bare)

    @staticmethod
    @gb.hookimpl
    def ganbench_datasets(register):
        register("made-up", MadeUpData)


@pytest.fixture(autouse=True)
def surroundings(monkeypatch, tmp_path):
    monkeypatch.setenv("GANBENCH_CACHE", str(tmp_path / "cache"))
    with installed(Plugin):
        yield


def names(kind):
    """Those of a kind that belong to ganbench itself, ``none`` first."""
    infos = gb.components(kind).values()
    found = [info.name for info in infos if info.provider == "ganbench"]
    return sorted(found, key=lambda name: (name != "none", name))


def small(name, *more):
    """A spec of the architecture with options that make it tiny."""
    options = ",".join(part for part in (SMALL.get(name, ""), *more) if part)
    return f"{name}[{options}]" if options else name


@functools.cache
def variants():
    """Spec -> component of every architecture, with classes and without."""
    specs = []
    for name in names("architecture"):
        specs.append(small(name))
        if hasattr(gb.get("architecture", name), "conditional"):
            specs.append(small(name, "conditional=true"))
    return {spec: gb.get("architecture", spec) for spec in specs}


def for_tasks(*tasks):
    return [spec for spec, component in variants().items() if component.task in tasks]


def grids():
    """Name -> grid. Together they are all combinations that are not absurd from the outset."""
    losses, regularizers = names("loss"), names("regularizer")
    augmented = {"loss": ["hinge"], "augmentation": names("augmentation")[1:]}
    latents = for_tasks("unconditional"), for_tasks("class-conditional")
    translators = for_tasks("paired-translation", "unpaired-translation")
    crossed = {"loss": losses, "regularizer": regularizers}
    return {
        "unconditional": {"architecture": latents[0], "dataset": [LABELLED], **crossed},
        "class-conditional": {"architecture": latents[1], "dataset": [LABELLED], **crossed},
        "translation": {"architecture": translators, "dataset": [PAIRS, DOMAINS], **crossed},
        "augmented": {
            "architecture": [*latents[0], *latents[1]],
            "dataset": [LABELLED],
            **augmented,
        },
        "augmented-translation": {
            "architecture": translators,
            "dataset": [PAIRS, DOMAINS],
            **augmented,
        },
    }


def impossible_grids():
    """Name -> grid, with cells that miss something."""
    lacking = [small(name, option) for name, found in LACKING.items() for option in found]
    return {
        "lacking": {
            "architecture": lacking,
            "dataset": [LABELLED, PAIRS],
            "loss": names("loss"),
            "regularizer": names("regularizer"),
        },
        "data": {
            "architecture": list(variants()),
            "dataset": [IMAGES, LABELLED, PAIRS, DOMAINS, POINTS],
            "loss": ["hinge"],
            "augmentation": names("augmentation"),
        },
    }


def planned(axes):
    return expand(Grid.load({"grid": axes, **SETTINGS}), Path())


def check(plan, result):
    """Every cell ended as the plan says, and none by an error."""
    statuses = dict(zip(result.results["trial"], result.results["status"], strict=True))
    errors = dict(zip(result.results["trial"], result.results["error"], strict=True))
    wrong = []
    for trial in plan.trials():
        expected = ("ok", "diverged") if trial.cell.reason is None else ("skipped",)
        if statuses[trial.id] not in expected:
            wrong.append(f"{trial.cell.label}: {statuses[trial.id]}: {errors[trial.id]}")
        elif trial.cell.reason is not None and "; way out: " not in trial.cell.reason:
            wrong.append(f"{trial.cell.label}: no way out of {trial.cell.reason!r}")
    assert not wrong, f"{len(wrong)} of {len(statuses)} cells:\n" + "\n".join(wrong)


@pytest.mark.whole
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", CHOICE)
def test_every_combination_trains_or_is_skipped(name, tmp_path):
    axes = grids()[name]
    result = gb.run({"grid": axes, **SETTINGS}, tmp_path / "run", executor="inline")
    print(result.results["status"].value_counts().to_dict())
    check(planned(axes), result)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "count"), CHOICE.items())
def test_a_choice_of_the_combinations_trains(name, count, tmp_path):
    """Another choice for each value of ``$GANBENCH_SAMPLE``."""
    plan = planned(grids()[name])
    plan = dataclasses.replace(plan, cells=tuple(chosen(plan.runnable, count)))
    options, progress = RunOptions(executor="inline"), make_progress(quiet=True)
    folder = RunFolder(tmp_path / "run")
    check(plan, execute(plan.grid, folder, Path(), options, progress, plan))


def chosen(cells, count):
    """Some of the cells, each the one with the components that were chosen least so far."""
    left, seen, found = list(cells), {}, []
    random.Random(os.environ.get("GANBENCH_SAMPLE", "0")).shuffle(left)
    for _ in range(min(count, len(left))):
        best = min(left, key=lambda cell: sorted(seen.get(c, 0) for c in cell.columns.items()))
        left.remove(best)
        found.append(best)
        for column in best.columns.items():
            seen[column] = seen.get(column, 0) + 1
    return found


@pytest.mark.parametrize("spec", variants())
def test_every_architecture_is_tiny_here(spec):
    task = variants()[spec].task
    dataset = {"paired-translation": PAIRS, "unpaired-translation": DOMAINS}.get(task, LABELLED)
    networks = variants()[spec].build(gb.get("dataset", dataset).spec(Path()))
    most = max(sum(p.numel() for p in network.parameters()) for network in networks)
    assert most <= MOST_PARAMETERS, (
        f"{spec} has {most} parameters: add small options for it to SMALL"
    )


def what_goes_wrong(cell):
    """What is said when a cell is trained in spite of its reason; None if it trains."""
    source = cell.dataset.component.load("train", Path())
    held_out = source if source.sources is not None else None
    try:
        trainer = Trainer(cell, 0, TrainingData(cell.data, source, held_out=held_out), CPU)
        problem = trainer.problem()
        if problem is None:
            trainer.time_steps(2)
    except ValueError as error:  # of a component that misses something; all else is a mistake
        return str(error)
    return problem


def is_refused_for_its_meaning(cell):
    """Whether the networks could be trained, with results that mean nothing.

    Points have no colours and no places, an augmentation moves targets away from their sources, and
    networks that start from latents learn nothing of the sources beside their images.
    """
    augmented = any(not bound.component.identity for bound in cell.augmentations)
    if cell.data.pairing == "none":
        return augmented and cell.data.kind == "points"
    return augmented or "translation" not in cell.task


def test_reasons_for_skipping_are_true():
    """One cell for each reason that is given anywhere."""
    cells = {}
    for axes in (*grids().values(), *impossible_grids().values()):
        for cell in planned(axes).skipped:
            cells.setdefault(cell.reason, cell)
    false = [
        f"{cell.label}: {reason}"
        for reason, cell in cells.items()
        if not is_refused_for_its_meaning(cell) and what_goes_wrong(cell) is None
    ]
    assert not false, "these can be trained all the same:\n" + "\n".join(false)
    assert len(cells) > 30, "the reasons have become few"


def test_what_components_need_is_what_they_say():
    """With a pair that offers nothing, those that need something fail, and all others train."""
    axes = {"architecture": ["bare"], "dataset": [LABELLED]}
    plans = [
        planned(axes | {"loss": names("loss")}),
        planned(axes | {"loss": ["hinge"], "regularizer": names("regularizer")}),
        planned(axes | {"loss": ["hinge"], "augmentation": names("augmentation")}),
    ]
    cells = [cell for plan in plans for cell in plan.cells]
    found = {cell.label: (cell.reason, what_goes_wrong(cell)) for cell in cells}
    wrong = {label: both for label, both in found.items() if (both[0] is None) != (both[1] is None)}
    assert not wrong, "\n".join(f"{k}: planned {r}, found {f}" for k, (r, f) in wrong.items())
