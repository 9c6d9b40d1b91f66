"""Recorded steps give the bits of eager ones, or the reason why steps are eager."""

from __future__ import annotations

import copy
import random
from typing import ClassVar

import pytest
import torch
from families import CASES, trainer

import ganbench as gb
from ganbench import DataSpec, Regularizer
from ganbench.base.backends import default_switches, set_defaults
from ganbench.testing.harness import kept_by, make_trainer
from ganbench.testing.partners import Partner, PartnerLoss
from ganbench.training import executor
from ganbench.training.capture import Recording
from ganbench.training.compiled import CannotCompileError
from ganbench.training.recorded import Recorded

SMALL = DataSpec(1, 8, 8, classes=3)
#: Settings that make a case lighter.
LIGHTER = {"growing": {"d_steps": 1}}
WAYS = [
    {},
    {"precision": "bf16"},
    {"memory_format": "channels_last", "d_steps": 2, "flip": True, "jitter": 2},
    {"reals": "fresh", "fakes": "fresh", "lr_decay": "cosine"},
    {"optimizer": "sgd", "momentum": 0.9, "weight_decay": 1e-4, "lr_decay": "linear"},
]  # fmt: skip


def both(make, steps=9):
    """The same training with recorded steps and with eager ones, one after the other."""
    recorded = make(capture=Recorded())
    recorded.time_steps(steps)
    eager = make(capture=Recorded(), executor="eager")
    eager.time_steps(steps)
    return recorded, eager


def assert_equal(one, other):
    """Everything that a checkpoint holds, and what was measured."""
    for a, b in zip(kept_by(one), kept_by(other), strict=True):
        assert torch.equal(a, b)
    assert (one.series.table() == other.series.table()).all()


@pytest.mark.parametrize("case", CASES)
def test_recorded_steps_give_the_bits_of_eager_ones(case):
    plain = LIGHTER.get(case, {})

    def make(capture, **settings):
        return trainer(case, 12, capture=capture, **plain | settings)

    recorded, eager = both(make)
    assert (recorded.executor.name, recorded.executor_reason) == ("graph", None)
    assert eager.executor_reason == "training.executor=eager"
    assert_equal(recorded, eager)


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS[1:], ids=str)
@pytest.mark.parametrize("case", CASES)
def test_recorded_steps_give_the_bits_of_eager_ones_in_every_way_to_train(case, way):
    plain = LIGHTER.get(case, {})

    def make(capture, **settings):
        return trainer(case, 12, capture=capture, **plain | expanded(way) | settings)

    recorded, eager = both(make)
    assert recorded.executor.name == "graph", recorded.executor_reason
    assert_equal(recorded, eager)


def expanded(way):
    name = way.get("optimizer")
    rest = {key: value for key, value in way.items() if key != "optimizer"}
    return rest if name is None else {"g_optimizer": name, "d_optimizer": name, **rest}


def test_each_variant_of_a_step_is_recorded_once(monkeypatch):
    recorded = trainer("styles", 12, capture=Recorded())
    recorded.time_steps(9)
    assert len(recorded.executor._recordings) == 2  # with lazy terms and without
    monkeypatch.setattr(executor, "_KEPT", 2)
    monkeypatch.setattr(executor, "_SOON", 0)
    few = trainer("growing", 12, capture=Recorded(), d_steps=1)
    few.time_steps(9)
    assert few.executor.name == "graph"
    assert len(few.executor._recordings) == 2
    assert len(few.executor._proved) > 2


def test_variants_that_take_turns_are_not_recorded_again_and_again(monkeypatch):
    monkeypatch.setattr(executor, "_KEPT", 1)

    def make(capture, **settings):
        return trainer("styles", 12, capture=capture, **settings)

    recorded, eager = both(make)
    assert recorded.executor.name == "graph"
    assert len(recorded.executor._proved) == 1
    assert_equal(recorded, eager)


def test_steps_are_eager_while_a_pool_of_generated_images_fills():
    recorded = trainer("unpaired", 12, capture=Recorded())
    recorded.time_steps(1)
    assert not recorded.executor._recordings
    recorded.time_steps(4)
    assert len(recorded.executor._recordings) == 1


