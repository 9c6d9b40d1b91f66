"""How many trials run at a time, and what each of them gets of the machine."""

from __future__ import annotations

import inspect
import json
import re

import pytest
import torch

import ganbench as gb
from ganbench.base.errors import UsageError
from ganbench.execution import placement
from ganbench.execution.placement import Workload, choose_device, place, place_elsewhere
from ganbench.execution.run_options import (
    PAGE,
    RunOptions,
    parse_seconds,
    parse_size,
    run_options,
    with_table,
)
from ganbench.execution.supervise.messages import WorkerSetup


@pytest.fixture
def machine(monkeypatch):
    monkeypatch.setattr(placement, "cores", lambda: 12)
    monkeypatch.setattr(placement, "physical_cores", lambda: 6)
    monkeypatch.setattr(placement, "allowed_threads", lambda: None)
    monkeypatch.setattr(placement, "available_memory", lambda: 40 << 30)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


@pytest.mark.usefixtures("machine")
class TestSlots:
    @pytest.mark.parametrize(
        ("options", "jobs", "threads"),
        [
            ({}, 12, 1),
            ({"jobs": 3}, 3, 1),
            ({"threads": 4}, 3, 4),
            ({"threads": 12}, 1, 12),
            ({"memory_limit": 16 << 30}, 2, 1),
            ({"memory_limit": 16 << 30, "jobs": 3}, 3, 1),
        ],
    )
    def test_cpu(self, options, jobs, threads):
        found = place(torch.device("cpu"), RunOptions(**options))
        assert (len(found.slots), found.threads, found.device) == (jobs, threads, "cpu")

    @pytest.mark.parametrize(
        ("planned", "left", "jobs", "threads"),
        [(1, 1, 1, 6), (2, 2, 2, 3), (4, 1, 1, 1), (4, 4, 4, 1), (40, 40, 12, 1), (40, 3, 3, 1)],
    )
    def test_few_trials_get_the_threads_that_the_whole_grid_leaves(
        self, planned, left, jobs, threads
    ):
        work = Workload(planned, left)
        found = place(torch.device("cpu"), RunOptions(), work=work)
        assert (len(found.slots), found.threads) == (jobs, threads)
        alone = place(torch.device("cpu"), RunOptions(jobs=1), work=work)
        assert alone.threads == threads, "the number of trials at a time changes no bit"

    def test_gpus_without_a_trial_have_no_worker(self):
        assert len(place(torch.device("cuda"), RunOptions(), work=Workload(1, 1)).slots) == 1

    @pytest.mark.parametrize(
        ("options", "gpus", "threads"),
        [
            ({"jobs": 1}, ["0"], 12),
            ({}, ["0", "1"], 6),
            ({"jobs": 3}, ["0", "1", "0"], 4),
            ({"gpus_per_trial": 0.5}, ["0", "1", "0", "1"], 3),
            ({"device": "cuda:1", "jobs": 2}, ["1", "1"], 6),
        ],
    )
    def test_gpus_are_dealt_out_in_turn(self, options, gpus, threads):
        options = RunOptions(**options)
        found = place(choose_device(options.device), options)
        seen = [slot.extra["environment"]["CUDA_VISIBLE_DEVICES"] for slot in found.slots]
        assert (seen, found.threads, found.device) == (gpus, threads, "cuda")

    @pytest.mark.parametrize(
        ("options", "share"),
        [
            ({}, 1.0),
            ({"jobs": 2}, 1.0),
            ({"jobs": 3}, 0.5),
            ({"jobs": 4, "device": "cuda:0"}, 0.25),
            ({"jobs": 2, "gpus_per_trial": 0.25}, 0.25),
        ],
    )
    def test_trials_on_one_gpu_share_it(self, options, share):
        options = RunOptions(**options)
        assert place(choose_device(options.device), options).share == share

    def test_shares_have_room_for_so_many_trials(self):
        assert len(place(torch.device("cuda"), RunOptions(jobs=4, gpus_per_trial=0.5)).slots) == 4
        said = "jobs=5: 2 GPUs have room for 4 trials with gpus_per_trial=0.5; lower one of them"
        with pytest.raises(UsageError, match=re.escape(said)):
            place(torch.device("cuda"), RunOptions(jobs=5, gpus_per_trial=0.5))

    def test_a_choice_of_gpus_made_before_is_respected(self, monkeypatch):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-a,GPU-b")
        found = place(torch.device("cuda:1"), RunOptions())
        assert found.slots[0].extra["environment"] == {"CUDA_VISIBLE_DEVICES": "GPU-b"}

    @pytest.mark.parametrize(
        ("options", "jobs", "threads"),
        [({}, 3, 1), ({"jobs": 1}, 1, 1), ({"threads": 2}, 1, 2)],
    )
    def test_each_replica_has_cores_of_its_own(self, options, jobs, threads):
        found = place(torch.device("cpu"), RunOptions(**options), replicas=4)
        assert (len(found.slots), found.threads) == (jobs, threads)

    @pytest.mark.parametrize(
        ("options", "gpus", "threads"),
        [
            ({"jobs": 1}, ["0,1"], 6),
            ({}, ["0,1", "2,3"], 3),
            ({"jobs": 3}, ["0,1", "2,3", "0,1"], 2),
        ],
    )
    def test_each_replica_has_a_gpu_of_its_own(self, options, gpus, threads, monkeypatch):
        monkeypatch.setattr(torch.cuda, "device_count", lambda: 5)
        found = place(torch.device("cuda"), RunOptions(**options), replicas=2)
        seen = [slot.extra["environment"]["CUDA_VISIBLE_DEVICES"] for slot in found.slots]
        assert (seen, found.threads) == (gpus, threads)

    @pytest.mark.parametrize(
        ("options", "device", "sentence"),
        [
            ({}, "cuda", "each replica takes a GPU, and here are 2 GPUs to use"),
            ({}, "cuda:1", "each replica takes a GPU, and here is 1 GPU to use"),
            ({"gpus_per_trial": 0.5}, "cuda", "--gpus-per-trial 0.5 and training.replicas=3"),
        ],
    )
    def test_replicas_do_not_share_a_gpu(self, options, device, sentence):
        with pytest.raises(UsageError, match=sentence):
            place(torch.device(device), RunOptions(**options), replicas=3)

    def test_a_share_of_a_gpu_needs_one(self):
        with pytest.raises(UsageError, match="the trials run on the CPU"):
            place(torch.device("cpu"), RunOptions(gpus_per_trial=0.5))


