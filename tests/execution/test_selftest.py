"""The self-test: each promise breaks where a component breaks it, and one break stops nothing else."""

import contextlib
import functools
import math
import os
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
import torch

import ganbench as gb
from ganbench.execution.selftest import (
    cells,
    conductor,
    evaluation_speed,
    extractor,
    floor,
    process_promises,
    race,
    runs,
    sampling_promises,
    training_promises,
    training_speeds,
)
from ganbench.execution.selftest.bits import difference, flat
from ganbench.execution.selftest.checks import CHECKS
from ganbench.execution.selftest.document import document
from ganbench.execution.selftest.listener import Listener
from ganbench.execution.selftest.noise import Noise
from ganbench.execution.selftest.outcome import (
    Check,
    ImpossibleError,
    Outcome,
    Setting,
    Speed,
    attempted,
)
from ganbench.execution.selftest.plugin import allowing, registry
from ganbench.registry import Registry
from ganbench.registry.discovery import ENTRY_POINT_GROUP, installed_entry_points
from ganbench.testing.gpu_checks import gpu_of_tests

CPU = torch.device("cpu")
TINY = "mlp[g_widths=[8],d_widths=[8],latent_dim=4]"
DATA = "noise[size=8,channels=1,classes=3,images=32]"


@pytest.fixture
def setting(tmp_path):
    return Setting(CPU, True, tmp_path)


@pytest.fixture
def hostile(monkeypatch):
    """The hostile plugin is installed; the families are one cell with the given parts."""
    modules = {"data": Noise.__module__, "hostile": "selftest_hostile"}
    own = [EntryPoint(name, module, ENTRY_POINT_GROUP) for name, module in modules.items()]
    known = Registry.load([*installed_entry_points(), *own], {})
    monkeypatch.setattr(cells, "registry", lambda: known)

    def use(loss="hostile-usual", architecture=TINY):
        entry = {"architecture": architecture, "loss": loss, "dataset": DATA}
        entry["training"] = {"batch_size": 4}

        def families(**training):
            return [cells.make_cell(entry, 6, **training)]

        monkeypatch.setattr(training_promises, "families", families)

    return use


IN_PROCESS = [check for check in CHECKS if check.promises and not check.starts_runs]
OF_TRAINING = [check for check in IN_PROCESS if check.name not in ("samples", "memory")]


@pytest.mark.parametrize("check", OF_TRAINING, ids=lambda check: check.name)
def test_a_promise_holds_for_a_sound_component(check, setting, hostile):
    hostile()
    outcome = check.run(setting)
    assert (outcome.result, outcome.cells, outcome.details) == ("held", 1, ())


@pytest.mark.parametrize(
    ("name", "loss", "sentence"),
    [
        ("same-seed", "unseeded", "parts of the state differ, such as"),
        ("same-seed", "counter", "parts of the state differ, such as"),
        ("same-seed", "broken", "the check failed: ValueError: this loss is broken"),
        ("resumed", "counter", "parts of the state differ, such as"),
        ("in-place", "counter", "parts of the state differ, such as"),
        ("no-wait", "waits", "a step makes the host wait"),
        ("deterministic", "unordered", "put_"),
    ],
)
def test_a_promise_breaks_for_a_component_that_breaks_it(name, loss, sentence, setting, hostile):
    hostile(f"hostile-{loss}")
    (check,) = (one for one in CHECKS if one.name == name)
    outcome = check.run(setting)
    assert (outcome.result, outcome.cells) == ("broken", 0)
    assert outcome.details[0].startswith(f"mlp × hostile-{loss}, fp32: ")
    assert sentence in outcome.details[0]


@pytest.mark.parametrize("loss", ["counter", "waits"])
def test_a_step_that_cannot_be_replayed_is_eager_with_the_reason(loss, setting, hostile):
    hostile(f"hostile-{loss}")
    outcome = training_promises.recorded(setting)
    assert any("is eager, because" in detail for detail in outcome.details)


def test_samples_that_follow_the_number_of_calls_break_their_promise(setting, hostile):
    hostile(architecture="hostile-counting")
    outcome = sampling_promises.same_samples(setting)
    assert outcome.result == "broken"
    assert "samples differ from the first of more" in outcome.details[0]