class Fault(PartnerLoss):
    """A loss that a recording would freeze; each kind in another way."""

    kind: str = "none"
    steps: ClassVar[list[int]] = []

    def initial_state(self, device):
        return {"mean": torch.zeros((), device=device)}

    def generator_loss(self, view):
        return super().generator_loss(view) + 0 * getattr(self, self.kind.replace("-", "_"))(view)

    def none(self, view):
        return 0.0

    def counts(self, view):
        self.steps.append(1)
        return view.fake_logits.mean() * len(self.steps)

    def reads_progress(self, view):
        return view.fake_logits.mean() * view.progress.images

    def draws(self, view):
        return view.fake_logits.mean() * random.random()

    def replaces_state(self, view):
        view.state["mean"] = view.state["mean"] + view.fake_logits.mean().detach()
        return view.state["mean"]

    def waits(self, view):
        return float(view.fake_logits.detach().mean())

    def looks(self, view):
        return view.fake_logits[view.fake_logits > 0].sum()

    def constant(self, view):
        self.steps.append(1)
        return torch.tensor(float(len(self.steps))) * view.fake_logits.mean()

    def late(self, view):
        self.steps.append(1)
        return view.fake_logits.sum() if len(self.steps) > 100 else view.fake_logits.mean()

    def branches(self, view):
        share = view.progress[1]
        return view.fake_logits.mean() if share > 0.5 else view.fake_logits.sum()


REASONS = {
    "counts": "a number or option of mul.Tensor is",
    "reads-progress": "the training's progress is read within a step",
    "draws": "a number or option of mul.Tensor is",
    "replaces-state": "is another one in another step: it is not updated in place",
    "waits": "_local_scalar_dense.default makes the host wait for the device",
    "looks": "index.Tensor makes the host wait for the device",
    "constant": "a constant of lift_fresh",
    "late": "a step changes the attribute 'steps' of Fault",
    "branches": "the training's progress is read within a step",
}


@pytest.mark.parametrize("kind", REASONS)
def test_what_a_recording_would_freeze_is_found_with_its_line(kind, capsys):
    Fault.steps.clear()
    run = make_trainer(SMALL, loss=Fault(kind=kind), capture=Recorded())
    run.time_steps(2)
    assert run.executor.name == "eager"
    assert REASONS[kind] in run.executor_reason
    assert kind == "late" or f"{__file__}:" in run.executor_reason
    assert f"steps are not recorded: {run.executor_reason}" in capsys.readouterr().out
    assert run.failed_step() is None


@pytest.mark.parametrize("kind", ["reads-progress", "waits", "looks"])
def test_steps_that_cannot_be_recorded_give_the_bits_of_eager_ones(kind):
    def make(capture, **settings):
        return make_trainer(SMALL, loss=Fault(kind=kind), capture=capture, settings=settings)

    recorded, eager = both(make, 4)
    assert_equal(recorded, eager)


class Declared(Regularizer):
    """A term that says of itself whether it can be recorded."""

    capturable: ClassVar[bool | None] = False

    def discriminator(self, view):
        return view.fake_logits.square().mean()


def test_a_component_may_say_that_it_cannot_be_recorded(capsys):
    run = make_trainer(
        SMALL, regularizers=[Declared()], capture=Recorded(), settings={"executor": "graph"}
    )
    run.time_steps(2)
    assert run.executor.name == "eager"
    assert "part-0 says that its steps cannot be recorded" in run.executor_reason
    assert "although training.executor=graph" in capsys.readouterr().out


def test_without_a_gpu_steps_are_eager():
    for chosen in ("auto", "graph"):
        run = make_trainer(SMALL, settings={"executor": chosen})
        assert (run.executor.name, run.executor_reason) == ("eager", "a CUDA graph needs a GPU")


class Careless(Recorded):
    """A capture whose recordings leave something out."""

    def record(self, prepare):
        whole = super().record(prepare)
        log = whole.replay.__self__
        log.calls = [call for call in log.calls if "_fused_adam" not in call.name]
        return Recording(log.replay, whole.measures)


def test_a_recording_that_gives_other_bits_is_not_used():
    def make(capture, **settings):
        return make_trainer(SMALL, capture=capture, settings=settings)

    run = make(Careless())
    run.time_steps(3)
    assert run.executor.name == "eager"
    assert "gives other bits than an eager one" in run.executor_reason
    eager = make(Recorded(), executor="eager")
    eager.time_steps(3)
    assert_equal(run, eager)


