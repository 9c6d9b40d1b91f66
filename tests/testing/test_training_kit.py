"""The suites for optimizers, schedules and callbacks: good ones pass, each fault is caught."""

from __future__ import annotations

import itertools
import json
import random
from typing import ClassVar

import pytest
import torch

import ganbench as gb
from ganbench.testing import CallbackTests, OptimizerTests, ScheduleTests


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


class TorchLion(torch.optim.Optimizer):
    """Lion, as its authors' page has it."""

    def __init__(self, parameters, lr, decay):
        super().__init__(parameters, {"lr": lr, "decay": decay})

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            self.count(group)
            for p in group["params"]:
                if p.grad is not None:
                    self.move(p, group, self.state[p])

    def count(self, group):
        pass

    def move(self, p, group, kept):
        if not kept:
            kept["average"] = torch.zeros_like(p)
        way = (0.9 * kept["average"] + 0.1 * p.grad).sign() + group["decay"] * p
        p.sub_(way * group["lr"])
        kept["average"].lerp_(p.grad, 0.01)


class Lion(gb.Optimizer):
    """Chen et al. 2023, arXiv:2302.06675."""

    torch_class: ClassVar[type] = TorchLion

    weight_decay: float | None = gb.option(None, "none: the setting", ge=0)

    def build(self, parameters, settings):
        decay = settings.weight_decay if self.weight_decay is None else self.weight_decay
        return self.torch_class(parameters, settings.lr, decay)


class TorchCounting(TorchLion):
    """Counts its steps in the group, and begins with the first gradient: as Adan does."""

    def count(self, group):
        group["step"] = group.get("step", 0) + 1

    def move(self, p, group, kept):
        kept.setdefault("previous", p.grad.clone())
        kept["updates"] = kept.get("updates", 0) + 1
        p.sub_(
            p.grad + 0.1 * kept["previous"], alpha=group["lr"] / (group["step"] + kept["updates"])
        )
        kept["previous"].copy_(p.grad)


class Counting(Lion):
    torch_class: ClassVar[type] = TorchCounting
    capturable = False

    def takes_tensor_rate(self, device):
        return False

    def reset(self, kept):
        kept.clear()


class TestLion(OptimizerTests):
    component = Lion(weight_decay=0.1)


class TestCounting(OptimizerTests):
    component = Counting()


class KeepsFirst(Counting):
    reset = gb.Optimizer.reset


class OwnRate(Lion):
    def build(self, parameters, settings):
        return TorchLion(parameters, 0.001, 0.0)


class Climbs(Lion):
    def build(self, parameters, settings):
        return torch.optim.SGD(parameters, settings.lr, maximize=True)


class Partial(Lion):
    def build(self, parameters, settings):
        return torch.optim.SGD(parameters[1:], settings.lr)


class TorchDeaf(TorchLion):
    def __init__(self, parameters, lr, decay):
        super().__init__(parameters, lr, decay)
        self.lr = lr

    def move(self, p, group, kept):
        p.sub_(p.grad, alpha=self.lr)


class Deaf(Lion):
    torch_class: ClassVar[type] = TorchDeaf


class TorchGreedy(TorchLion):
    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                p.sub_(p if p.grad is None else p.grad, alpha=float(group["lr"]))


class Greedy(Lion):
    torch_class: ClassVar[type] = TorchGreedy


class TorchHidden(TorchLion):
    counts = itertools.count(1)

    def move(self, p, group, kept):
        p.sub_(p.grad * group["lr"] / next(self.counts))


class Hidden(Lion):
    torch_class: ClassVar[type] = TorchHidden


class TorchWaits(TorchLion):
    def move(self, p, group, kept):
        if p.grad.norm().item() > 0:
            super().move(p, group, kept)


class Waits(Lion):
    torch_class: ClassVar[type] = TorchWaits