def test_a_pass_that_does_not_fit_breaks_its_promise(setting, monkeypatch):
    def full(*args):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(sampling_promises, "feature_network", lambda *args: torch.nn.Identity())
    monkeypatch.setattr(torch.nn.Identity, "batch_size", 8, raising=False)
    monkeypatch.setattr(sampling_promises, "run_pass", full)
    outcome = sampling_promises.memory(setting)
    assert outcome.result == "broken"
    assert "does not fit in" in outcome.details[0]


@pytest.fixture
def ended(monkeypatch):
    """Runs end with these rows, without running; a trial's processes are those that are given."""

    def use(rows, processes=()):
        class Faked(runs.Ended):
            rows = None

            def processes(self, loss, seed):
                return list(processes)

            def bits(self, loss, seed):
                return {"weight": torch.ones(1)}

            def history(self, loss, seed):
                return {}

        Faked.rows = {
            key: {"status": status, "error": error, "images": 1, "train_seconds": 1.0}
            for key, (status, error) in rows.items()
        }
        made = Faked(None, 1, "the last line")
        monkeypatch.setattr(process_promises, "run", lambda *args, **options: made)
        monkeypatch.setattr(process_promises, "reference", lambda *args: {"weight": torch.ones(1)})

    return use


def test_a_run_that_misnames_a_lack_of_memory_breaks_the_promise(setting, ended):
    rows = {
        ("selftest-out-of-memory", 0): ("error", "RuntimeError: out"),
        (runs.USUAL, 0): ("ok", None),
    }
    ended(rows)
    outcome = process_promises.out_of_memory(setting)
    assert outcome.result == "broken"
    assert outcome.details[0] == "the status is error instead of oom (RuntimeError: out)"


def test_a_trial_after_one_without_memory_has_to_end_well(setting, ended):
    ended({("selftest-out-of-memory", 0): ("oom", None), (runs.USUAL, 0): ("crashed", "gone")})
    outcome = process_promises.out_of_memory(setting)
    assert (
        outcome.details[0] == "the next trial: seed 0: the status is crashed instead of ok (gone)"
    )


def test_a_process_that_outlives_its_timeout_breaks_the_promise(setting, ended, monkeypatch):
    monkeypatch.setattr(process_promises, "_DYING", 0.2)
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(100)"]) as leak:
        ended({("selftest-stuck", 0): ("timeout", None)}, [leak.pid, 2**22 + 1])
        outcome = process_promises.timeout(setting)
        leak.kill()
    assert outcome.result == "broken"
    assert outcome.details[0] == "still alive: 1 of its 2 processes"


def test_trials_side_by_side_without_rows_break_the_promise(setting, ended):
    ended({(runs.USUAL, 0): ("ok", None)})
    outcome = process_promises.side_by_side(setting)
    assert outcome.details[0] == "1 at a time: seed 1 has no row: the last line"
    assert [speed.value for speed in outcome.speeds] == [1.0, 2.0, 2.0]


@pytest.mark.slow
@pytest.mark.parametrize("check", OF_TRAINING, ids=lambda check: check.name)
def test_promises_of_training_hold_on_a_simulated_gpu(check, tmp_path, hostile):
    hostile()
    with gpu_of_tests() as gpu:
        outcome = check.run(Setting(gpu.device, True, tmp_path))
    assert (outcome.result, outcome.cells, outcome.details) == ("held", 2, ())


def test_a_host_that_waits_for_a_gpu_breaks_the_promise(tmp_path, hostile):
    hostile("hostile-waits")
    with gpu_of_tests() as gpu:
        outcome = training_promises.no_wait(Setting(gpu.device, True, tmp_path))
    assert outcome.result == "broken"


def test_every_installed_architecture_has_a_cell(hostile):
    names = {cell.architecture.info.name for cell in cells.families()}
    known = cells.registry().components("architecture")
    assert names == set(known)  # the hostile one, which the table does not name, too


def test_a_difference_names_a_part_and_its_size():
    one = {"g": {"w": torch.zeros(3), "n": torch.tensor([math.nan])}, "train_seconds": 1.0}
    other = {
        "g": {"w": torch.tensor([0, 0.5, 0]), "n": torch.tensor([math.nan])},
        "train_seconds": 2.0,
    }
    assert difference(flat(one), flat(one)) is None
    expected = "1 of 2 parts of the state differ, such as g/w (by 0.5 at most)"
    assert difference(flat(one), flat(other)) == expected
    negative = {"g": {"w": -torch.zeros(3), "n": torch.tensor([math.nan])}}
    assert difference(flat(one), flat(negative)) is not None
    assert "g/extra" in difference(flat(one), flat({"g": {**one["g"], "extra": 1}}))


