"""Trackers: what they write is read back with the tools that people read it with."""

from __future__ import annotations

import io
import json
import math
import os
import subprocess
import sys
import warnings
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from PIL import Image

import ganbench as gb
from ganbench.cli.app import app
from ganbench.store.run_folder import RunFolder

TRIAL = "mlp-hinge-digits-s0-0123456789"
TRACKERS = ("csv", "mlflow", "tensorboard", "wandb")
MLP = "mlp[latent_dim=4,g_widths=[8],d_widths=[8]]"
GRID = {
    "grid": {"architecture": [MLP], "loss": ["hinge"], "dataset": ["digits"]},
    "budget": {"steps": 4},
    "evaluation": {"extractor": "pixels", "samples": 32, "ticks": 2},
}


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GANBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.setenv("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")


def identity(trial=TRIAL):
    return {
        "trial": trial,
        "seed": 0,
        "columns": {"architecture": "mlp", "loss": "hinge", "dataset": "digits"},
        "budget": {"images": 300},
        "training": {"batch_size": 10, "betas": [0.5, 0.9]},
        "evaluation": {"ticks": 3},
    }


def record(tick, fd=None):
    fd = 10.0 - tick if fd is None else fd
    return {"trial": TRIAL, "tick": tick, "images": 100 * tick, "steps": 10 * tick, "fd": fd,
            "d_loss": math.nan}  # fmt: skip


class Session:
    """A process that follows the trial, from its start to an end or to none."""

    def __init__(self, tracker, out="run"):
        self.callback = gb.get("callback", tracker)
        self.folder = RunFolder(out).create().trial(TRIAL)
        self.folder.write_identity(identity())
        self.callback.trial_started(identity(), self.folder.path)

    def tick(self, *ticks, **given):
        for tick in ticks:
            earlier = [one for one in self.folder.read_history() if one["tick"] < tick]
            new = record(tick, **given)
            self.folder.write_history([*earlier, new])
            self.callback.tick(identity(), new)
        return self

    def end(self, status="ok", images=300):
        Image.fromarray(np.full((8, 8), 200, np.uint8)).save(self.folder.samples_png)
        row = {"trial": TRIAL, "status": status, "error": None, "images": images, "fd": 7.0,
               "verdict": "stable", "exclusive": True}  # fmt: skip
        self.callback.trial_ended(identity(), row)


def curve(tracker, out="run"):
    """[(step, fd)] as it is read back."""
    return READERS[tracker](out)["curve"]


def read_csv(out, trial=TRIAL):
    folder = Path(out) / "csv" / trial
    metrics = pd.read_csv(folder / "metrics.csv")
    found = {"curve": list(zip(metrics["step"], metrics["fd"], strict=True))}
    if (folder / "row.csv").exists():
        row = pd.read_csv(folder / "row.csv").iloc[0]
        chosen = pd.read_csv(folder / "hyperparameters.csv").set_index("name")["value"]
        found |= {
            "fd": row["fd"],
            "verdict": row["verdict"],
            "batch": chosen["training.batch_size"],
            "picture": np.asarray(Image.open(folder / "samples.png").convert("RGB")),
        }
    return found


def read_tensorboard(out, trial=TRIAL):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    everything = dict.fromkeys(("scalars", "images", "tensors"), 0)
    events = EventAccumulator(str(Path(out) / "tensorboard" / trial), size_guidance=everything)
    events.Reload()
    found = {"curve": [(event.step, event.value) for event in events.Scalars("fd")]}
    if "final/fd" in events.Tags()["scalars"]:
        (final,) = events.Scalars("final/fd")
        content = events.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
        from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

        chosen = HParamsPluginData.FromString(content).session_start_info.hparams
        (image,) = events.Images("samples")
        found |= {
            "fd": final.value,
            "verdict": events.Tensors("verdict/text_summary")[0]
            .tensor_proto.string_val[0]
            .decode(),
            "batch": chosen["training.batch_size"].number_value,
            "picture": _decoded(image.encoded_image_string),
        }
    return found


def _decoded(content):
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))


