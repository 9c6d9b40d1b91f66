"""`ganbench measure`: finished trials again, from their weights and beside their rows."""

from __future__ import annotations

import json
import shutil
import signal
from concurrent.futures import ThreadPoolExecutor

import pytest
from click.testing import CliRunner
from supervised import Workplace, grid

import ganbench as gb
from ganbench.cli.app import app
from ganbench.execution.measure import MeasureResult
from ganbench.store.measurements import only_measurer, with_marks, write_measurement
from ganbench.store.run_folder import RunFolder
from ganbench.testing import installed

GRID = {
    "grid": {
        "architecture": ["mlp[d_widths=[16],g_widths=[16],latent_dim=4]"],
        "loss": ["hinge", "lsgan"],
        "dataset": ["digits"],
        "seeds": 2,
    },
    "budget": {"steps": 6},
    "evaluation": {"ticks": 2, "samples": 64, "extractor": "pixels"},
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("finished") / "run"
    gb.run(GRID, out=folder)
    return folder


@pytest.fixture
def run(finished, tmp_path):
    return shutil.copytree(finished, tmp_path / "run")


def files(run):
    return sorted(str(path) for path in run.glob("trials/*/measurements/*.json"))


def test_the_same_metrics_of_the_same_samples_have_the_same_bits(run):
    row = gb.load_results(run).iloc[0]
    gb.measure(run, [row["trial"]], executor="inline")
    (path,) = run.glob("trials/*/measurements/*.json")
    values = json.loads(path.read_text())["values"]
    compared = [name for name, value in values.items() if value is not None and name in row]
    assert {"fd", "kid_mean", "precision", "recall", "fd_test", "fd_floor"} <= set(compared)
    assert {name: values[name] for name in compared} == {name: row[name] for name in compared}


def test_what_another_process_measures_is_awaited_and_taken(run):
    """Two commands at once do the work once."""
    trial, found = next(iter(RunFolder(run).open().trials())), {"format": 1, "values": {"fd": 1.0}}
    with ThreadPoolExecutor(1) as other:
        with only_measurer(trial, "same") as nothing:
            second = other.submit(_measured_by_another, trial)
            write_measurement(trial, "same", found)
        assert nothing is None
        assert second.result() == found
    assert [path.name for path in run.glob("trials/*/measurements/*")] == ["same.json"]


def _measured_by_another(trial):
    with only_measurer(trial, "same") as known:
        return known


def test_new_columns_stand_beside_the_old_ones_and_rows_stay(run):
    before = {p: p.read_bytes() for p in run.glob("trials/*/row.json")}
    old = gb.load_results(run)
    found = gb.measure(run, metrics="fd,vendi", extractor="small-cnn", executor="inline")
    assert isinstance(found, MeasureResult)
    assert sorted(found.measured) == sorted(old["trial"])
    frame = found.results
    assert frame["fd@small-cnn"].notna().all()
    assert frame["vendi@small-cnn"].notna().all()
    assert (frame["fd"] == old["fd"]).all()
    assert {p: p.read_bytes() for p in run.glob("trials/*/row.json")} == before


def test_measured_columns_can_be_compared_ranked_and_sorted_by(run):
    gb.measure(run, metrics="vendi", executor="inline")
    frame = gb.load_results(run)
    assert frame["vendi"].notna().all()
    runner = CliRunner()
    for arguments in (
        ["results", str(run), "--columns", "loss,vendi", "--sort", "vendi"],
        ["compare", str(run), "hinge", "lsgan", "--metric", "vendi"],
        ["rank", str(run), "--by", "loss", "--metric", "vendi"],
    ):
        result = runner.invoke(app, arguments)
        assert result.exit_code == 0, result.output
        assert "vendi" in result.stdout


def test_the_best_tick_and_other_numbers_of_samples_have_columns_of_their_own(run):
    gb.measure(run, metrics="fd", which="best", executor="inline")
    gb.measure(run, metrics="fd", samples=100, executor="inline")
    frame = gb.load_results(run)
    assert (frame["fd@best"] == frame["fd_best_fresh"]).all()
    assert frame["fd@100"].notna().all()
    assert (frame["fd@100"] != frame["fd"]).all()


def test_what_was_measured_is_not_measured_twice(run):
    first = gb.measure(run, metrics="fd", extractor="small-cnn", executor="inline")
    again = gb.measure(run, metrics="fd", extractor="small-cnn", executor="inline")
    assert (again.measured, sorted(again.known)) == ([], sorted(first.measured))


def test_a_metric_that_fails_leaves_the_others(run):
    class Broken(gb.Metric):
        needs = ("features",)
        columns = (gb.Column("broken"),)

        def compute(self, fake, reference):
            raise RuntimeError("no such number")

    class Plugin:
        @gb.hookimpl
        def ganbench_metrics(self, register):
            register("broken", Broken)

    with installed(Plugin()):
        found = gb.measure(run, metrics="fd,broken", samples=65, executor="inline")
    assert not found.failed
    frame = gb.load_results(run)
    assert frame["fd@65"].notna().all()
    assert "broken@65" not in frame or frame["broken@65"].isna().all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--metrics", "fdd"], "did you mean 'fd'"),
        (["--extractor", "pixel"], "did you mean 'pixels'"),
        (["nobody"], "nobody"),
        (["--data-dir", "nowhere"], "this folder does not exist"),
        (["-j", "0"], "jobs"),
    ],
)
def test_wrong_use_is_one_sentence(finished, arguments, message):
    result = CliRunner().invoke(app, ["measure", str(finished), *arguments])
    assert result.exit_code == 2
    assert message in result.stderr
    assert "Traceback" not in result.output
    _, *listed = result.stderr.strip().splitlines()
    assert all(line.startswith("  ") for line in listed)