class Unstable(Recorded):
    """A device whose eager steps give other bits each time."""

    done = 0

    def eager(self, run, watched=False):
        self.done += 1
        return run() + self.done


def test_steps_that_are_not_repeatable_are_said_to_be():
    run = make_trainer(SMALL, capture=Unstable())
    run.time_steps(2)
    assert "the same step gives other bits each time" in run.executor_reason


class Darkens(Partner):
    """Sees darker images in the second half, without saying so."""

    def real_images(self, images, progress):
        return images * 0.5 if progress.share >= 0.5 else images


class Tells(Darkens):
    """The same, and says so."""

    def variant(self, data, progress):
        return progress.share >= 0.5


class Moves(Partner):
    """Sets something in its networks, and does not say what it depends on."""

    def advance(self, network, progress):
        network.late = progress.share >= 0.5


@pytest.mark.parametrize(
    ("design", "reason"),
    [
        (Tells, "None"),
        (Darkens, "the training's progress is read within a step"),
        (Moves, "part-0 grows, but does not say which of its steps are alike"),
    ],
)
def test_a_design_that_tells_its_stages_is_recorded_in_each(design, reason):
    def make(capture, **settings):
        run = make_trainer(SMALL, architecture=design(), capture=capture, settings=settings)
        run.schedule.total_steps = 8
        return run

    recorded, eager = both(make, 8)
    assert reason in str(recorded.executor_reason)
    assert_equal(recorded, eager)


# -- steps on trial


@pytest.mark.parametrize("optimizer", ["adam", "sgd", "rmsprop"])
@pytest.mark.parametrize("case", ["styles", "adaptive", "unpaired", "features"])
def test_warming_up_leaves_no_trace(case, optimizer):
    chosen = {f"{player}_optimizer": optimizer for player in "gd"} | {"momentum": 0.9}
    plain = trainer(case, **chosen)
    plain.time_steps(4)
    warm = trainer(case, **chosen)
    warm.warm_up()
    assert warm.steps == warm.images == warm.series.steps == 0
    assert warm.warmup_seconds > 0 == warm.train_seconds
    warm.time_steps(2)
    warm.executor.warm_up(warm.steps, warm.progress)  # as a resumed trial does
    warm.time_steps(2)
    assert_equal(plain, warm)


def test_what_is_on_trial_takes_no_training_time(monkeypatch):
    clock = Clock(monkeypatch, first=100.0, usual=0.25)
    run = make_trainer(SMALL)
    run.schedule.total_steps = 20
    assert run.train_to(1, lambda: False, lambda: None)
    assert run.train_seconds == pytest.approx(0.25 * run.steps)
    assert run.warmup_seconds == pytest.approx(100.0)
    assert run.times.median() == pytest.approx(0.25)
    assert clock.now == pytest.approx(run.train_seconds + run.warmup_seconds)


def test_a_budget_of_seconds_does_not_pay_for_the_first_step(trainer_of_seconds, monkeypatch):
    Clock(monkeypatch, first=100.0, usual=0.25)
    run = trainer_of_seconds(8)
    assert run.train_to(run.schedule.ticks, lambda: False, lambda: None)
    assert run.steps == pytest.approx(32, abs=1)


@pytest.fixture
def trainer_of_seconds(trainer):
    return lambda seconds: trainer(budget=f"{seconds}s")


class Clock:
    """A clock that only training steps move on."""

    def __init__(self, monkeypatch, first, usual):
        from ganbench.training.step import TrainingStep

        self.now, self._next, self._usual = 0.0, first, usual
        step = TrainingStep.__call__

        def timed(self_, *arguments):
            self.now += self._next
            self._next = self._usual
            return step(self_, *arguments)

        monkeypatch.setattr(TrainingStep, "__call__", timed)
        monkeypatch.setattr("time.perf_counter", lambda: self.now)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # PyTorch's own compiler warns
def test_compiled_networks_train_alike_and_their_seconds_are_apart():
    compiled = trainer("features", compile=True)
    compiled.warm_up()
    compiled.time_steps(3)
    plain = trainer("features")
    plain.time_steps(3)
    assert compiled.compile_seconds > compiled.warmup_seconds > 0
    for a, b in zip(kept_by(plain), kept_by(compiled), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-4)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_where_a_penalty_differentiates_logits_the_network_is_not_compiled():
    run = make_trainer(
        SMALL, regularizers=[gb.get("regularizer", "r1")], settings={"compile": True}
    )
    run.warm_up()
    run.time_steps(2)
    assert run.failed_step() is None
    assert "not compiled for real images" in run.executor_reason


