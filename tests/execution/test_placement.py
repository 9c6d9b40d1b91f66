"""How many trials run at a time, and what each of them gets of the machine."""

from __future__ import annotations

import pytest
import torch

from ganbench.errors import UsageError
from ganbench.execution import placement
from ganbench.execution.options import RunOptions, parse_jobs, parse_seconds, parse_size
from ganbench.execution.placement import choose_device, place, place_elsewhere


@pytest.fixture
def machine(monkeypatch):
    monkeypatch.setattr(placement, "cores", lambda: 12)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


@pytest.mark.usefixtures("machine")
class TestSlots:
    @pytest.mark.parametrize(
        ("options", "jobs", "threads"),
        [
            ({}, 1, 1),
            ({"jobs": 3}, 3, 1),
            ({"jobs": "auto"}, 12, 1),
            ({"jobs": "auto", "threads": 4}, 3, 4),
            ({"threads": 12}, 1, 12),
        ],
    )
    def test_cpu(self, options, jobs, threads):
        found = place(torch.device("cpu"), RunOptions(**options))
        assert (len(found.slots), found.threads, found.device) == (jobs, threads, "cpu")

    @pytest.mark.parametrize(
        ("options", "gpus", "threads"),
        [
            ({}, ["0"], 12),
            ({"jobs": "auto"}, ["0", "1"], 6),
            ({"jobs": 3}, ["0", "1", "0"], 4),
            ({"jobs": "auto", "gpus_per_trial": 0.5}, ["0", "1", "0", "1"], 3),
            ({"device": "cuda:1", "jobs": 2}, ["1", "1"], 6),
        ],
    )
    def test_gpus_are_dealt_out_in_turn(self, options, gpus, threads):
        options = RunOptions(**options)
        found = place(choose_device(options.device), options)
        seen = [slot.extra["environment"]["CUDA_VISIBLE_DEVICES"] for slot in found.slots]
        assert (seen, found.threads, found.device) == (gpus, threads, "cuda")

    def test_a_choice_of_gpus_made_before_is_respected(self, monkeypatch):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-a,GPU-b")
        found = place(torch.device("cuda:1"), RunOptions())
        assert found.slots[0].extra["environment"] == {"CUDA_VISIBLE_DEVICES": "GPU-b"}

    def test_a_share_of_a_gpu_needs_one(self):
        with pytest.raises(UsageError, match="the trials run on the CPU"):
            place(torch.device("cpu"), RunOptions(gpus_per_trial=0.5))


class TestOptions:
    @pytest.mark.parametrize(
        ("options", "sentence"),
        [
            ({"executor": "locl"}, "unknown executor 'locl'; did you mean 'local'"),
            ({"jobs": 0}, "jobs = 0: expected 1 to"),
            ({"jobs": "many"}, "jobs = 'many'"),
            ({"threads": 0}, "threads = 0"),
            ({"retries": -1}, "retries = -1"),
            ({"gpus_per_trial": 1.5}, "gpus per trial = 1.5"),
            ({"ray_address": "auto"}, "ray address auto: only the executor ray"),
            ({"store": "s3://a"}, "store s3://a: only the executor ray"),
            ({"executor": "inline", "timeout": 1.0}, "a timeout needs worker processes"),
            ({"executor": "inline", "jobs": 2}, "jobs = 2 needs worker processes"),
        ],
    )
    def test_wrong_use(self, options, sentence):
        with pytest.raises(UsageError, match=sentence):
            RunOptions(**options)

    def test_texts(self):
        assert [parse_jobs("auto"), parse_jobs("4")] == ["auto", 4]
        assert [parse_seconds(t) for t in ("90s", "10m", "1.5h", 3, None)] == [
            90, 600, 5400, 3, None,
        ]  # fmt: skip
        assert [parse_size(t) for t in ("4GB", "512MiB", "1.5g", 10, None)] == [
            4 << 30, 512 << 20, 3 << 29, 10, None,
        ]  # fmt: skip

    @pytest.mark.parametrize(
        ("parse", "text"),
        [
            (parse_jobs, "many"), (parse_jobs, "-1"), (parse_jobs, "²"), (parse_seconds, "10"),
            (parse_seconds, "10img"), (parse_seconds, 0), (parse_size, "4"), (parse_size, "0GB"),
            (parse_size, "-1GB"),
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