@pytest.mark.parametrize(
    ("faulty", "test", "words"),
    [
        (KeepsFirst, "test_it_can_begin_again", "override reset"),
        (OwnRate, "test_it_builds_a_torch_optimizer_of_all_parameters", "not settings.lr"),
        (Climbs, "test_it_descends", "against the gradient"),
        (Partial, "test_it_builds_a_torch_optimizer_of_all_parameters", "all parameters"),
        (Deaf, "test_the_schedule_reaches_it", "group['lr']"),
        (Greedy, "test_parameters_without_a_gradient_stay", "skip it"),
        (Hidden, "test_equal_gradients_give_equal_bits", "optimizer.state"),
        (Waits, "test_it_trains_on_a_gpu", "wait"),
    ],
)
def test_faults_of_optimizers_are_named(faulty, test, words):
    assert words in failures(OptimizerTests, component=faulty()).get(test, "it passes")


class WarmUp(gb.Schedule):
    """A straight line up, then the window's fall."""

    until: float = gb.option(0.1, "share of the budget", gt=0, lt=1)

    def factor(self, progress, window):
        return min(1.0, progress.share / self.until) * super().factor(progress, window)


class TestWarmUp(ScheduleTests):
    component = WarmUp()


class Below(WarmUp):
    def factor(self, progress, window):
        return 0.5 - progress.share


class OnDevice(WarmUp):
    def factor(self, progress, window):
        return torch.tensor(1 - progress.share)


class Remembers(WarmUp):
    _calls: ClassVar[list] = []

    def factor(self, progress, window):
        self._calls.append(progress)
        return 1 / len(self._calls)


class Claims(WarmUp):
    constant = True


class Beyond(WarmUp):
    def way(self, progress, window):
        return 2 * progress.share

    def factor(self, progress, window):
        return 1 - progress.share


class Idle(WarmUp):
    def factor(self, progress, window):
        return 1.0


@pytest.mark.parametrize(
    ("faulty", "test", "words"),
    [
        (Below, "test_factors_are_numbers_from_zero_on", "clamp it at 0"),
        (OnDevice, "test_factors_are_numbers_from_zero_on", "Python's math"),
        (Remembers, "test_equal_progress_gives_equal_factors", "progress and window alone"),
        (Claims, "test_constant_says_the_truth", "remove constant"),
        (Idle, "test_constant_says_the_truth", "set constant = True"),
        (Beyond, "test_ways_are_shares", "clamp it to 0 and 1"),
    ],
)
def test_faults_of_schedules_are_named(faulty, test, words):
    assert words in failures(ScheduleTests, component=faulty()).get(test, "it passes")


class Journal(gb.Callback):
    """A line of JSON for each tick."""

    path: str = "journal.jsonl"

    def tick(self, trial, record):
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(json.dumps({"trial": trial["trial"], "fd": record.get("fd")}) + "\n")


class TestJournal(CallbackTests):
    component = Journal()


class Hopeful(Journal):
    def tick(self, trial, record):
        print(record["fd"])


class Calculates(Journal):
    def trial_ended(self, trial, row):
        print(row["fd"] + 1)


class Meddles(Journal):
    def tick(self, trial, record):
        record["seen"] = True


class Overwrites(Journal):
    def trial_started(self, trial, folder):
        (folder / "history.csv").write_text("mine")


class Draws(Journal):
    def tick(self, trial, record):
        random.random()


class Vague(Journal):
    def missing(self):
        return False


class Forgets(Journal):
    _open: ClassVar[dict] = {}

    def trial_started(self, trial, folder):
        self._open[trial["trial"]] = folder

    def trial_ended(self, trial, row):
        del self._open[trial["trial"]]


@pytest.mark.parametrize(
    ("faulty", "test", "words"),
    [
        (Hopeful, "test_it_follows_a_trial_without_the_usual_metrics", "use .get()"),
        (Calculates, "test_it_follows_a_trial_that_diverges", "None or NaN"),
        (Meddles, "test_it_follows_a_trial", "copy it first"),
        (Overwrites, "test_it_changes_nothing", "it changes history.csv"),
        (Draws, "test_it_changes_nothing", "draws from a global random state"),
        (Vague, "test_missing_is_nothing_or_a_sentence", "return None, or a sentence"),
        (Forgets, "test_it_hears_of_an_end_without_a_start", "use .get()"),
    ],
)
def test_faults_of_callbacks_are_named(faulty, test, words):
    assert words in failures(CallbackTests, component=faulty()).get(test, "it passes")