def test_networks_that_cannot_be_compiled_end_the_trial_with_the_way_out(monkeypatch):
    def refuse(module, **options):
        def call(*arguments, **keywords):
            raise RuntimeError("no compiler\n\nSet TORCHDYNAMO_VERBOSE=1 for more")

        return call

    monkeypatch.setattr(torch, "compile", refuse)
    run = make_trainer(SMALL, settings={"compile": True})
    with pytest.raises(CannotCompileError) as refused:
        run.warm_up()
    assert str(refused.value) == (
        "torch.compile cannot compile the networks (RuntimeError: no compiler): "
        "set training.compile=false"
    )


# -- another seed in place

AGAIN = ["growing", "adaptive", "unpaired"]
#: The rest, but for a case whose pool of generated images is not full after a few steps.
TOO = [case for case in CASES if case not in (*AGAIN, "unpaired-r1")]


@pytest.mark.parametrize("case", [*AGAIN, *(pytest.param(c, marks=pytest.mark.slow) for c in TOO)])
def test_a_restarted_trainer_goes_on_as_a_fresh_one(case):
    run = trainer(case, 6, seed=1, capture=Recorded(), **LIGHTER.get(case, {}))
    run.time_steps(5)
    recordings = dict(run.executor._recordings)
    assert run.lasting
    run.restart(2)
    run.time_steps(5)
    assert recordings.items() <= dict(run.executor._recordings).items()
    fresh = trainer(case, 6, seed=2, capture=Recorded(), **LIGHTER.get(case, {}))
    fresh.time_steps(5)
    assert_equal(run, fresh)
    assert run.seed == 2
    assert run.warmup_seconds < fresh.warmup_seconds


@pytest.mark.parametrize("what", ["diverged", "resumed", "in the middle"])
def test_whatever_the_last_trial_left_the_next_one_starts_afresh(what):
    run = trainer("adaptive", 6, seed=1, capture=Recorded())
    run.time_steps(3)
    if what == "diverged":
        with torch.no_grad():
            for module in run._players.modules().values():
                for tensor in (*module.parameters(), *module.buffers()):
                    tensor.fill_(1 if not tensor.is_floating_point() else torch.nan)
        run.time_steps(1)
        assert run.failed_step() is not None
    elif what == "resumed":
        run.load_state_dict(run.state_dict())
        run.time_steps(2)
    else:
        run._batches.load(5)
        run._inputs.prepare(run.progress)
        run.networks.generator.eval()
    run.restart(0)
    run.time_steps(4)
    fresh = trainer("adaptive", 6, seed=0, capture=Recorded())
    fresh.time_steps(4)
    assert_equal(run, fresh)


class Projects(Partner):
    """Fixed random values that are no buffer of the network."""

    def build(self, data):
        networks = super().build(data)
        networks[0].fixed = torch.randn(3)
        return networks


def test_a_network_with_fixed_random_values_of_its_seed_does_not_restart():
    run = make_trainer(SMALL, architecture=Projects(), capture=Recorded())
    with pytest.raises(RuntimeError, match="values of the seed outside of parameters and buffers"):
        run.restart(1)
    run.restart(0)


def test_a_restarted_trainer_computes_in_its_own_precision():
    with default_switches():
        run = trainer("adaptive", 6, capture=Recorded(), precision="tf32")
        run.time_steps(1)
        set_defaults()  # as between two trials of a process
        run.restart(1)
        assert torch.backends.cuda.matmul.allow_tf32
        assert torch.backends.cudnn.allow_tf32


def test_a_recorded_training_resumes_in_place():
    straight = trainer("adaptive", 8, capture=Recorded())
    straight.time_steps(6)
    run = trainer("adaptive", 8, capture=Recorded())
    run.time_steps(3)
    state = copy.deepcopy(run.state_dict())
    run.time_steps(2)
    run.load_state_dict(state)
    run.time_steps(3)
    assert_equal(straight, run)
    assert len(run.executor._recordings) == 1