def test_work_counts_products_and_what_they_read_and_write():
    a, b = torch.ones(4, 8), torch.ones(8, 2)
    work = floor.work_of(lambda: (a @ b.view(8, 2)).t())
    assert work == floor.Work(2 * 4 * 8 * 2, 4 * (4 * 8 + 8 * 2 + 4 * 2), 1)
    assert work.seconds(floor.Peaks(128.0, 1e9)) == 1.0
    assert work.bound(floor.Peaks(128.0, 1e9)) == "arithmetic"
    assert work.bound(floor.Peaks(1e9, 1.0)) == "memory"


def test_a_race_takes_its_runners_in_turn():
    turns = []
    runners = {name: lambda steps, name=name: turns.append(name) for name in ("a", "b")}
    assert race.race(runners, CPU, rounds=3, seconds=0.0).keys() == {"a", "b"}
    assert turns[-6:] == ["a", "b"] * 3


def test_an_outcome_survives_its_way_between_processes():
    outcome = Outcome("held", ("a sentence",), (Speed("x", "eager", 1.5, "images/s", "note"),), 3)
    assert Outcome.from_dict(outcome.as_dict()) == outcome


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ImpossibleError("no weights"), Outcome("impossible", ("no weights",))),
        (ValueError("a\nb"), Outcome("broken", ("the check failed: ValueError: a b",))),
    ],
)
def test_what_a_check_raises_is_its_outcome(error, expected, setting):
    def fail(setting):
        raise error

    assert attempted(Check(name="x", title="x", run=fail), setting) == expected


@pytest.fixture
def conduct(monkeypatch):
    """Conduct checks in a process whose checks do what their names say."""
    monkeypatch.setattr(conductor, "_MODULE", "selftest_child")
    helpers = str(Path(__file__).parents[1] / "helpers")
    path = os.pathsep.join([helpers, os.environ.get("PYTHONPATH", "")])
    monkeypatch.setenv("PYTHONPATH", path)

    def run(*names, limit=60.0):
        checks = [Check(name=name, title=name, run=None, meaning="bad") for name in names]
        heard = []

        class Ear(Listener):
            def ended(self, check, outcome, seconds):
                heard.append(check.name)

        found = conductor.conduct(checks, "cpu", True, Ear(), limit)
        assert heard == list(names)
        return checks, found

    return run


def test_a_check_that_ends_its_process_does_not_stop_the_others(conduct):
    checks, found = conduct("first", "dies", "killed", "last")
    assert [found.outcomes[name].result for name in ("first", "last")] == ["held", "held"]
    assert found.outcomes["dies"].details == (
        "its process ended with exit code 3: these are the last words",
    )
    assert found.outcomes["killed"].details[0].startswith("its process was ended by signal 9")
    content = document(checks, found, quick=True)
    assert content["broken"] == ["dies", "killed"]
    assert [one["result"] for one in content["promises"]] == ["held", "broken", "broken", "held"]


def test_a_check_that_does_not_end_is_ended(conduct):
    _, found = conduct("hangs", "last", limit=1.5)
    assert found.outcomes["hangs"].details == ("the check took longer than 1.5 s",)
    assert found.outcomes["last"].result == "held"


def test_a_process_that_cannot_start_breaks_every_check(conduct, monkeypatch):
    monkeypatch.setattr(conductor, "_MODULE", "there_is_no_such_module")
    _, found = conduct("first")
    assert "exit code 1" in found.outcomes["first"].details[0]
    assert found.machine == {}


def test_its_components_load_beside_those_that_are_allowed():
    assert allowing({}) == {}
    allowed = allowing({"GANBENCH_PLUGINS": "mine"})["GANBENCH_PLUGINS"]
    assert allowed == "mine,selftest-data,selftest-faults"
    assert "noise" in registry().components("dataset")
    assert not any(name.startswith("selftest") for name in registry().components("loss"))