def read_mlflow(out, trial=TRIAL):
    from mlflow.tracking import MlflowClient

    client = MlflowClient(tracking_uri=(Path(out).absolute() / "mlruns").as_uri())
    experiment = client.get_experiment_by_name(Path(out).name)
    (run,) = client.search_runs([experiment.experiment_id])  # deleted ones are left out
    history = client.get_metric_history(run.info.run_id, "fd")
    found = {"curve": [(p.step, p.value) for p in sorted(history, key=lambda p: p.step)]}
    assert run.info.run_name == trial
    if "final.fd" in run.data.metrics:
        assert run.info.status == "FINISHED"
        samples = client.download_artifacts(run.info.run_id, "samples.png")
        found |= {
            "fd": run.data.metrics["final.fd"],
            "verdict": run.data.tags["verdict"],
            "batch": run.data.params["training.batch_size"],
            "picture": np.asarray(Image.open(samples).convert("RGB")),
        }
    return found


def read_wandb(out, trial=TRIAL):
    """From the files that `wandb sync` would upload; a run that started again is another one."""
    import wandb
    from wandb.proto import wandb_internal_pb2
    from wandb.sdk.internal.datastore import DataStore

    wandb.teardown()  # its service writes the files after a run has finished
    wanted = json.loads((Path(out) / "wandb" / f"{trial}.json").read_text())["id"]
    found = {"curve": []}
    for file in sorted(Path(out).glob(f"wandb/offline-run-*/run-{wanted}.wandb")):
        store = DataStore()
        store.open_for_scan(str(file))
        while (content := store.scan_data()) is not None:
            one = wandb_internal_pb2.Record()
            one.ParseFromString(content)
            items = {"/".join(i.nested_key) or i.key: json.loads(i.value_json)
                     for i in (*one.history.item, *one.summary.update)}  # fmt: skip
            if "fd" in items and one.HasField("history"):
                found["curve"].append((items["_step"], items["fd"]))
            if "final.fd" in items:
                found |= {"fd": items["final.fd"]}
            if "verdict" in items:
                found |= {"verdict": items["verdict"]}
            for update in one.run.config.update:
                if update.key == "training.batch_size":
                    found["batch"] = json.loads(update.value_json)
        store._fp.close()
        pictures = list(file.parent.glob("files/media/images/samples_*.png"))
        if pictures:
            found["picture"] = np.asarray(Image.open(pictures[0]).convert("RGB"))
    return found


READERS = {
    "csv": read_csv,
    "mlflow": read_mlflow,
    "tensorboard": read_tensorboard,
    "wandb": read_wandb,
}


@pytest.fixture(params=TRACKERS)
def tracker(request, monkeypatch):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the trackers' own making, when they are imported
        if request.param != "csv":
            pytest.importorskip(request.param)
        if (
            request.param == "tensorboard"
        ):  # files of one second are read in the order of their names
            from tensorboard.summary.writer import event_file_writer

            ordered = event_file_writer.AtomicCounter(1000)
            monkeypatch.setattr(event_file_writer, "_global_uid", ordered)
        yield request.param


def test_a_trial_is_read_back(tracker):
    Session(tracker).tick(0, 1, 2, 3).end()
    found = READERS[tracker]("run")
    assert found["curve"] == [(0, 10.0), (100, 9.0), (200, 8.0), (300, 7.0)]
    assert (found["fd"], found["verdict"]) == (7.0, "stable")
    assert float(found["batch"]) == 10
    assert (found["picture"] == 200).all()
    assert found["picture"].shape == (8, 8, 3)


def test_a_resumed_trial_goes_on_without_steps_that_stand_there_twice(tracker):
    if tracker == "wandb":
        pytest.skip("its runs can be read when their process has ended; see below")
    Session(tracker).tick(0, 1, 2)  # and its process is killed, after the checkpoint of tick 1
    assert [step for step, _ in curve(tracker)] == [0, 100, 200]
    Session(tracker).tick(2).end("interrupted", images=250)
    Session(tracker).tick(3).end()
    assert curve(tracker) == [(0, 10.0), (100, 9.0), (200, 8.0), (300, 7.0)]
    assert READERS[tracker]("run")["fd"] == 7.0


def test_a_run_of_wandb_goes_on_after_an_interruption():
    pytest.importorskip("wandb")
    Session("wandb").tick(0, 1).end("interrupted", images=150)
    Session("wandb").tick(1, 2, 3).end()
    assert curve("wandb") == [(0, 10.0), (100, 9.0), (200, 8.0), (300, 7.0)]
    assert len(list(Path("run/wandb").glob("offline-run-*"))) == 2  # of one run
    assert READERS["wandb"]("run")["fd"] == 7.0