class TestOptions:
    @pytest.mark.parametrize(
        ("options", "sentence"),
        [
            ({"executor": "locl"}, "executor=locl is not allowed; it takes local|ray|inline"),
            ({"jobs": 0}, "jobs=0 is not allowed; it takes int|auto, at least 1, at most 1024"),
            ({"jobs": "many"}, "jobs=many is not allowed"),
            ({"jobs": "²"}, "jobs=² is not allowed"),
            ({"threads": 0}, "threads=0 is not allowed"),
            ({"threads": True}, "threads=true is not allowed"),
            ({"retries": -1}, "retries=-1 is not allowed; it takes int, at least 0"),
            ({"gpus_per_trial": 1.5}, "gpus_per_trial=1.5 is not allowed"),
            ({"jbos": 2}, "run has no option 'jbos'; did you mean 'jobs'"),
            ({"ray_address": "auto"}, "does not take ray_address=auto; use executor=ray"),
            ({"store": "s3://a"}, "does not take store=s3://a; use executor=ray"),
            (
                {"executor": "inline", "timeout": 1.0},
                "inline does not take timeout=1.0; use executor=local or ray",
            ),
            ({"executor": "inline", "jobs": 2}, "inline does not take jobs=2"),
            ({"executor": "inline", "isolate": True}, "inline does not take isolate=True"),
            ({"executor": "inline", "memory_limit": "4GB"}, "does not take memory_limit="),
        ],
    )
    def test_wrong_use(self, options, sentence):
        with pytest.raises(UsageError, match=re.escape(sentence)):
            RunOptions.of(**options)

    def test_texts(self):
        assert [RunOptions.of(jobs=t).jobs for t in ("auto", "4", 4)] == ["auto", 4, 4]
        assert [RunOptions.of(timeout=t).timeout for t in ("90s", "10m", "1.5h", 3, None)] == [
            90, 600, 5400, 3, None,
        ]  # fmt: skip
        sizes = [RunOptions.of(memory_limit=t).memory_limit for t in ("4GB", "1.5g", 10, None)]
        assert sizes == [4 << 30, 3 << 29, 10, None]
        assert RunOptions.of(rerun="hinge", callbacks=["csv"]) == RunOptions(
            rerun=("hinge",), callbacks=("csv",), executor="local"
        )

    def test_they_reach_workers_as_plain_data(self):
        setup = WorkerSetup({}, "data", "cache", "cpu", 1, RunOptions.of(isolate=True, rerun="a"))
        document = json.loads(json.dumps(setup.as_dict()))
        read = WorkerSetup.from_dict(document)
        assert (read.options.isolate, read.device, read.options.timeout) == (True, "cpu", None)
        objects = RunOptions.of(callbacks=[gb.Callback(), "csv"])
        assert objects.as_dict()["callbacks"] == ["csv"]

    def test_the_function_and_the_documentation_name_every_option(self):
        parameters = inspect.signature(gb.run).parameters
        page = PAGE.read_text(encoding="utf-8")
        assert page == with_table(page), "run python -m ganbench.execution.run_options"
        for name, one in run_options().items():
            assert parameters[name].default == one.default
            assert f":param {name}: {one.metadata['help']}" in gb.run.__doc__
            assert one.metadata["help"].endswith(".")

    @pytest.mark.parametrize(
        ("parse", "text"),
        [
            (parse_seconds, "10"), (parse_seconds, "10img"), (parse_seconds, 0),
            (parse_size, "4"), (parse_size, "0GB"), (parse_size, "-1GB"),
        ],
    )  # fmt: skip
    def test_texts_that_say_nothing(self, parse, text):
        with pytest.raises(UsageError, match=str(text)):
            parse(text)


@pytest.mark.parametrize(
    ("options", "device"),
    [
        ({}, "cpu"),
        ({"gpus_per_trial": 0.25}, "cuda"),
        ({"device": "cuda"}, "cuda"),
        ({"device": "cpu"}, "cpu"),
    ],
)
def test_a_cluster_may_have_gpus_that_this_machine_has_not(options, device, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert place_elsewhere(RunOptions(executor="ray", **options)).device == device


def test_a_cluster_has_no_first_gpu():
    with pytest.raises(UsageError, match="on a cluster it is cpu or cuda"):
        place_elsewhere(RunOptions(executor="ray", device="cuda:1"))
