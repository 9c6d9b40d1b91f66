"""Real training on made-up data, and checks that several suites share."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from ganbench.components.architecture import (
    CRITIC_CLASSES,
    CRITIC_FEATURES,
    PER_SAMPLE_CRITIC,
    STYLES,
    Architecture,
)
from ganbench.components.augmentation import Augmentation
from ganbench.components.base import Component
from ganbench.components.data import DataSpec
from ganbench.components.loss import Loss
from ganbench.components.regularizer import Regularizer
from ganbench.grid.budget import Budget
from ganbench.grid.cell import Cell
from ganbench.grid.grid import Grid
from ganbench.grid.plan import expand
from ganbench.registry import Registry
from ganbench.registry.options import canonical_spec
from ganbench.registry.plugins import PluginRecord, Registration
from ganbench.testing.partners import (
    BATCH,
    CPU,
    ConditionalPartner,
    MadeUpData,
    MadeUpExtractor,
    MadeUpMetric,
    NoAugmentation,
    NoRegularizer,
    Partner,
    PartnerLoss,
    SparePartner,
    made_up_samples,
)
from ganbench.training.batches import TrainingData
from ganbench.training.capture import Capture
from ganbench.training.schedule import Schedule
from ganbench.training.state import newest_checkpoint, save_checkpoint
from ganbench.training.streams import global_random_state
from ganbench.training.trainer import Trainer

KNOWN_CAPABILITIES = frozenset({CRITIC_CLASSES, CRITIC_FEATURES, PER_SAMPLE_CRITIC, STYLES})


def make_trainer(
    data: DataSpec,
    *,
    architecture: Architecture | None = None,
    loss: Loss | None = None,
    regularizers: Sequence[Regularizer] = (),
    augmentations: Sequence[Augmentation] = (),
    seed: int = 0,
    settings: Mapping[str, Any] | None = None,
    device: torch.device = CPU,
    capture: Capture | None = None,
) -> Trainer:
    """A trainer on made-up data, with partners for what is not given.

    :param settings: training settings that differ from what the components recommend.
    :param capture: how to record steps, such as `Recorded`.
    :raises AssertionError: if the components do not go together or their networks do not fit.
    """
    chosen = loss or PartnerLoss()
    if architecture is None:
        architecture = ConditionalPartner() if CRITIC_CLASSES in chosen.needs else Partner()
    cell = make_cell(data, architecture, chosen, regularizers, augmentations, settings)
    assert cell.reason is None, f"no trial on {data} can work: {cell.reason}"
    samples = made_up_samples(data, 4 * BATCH).to(device)
    held_out = samples if data.source_channels else None
    source = TrainingData(data, samples, held_out=held_out)
    trainer = Trainer(cell, seed, source, device, capture)
    problem = trainer.problem()
    assert problem is None, f"on {data}: {problem}"
    return trainer


def make_cell(
    data: DataSpec,
    architecture: Architecture,
    loss: Loss,
    regularizers: Sequence[Regularizer] = (),
    augmentations: Sequence[Augmentation] = (),
    settings: Mapping[str, Any] | None = None,
) -> Cell:
    """A cell of these components, expanded from a grid as any other."""
    made_up = MadeUpData(**vars(data))
    axes: dict[str, Sequence[Component]] = {
        "architecture": [architecture],
        "loss": [loss],
        "dataset": [made_up],
        "regularizer": regularizers or [NoRegularizer()],
        "augmentation": augmentations or [NoAugmentation()],
    }
    record = PluginRecord("testing", "testing", "0", "ganbench.testing")
    registrations = [
        Registration("extractor", "made-up", MadeUpExtractor, "", record),
        Registration("metric", "made-up", MadeUpMetric, "", record),
    ]
    specs: dict[str, str] = {}
    for kind, components in axes.items():
        names = [f"part-{number}" for number in range(len(components))]
        specs[kind] = "+".join(map(canonical_spec, names, components))
        registrations += [
            Registration(kind, name, type(component), "", record)
            for name, component in zip(names, components, strict=True)
        ]
    evaluation = {"metrics": ["made-up"], "primary": "made_up"}
    training = {"batch_size": BATCH, **(settings or {})}
    grid = Grid(specs, training=training, evaluation=evaluation)
    (cell,) = expand(grid, Path(), Registry([record], registrations)).cells
    return cell


def through_checkpoint(stopped: Trainer, make: Callable[[], Trainer]) -> Trainer:
    """A trainer that ``make`` makes, brought to where ``stopped`` is by a checkpoint on the disk.

    It is made after the checkpoint is written: making one seeds the global random state.
    """
    with tempfile.TemporaryDirectory() as folder:
        save_checkpoint(Path(folder), "state", stopped.state_dict())
        state, problems = newest_checkpoint(Path(folder))
    assert state is not None, problems
    resumed = make()
    resumed.load_state_dict(state)
    return resumed


def check_two_steps(trainer: Trainer, where: str = "") -> None:
    """Fail if a loss, a gradient or a weight is not finite after two steps."""
    trainer.time_steps(2)
    assert trainer.failed_step() is None, f"{where}a loss or a gradient is not finite"
    assert trainer.weights_finite(), f"{where}a weight is not finite"


def check_reads_only_needs(data: DataSpec, component: Loss | Regularizer) -> None:
    """Fail if a step reads what neither ``needs`` nor the other declarations name."""
    loss = component if isinstance(component, Loss) else None
    terms = [component] if isinstance(component, Regularizer) else []
    parts = (component, *(() if loss is None else loss.penalties()))
    needs = {capability for part in parts for capability in part.needs}
    if needs - KNOWN_CAPABILITIES or data.source_channels:  # the partner knows nothing else
        return
    partner = SparePartner(gives=tuple(sorted(needs)))
    make_trainer(data, architecture=partner, loss=loss, regularizers=terms).time_steps(1)


@contextlib.contextmanager
def kept_in_place(state: Mapping[str, Tensor], where: str = "") -> Iterator[None]:
    """Fail if other tensors stand in the state afterwards."""
    before = dict(state)
    yield
    kept = state.keys() == before.keys() and all(state[k] is before[k] for k in state)
    assert kept, f"{where}state must be updated in place, as in state['x'].copy_(…)"


def check_checkpoint(
    make: Callable[[], Trainer], place: str = "the tensors of initial_state or network_state"
) -> None:
    """Fail if a training does not go on to the same bits after a checkpoint.

    :param place: where the component should keep what it needs.
    """
    straight = make()  # one after the other: layers that draw noise use the global random state
    straight.time_steps(4)
    stopped = make()
    stopped.time_steps(2)
    resumed = through_checkpoint(stopped, make)
    resumed.time_steps(2)
    same = map(torch.equal, kept_by(straight), kept_by(resumed))
    assert all(same), f"a training goes on otherwise after a checkpoint: keep everything in {place}"


def check_follows_budget(component: Component, make: Callable[[], Trainer]) -> None:
    """Fail if the budget changes the first steps of a component that says it does not follow it."""
    if component.follows_budget:
        return
    kept = []
    for steps in (8, 8, 8000):
        trainer = make()
        trainer.schedule = Schedule(Budget("steps", steps), 1, trainer.images_per_step)
        trainer.time_steps(2)
        kept.append(kept_by(trainer))
    first, again, larger = kept
    repeatable = all(map(torch.equal, first, again))  # if not, another test says so
    assert not repeatable or all(map(torch.equal, first, larger)), (
        f"follows_budget is False, and two steps of {type(component).__name__} differ between a small "
        "and a large budget: let it be True where advance uses progress.share"
    )


def kept_by(trainer: Trainer) -> list[Tensor]:
    """Every tensor that a checkpoint holds of a training, but for its measurements."""
    state = trainer.state_dict()
    del state["series"], state["step_times"]
    return [leaf for leaf in tree_leaves(state) if isinstance(leaf, Tensor)]


def weights(network: nn.Module) -> list[Tensor]:
    """Everything that a checkpoint holds of a network."""
    return list(network.state_dict().values())


@contextlib.contextmanager
def own_randomness(what: str) -> Iterator[None]:
    """Fail if ``what`` draws from torch's, Python's or NumPy's global random state."""
    before = _fingerprint()
    yield
    assert _fingerprint() == before, (
        f"{what} draws from a global random state, which belongs to the training: draw from the "
        "torch.Generator that is handed over, or from one of your own"
    )


def _fingerprint() -> str:
    state = global_random_state(CPU)
    return repr([state.pop("torch").tolist(), state])