@pytest.mark.slow
def test_a_run_of_wandb_survives_the_death_of_its_process():
    pytest.importorskip("wandb")
    code = (
        "import os, time; from test_trackers import Session\n"
        "Session('wandb').tick(0, 1, 2); time.sleep(2); os._exit(9)"
    )
    path = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    ended = subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": path})
    assert ended.returncode == 9
    Session("wandb").tick(2, 3).end()
    assert curve("wandb") == [(0, 10.0), (100, 9.0), (200, 8.0), (300, 7.0)]


def test_a_trial_that_begins_anew_leaves_nothing_of_what_was(tracker):
    Session(tracker).tick(0, 1, fd=5.0)
    Session(tracker).tick(0, 1).end(images=100)
    assert curve(tracker) == [(0, 10.0), (100, 9.0)]


def test_what_a_run_tells_is_what_its_history_holds():
    callbacks = [name for name in TRACKERS if find_spec(name) or name == "csv"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = gb.run(GRID, out="run", executor="inline", callbacks=callbacks)
        (trial,) = result.results["trial"]
        log = (Path("run/trials") / trial / "log.txt").read_text()
        assert "Traceback" not in log
        assert result.exit_code == 0
        history = gb.load_history("run")
        wanted = list(zip(history["images"], history["fd"], strict=True))
        for name in callbacks:
            found = READERS[name]("run", trial)
            assert [step for step, _ in found["curve"]] == [step for step, _ in wanted]
            assert np.allclose([fd for _, fd in found["curve"]], [fd for _, fd in wanted])
            assert np.isclose(found["fd"], result.results["fd"][0])


def test_nothing_is_imported_before_it_is_used():
    code = (
        "import sys, ganbench as gb\n"
        "[gb.get('callback', name).missing() for name in ('csv', 'mlflow', 'tensorboard', 'wandb')]\n"
        "assert not {'mlflow', 'tensorboard', 'torch', 'wandb'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("name", ["mlflow", "tensorboard", "wandb"])
def test_a_missing_package_is_told_before_the_run_begins(name, monkeypatch):
    monkeypatch.setattr(
        "ganbench_trackers.values.find_spec", lambda package: None if package == name else True
    )
    arguments = ["-a", MLP, "-l", "hinge", "-d", "digits", "-o", "out", "-c", name]
    result = CliRunner().invoke(app, ["run", *arguments, "--budget", "2steps"])
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        f"Error: callback {name}: the package {name} is not installed: pip install "
        f"'ganbench[{name}]'\n"
    )
    assert not Path("out").exists()


def test_a_tracker_that_cannot_write_changes_no_result():
    Path("file").touch()
    result = gb.run(GRID, out="run", executor="inline", callbacks=["csv[folder=file]"])
    assert list(result.results["status"]) == ["ok"]
    (log,) = Path("run").glob("trials/*/log.txt")
    assert "NotADirectoryError" in log.read_text()


@pytest.mark.parametrize("tracker", ["csv", "tensorboard"])
def test_a_folder_may_be_named(tracker):
    Session(f"{tracker}[folder=elsewhere]").tick(0, 1).end()
    Path("run", tracker).symlink_to(Path("elsewhere").absolute())
    assert len(curve(tracker)) == 2


@pytest.mark.slow
def test_trials_side_by_side_do_not_get_in_each_others_way():
    grid = GRID | {"grid": GRID["grid"] | {"seeds": 4}}
    result = gb.run(grid, out="run", jobs=2, callbacks=list(TRACKERS))
    assert list(result.results["status"]) == ["ok"] * 4
    from mlflow.tracking import MlflowClient

    client = MlflowClient(tracking_uri=(Path("run").absolute() / "mlruns").as_uri())
    experiment = client.get_experiment_by_name("run")
    runs = client.search_runs([experiment.experiment_id])
    assert sorted(run.info.run_name for run in runs) == sorted(result.results["trial"])
    assert sorted(os.listdir("run/csv")) == sorted(result.results["trial"])
    assert sorted(os.listdir("run/tensorboard")) == sorted(result.results["trial"])
