"""A run folder written before: its trials are found again, whatever hash their ids are of."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import ganbench as gb
from ganbench.grid import settings
from ganbench.grid.grid import Grid
from ganbench.grid.plan import expand
from ganbench.grid.recognition import changes, recognized
from ganbench.store.run_folder import RunFolder
from ganbench.testing import installed
from ganbench.training.row_builder import RowBuilder

EARLIER = Path(__file__).parent / "earlier_run"
DONE, STOPPED = "mlp-hinge-digits-s0-2afaa1d868", "mlp-hinge-digits-s1-23a0e6d6bb"


@pytest.fixture
def earlier(tmp_path):
    """A folder whose ids hash the whole identity, with one finished and one interrupted trial."""
    shutil.copytree(EARLIER, tmp_path / "run")
    return RunFolder(tmp_path / "run")


@pytest.fixture
def run(earlier, capsys):
    """Run the folder's grid with changes; gives the result and what was said."""

    def start(grid=None, **options):
        grid = Grid.from_file(earlier.grid_file) if grid is None else grid
        options = {"executor": "inline", "device": "cpu", "quiet": False, **options}
        result = gb.run(grid, earlier.path, **options)
        return result, capsys.readouterr().err

    return start


def edit(path, change):
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content, indent=1) + "\n")


def test_what_is_finished_stays_and_what_is_not_goes_on_under_its_id(earlier, run):
    row = earlier.trial(DONE).row_json.read_bytes()
    result, said = run()
    assert result.trained == 1
    assert sorted(result.results["trial"]) == [DONE, STOPPED] == earlier.trial_ids()
    assert list(result.results["status"]) == ["ok", "ok"]
    assert earlier.trial(DONE).row_json.read_bytes() == row
    assert "earlier trial" not in said
    assert run()[0].trained == 0


def test_worker_processes_know_the_trials_by_their_ids(earlier, run):
    assert run(executor="local")[0].trained == 1
    assert earlier.trial(STOPPED).read_row()["status"] == "ok"


def test_new_seeds_join_the_earlier_ones_in_one_cell(earlier, run):
    result, _ = run(seeds=3)
    assert result.trained == 2
    assert set(earlier.trial_ids()) > {DONE, STOPPED}
    assert len(set(result.results["cell"])) == 1


def test_a_trial_that_never_started_is_known_by_its_row(earlier):
    place = earlier.trial(STOPPED)
    grid = Grid.from_file(earlier.grid_file)
    trial = next(t for t in expand(grid, earlier.path).trials() if t.seed == 1)
    place.trial_json.unlink()
    row = RowBuilder(trial).ended("interrupted", "stopped on request")
    place.write_row(row | {"trial": STOPPED})

    def names(grid):
        return {
            trial.id for trial in recognized(list(expand(grid, earlier.path).trials()), earlier)
        }

    assert STOPPED in names(grid)
    assert STOPPED not in names(grid.with_settings({"lr": 1e-3}, {}))
    place.write_row(
        row | {"trial": STOPPED, "settings": None, "evaluation": None, "budget": "9img"}
    )
    assert STOPPED not in names(grid)  # a row of a version that noted less


def test_a_new_setting_counts_as_its_default(earlier, monkeypatch):
    class Later(settings.TrainingSettings):
        novelty: float = 0.0

    monkeypatch.setattr(settings, "TrainingSettings", settings.dataclass(frozen=True)(Later))
    grid = Grid.from_file(earlier.grid_file)

    def names(**training):
        plan = expand(grid.with_settings(training, {}), earlier.path)
        return [trial.id for trial in recognized(list(plan.trials()), earlier)]

    assert names() == names(novelty=0.0) == [DONE, STOPPED]
    assert not {*names(novelty=1.0)} & {DONE, STOPPED}


def test_an_earlier_protocol_is_read_and_its_trials_are_trained_on_their_own(earlier, run):
    for trial in (DONE, STOPPED):
        edit(earlier.trial(trial).trial_json, lambda record: record.update(protocol=2))
    result, said = run()
    assert result.trained == 2
    assert not {DONE, STOPPED} & {*result.results["trial"]}
    assert "2 earlier trials of the same components beside this grid's: their protocol" in said
    assert len(gb.load_results(earlier.path)) == 4


def test_other_values_or_components_are_not_recognized(earlier):
    grid = Grid.from_file(earlier.grid_file)
    others = [
        grid.with_settings({"lr": 1e-3}, {}),
        grid.with_settings({}, {"samples": 21}),
        grid.with_settings({}, {"metrics": ["fd", "kid"]}),
        grid.with_axes({"loss": ["lsgan"]}),
        grid.with_axes({"regularizer": ["r1"]}),
        grid.with_seeds([2]),
    ]
    for other in others:
        trials = recognized(list(expand(other, earlier.path).trials()), earlier)
        assert not {trial.id for trial in trials} & {DONE, STOPPED}


@pytest.mark.parametrize("record", [None, {}, {"seed": 0}, {"metrics": 3, "architecture": [1]}])
def test_a_damaged_record_is_no_trial_of_the_grid(earlier, record):
    trial = next(expand(Grid.from_file(earlier.grid_file), earlier.path).trials())
    assert changes(record, trial)


class Scaled(gb.Loss):
    scale: float = 1.0

    def discriminator(self, real, fake):
        return (1 + self.scale * fake - real).relu().mean()

    def generator(self, real, fake):
        return -fake.mean()


class ScaledAnew(Scaled):
    scale: float = 2.0


class Plugin:
    def __init__(self, cls):
        self.cls = cls

    @gb.hookimpl
    def ganbench_losses(self, register):
        register("mine", self.cls)


@pytest.fixture
def mine(earlier, run):
    """Run with a loss of one's own, in a version."""

    def start(cls, version="1.0"):
        grid = Grid.from_file(earlier.grid_file).with_axes({"loss": ["mine"]}).with_seeds(1)
        with installed(Plugin(cls), "mine", version):
            return run(grid)

    return start


def test_a_changed_default_is_not_taken_for_the_earlier_one(earlier, mine):
    first, _ = mine(Scaled)
    again, said = mine(ScaledAnew)
    (name,) = first.results["trial"]
    assert list(again.results["trial"]) == [name]
    assert again.trained == 1
    assert "loss.options.scale was 1.0, now 2.0: 1 trial will be trained again" in said
    assert list((earlier.path / "set-aside").iterdir())
    assert mine(ScaledAnew)[0].trained == 0


def test_results_of_another_version_are_kept_with_a_word(earlier, mine):
    (name,) = mine(Scaled)[0].results["trial"]
    result, said = mine(Scaled, "1.1")
    assert result.trained == 0
    assert "mine==1.0 is now mine==1.1: the results of 1 trial are kept" in said
    assert earlier.trial(name).read_identity()["loss"]["version"] == "1.0"


def test_what_another_version_began_is_not_gone_on_with(earlier, mine):
    (name,) = mine(Scaled)[0].results["trial"]
    place = earlier.trial(name)
    place.write_row({**place.read_row(), "status": "interrupted", "error": "stopped"})
    result, said = mine(Scaled, "1.1")
    assert result.trained == 1
    assert "mine==1.0 is now mine==1.1: 1 trial will be trained again" in said
    assert "resumed" not in place.log_txt.read_text()


def test_a_record_that_lost_something_is_written_again(earlier, run):
    place = earlier.trial(DONE)
    run()
    whole = place.read_identity()
    edit(place.trial_json, lambda record: record["columns"].update(loss="another"))
    assert "trial.json does not match the trial; it is replaced" in run()[1]
    assert place.read_identity() == whole