@pytest.fixture
def tiny_table(monkeypatch):
    """A table whose cells are tiny."""
    cell = {"architecture": TINY, "dataset": DATA, "quick": True}
    content = cells.table() | {
        "speed": [cell],
        "sampling": [cell],
        "evaluation": cell
        | {"extractor": "pixels", "tf32_extractor": "pixels", "metrics": ["fd", "is", "prdc"]},
        "defaults": {"loss": "non-saturating", "training": {"batch_size": 4}},
    }
    for module in (cells, evaluation_speed, extractor):
        monkeypatch.setattr(module, "table", lambda: content)
    monkeypatch.setattr(training_speeds, "measure_peaks", lambda *args: floor.Peaks(1e9, 1e9))
    monkeypatch.setattr(training_speeds, "race", functools.partial(_race, race.race))


def _race(race, runners, device, rounds, seconds):
    return race(runners, device, 1, 0.0)


def measures(outcome):
    assert all(math.isfinite(speed.value) for speed in outcome.speeds)
    return [speed.measure for speed in outcome.speeds]


def test_speeds_of_a_step_on_a_processor(setting, tiny_table):
    outcome = training_speeds.training_speeds(setting)
    assert outcome.details == ()
    assert measures(outcome) == [
        *("plain loop", "eager", "eager against plain loop"),
        *("floor", "share of the floor", "operations in a step"),
    ]


def test_speeds_of_a_step_on_a_simulated_gpu(tmp_path, tiny_table):
    with gpu_of_tests() as gpu:
        outcome = training_speeds.training_speeds(Setting(gpu.device, True, tmp_path))
    assert outcome.details == ()
    assert {speed.of for speed in outcome.speeds} == {"mlp, 8 px, fp32", "mlp, 8 px, bf16"}
    assert {"graph", "graph against plain loop", "host's share"} <= set(measures(outcome))
    operations = [s.value for s in outcome.speeds if s.measure == "operations in a step"]
    assert min(operations) > 30  # of an eager step: a replay would count none


def test_a_way_that_fails_is_missing_with_the_reason(setting, tiny_table, monkeypatch):
    def fail(*args):
        raise RuntimeError("no compiler here")

    monkeypatch.setattr(training_speeds, "_warm", fail)
    outcome = training_speeds.training_speeds(setting)
    assert outcome.result == "held"
    assert outcome.details == ("mlp, 8 px, fp32, eager: not measured: no compiler here",)
    assert "plain loop" in measures(outcome)


@pytest.mark.parametrize("simulated", [False, True])
def test_an_evaluation_is_timed(simulated, tmp_path, tiny_table, monkeypatch):
    network = gb.FeatureNetwork("flat", lambda images: gb.Features(images.flatten(1).float()), 16)
    monkeypatch.setattr(evaluation_speed, "feature_network", lambda *args: network)
    monkeypatch.setattr(evaluation_speed, "_count", lambda setting: 40)
    with gpu_of_tests() if simulated else contextlib.nullcontext() as gpu:
        device = gpu.device if simulated else CPU
        outcome = evaluation_speed.evaluation_speed(Setting(device, True, tmp_path))
    found = measures(outcome)
    assert found[:4] == ["samples and features", "metrics", "all of it", "real side, once"]
    assert ("change of fd" in found) == simulated
    assert outcome.speeds[0].note == "40 samples, made-up weights"


@pytest.mark.parametrize("simulated", [False, True])
def test_the_memory_of_a_pass_is_told(simulated, tmp_path, tiny_table, monkeypatch):
    network = gb.FeatureNetwork("flat", lambda images: gb.Features(images.flatten(1).float()), 16)
    monkeypatch.setattr(sampling_promises, "feature_network", lambda *args: network)
    with gpu_of_tests() if simulated else contextlib.nullcontext() as gpu:
        device = gpu.device if simulated else CPU
        outcome = sampling_promises.memory(Setting(device, True, tmp_path))
    assert outcome.result == "held"
    assert "mlp, 8 px, fp32: a pass of 500 samples takes" in outcome.details[0]


def test_a_network_without_weights_makes_some_up_or_is_impossible(setting, tiny_table):
    data = gb.DataSpec(1, 8, 8)
    with pytest.raises(ImpossibleError, match="the weights of pixels are missing here"):
        extractor.feature_network(data, "extractor", setting)