def test_a_trial_without_weights_is_told_and_the_others_are_measured(run):
    trial = RunFolder(run).trial_ids()[0]
    shutil.rmtree(run / "trials" / trial / "checkpoint")
    found = gb.measure(run, metrics="fd", samples=66, executor="inline")
    assert list(found.failed) == [trial]
    assert "has no checkpoint" in found.failed[trial]
    assert len(found.measured) == 3


def test_damaged_measurements_are_left_out(run):
    gb.measure(run, metrics="vendi", executor="inline")
    first, *_ = sorted(run.glob("trials/*/measurements/*.json"))
    first.write_text("{")
    frame = gb.load_results(run)
    assert frame["vendi"].isna().sum() == 1


@pytest.mark.slow
def test_an_interrupted_measurement_goes_on_with_what_is_missing(tmp_path):
    place, out = Workplace(tmp_path), tmp_path / "run"
    wanted = ("--metrics", "vendi,fd", "-n", "20000")
    try:
        assert place.run(out, *grid(["hinge"], seeds=6, steps=4)).code == 0
        going = place.start(out, *wanted, verb="measure")
        going.wait_for(lambda: files(out))
        going.signal(signal.SIGINT)
        done = going.end()
        assert done.code == 130, done
        before = files(out)
        assert 1 <= len(before) < 6
        done = place.run(out, *wanted, "-j", "2", verb="measure")
        assert done.code == 0, done
        assert f"{len(before)} measured before" in done.out
        assert len(files(out)) == 6
        assert gb.load_results(out)["vendi@20000"].notna().all()
        assert place.left_behind() == []
    finally:
        place.clear()


@pytest.mark.parametrize(
    ("name", "marks", "options", "expected"),
    [
        ("fd", [], [], "fd"),
        ("fd", ["dinov2"], [], "fd@dinov2"),
        ("fd@pixels", ["dinov2", "50", "best"], [], "fd@pixels:50:best"),
        ("fd@pixels:size=8", ["best"], [], "fd@pixels:size=8:best"),
        ("recall", [], ["k=3"], "recall@k=3"),
        ("recall", ["50"], ["k=3"], "recall@50:k=3"),
    ],
)
def test_names_of_measured_columns(name, marks, options, expected):
    assert with_marks(name, marks, options) == expected


def test_a_metric_with_other_options_has_columns_of_its_own(run):
    before = gb.load_results(run)["recall"]
    for k in (3, 4):
        gb.measure(run, metrics=f"prdc[k={k}]", executor="inline")
    frame = gb.load_results(run)
    assert frame["recall"].equals(before)
    assert (frame["recall@k=3"] <= frame["recall@k=4"]).all()
    assert frame["recall@k=4"].notna().all()


def test_two_meanings_of_a_column_are_told(run):
    class First(gb.Metric):
        needs = ("features",)
        columns = (gb.Column("mark", better="lower"),)
        recipe = 1

        def compute(self, fake, reference):
            return {"mark": float(self.recipe)}

    class Second(First):
        recipe = 2

    trials = RunFolder(run).trial_ids()
    for metric, chosen in ((First, trials), (Second, trials[:1])):

        class Plugin:
            @gb.hookimpl
            def ganbench_metrics(self, register, metric=metric):
                register("mark", metric)

        with installed(Plugin()):
            gb.measure(run, chosen, metrics="mark", executor="inline")
    with pytest.warns(UserWarning, match="column mark was measured in 2 ways"):
        frame = gb.load_results(run)
    assert sorted(frame["mark"]) == [1, 1, 1, 2]
