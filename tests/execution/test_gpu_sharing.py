"""What a trial sees of others on its GPU, and what it leaves to them."""

from __future__ import annotations

import os
import subprocess
import types

import pytest
import torch

from ganbench.base import nvml
from ganbench.components.data import ImageData
from ganbench.evaluation import residence
from ganbench.evaluation.splits import Splits
from ganbench.execution.share import gpu_memory, gpu_users
from ganbench.execution.share.device_sharing import DeviceSharing
from ganbench.execution.share.gpu_users import GpuUsers, mps_runs, other_programs
from ganbench.execution.supervise.worker_process import MARK
from ganbench.registry.lookup import default_registry

CUDA = torch.device("cuda")
GIB = 2**30


class Driver:
    """NVML with one GPU, ``GPU-a``."""

    class NVMLError(Exception):
        pass

    def __init__(self):
        self.pids, self.asked = [], 0

    def nvmlInit(self):  # noqa: N802
        return

    def nvmlSystemGetDriverVersion(self):  # noqa: N802
        return b"570.86.15"

    def nvmlDeviceGetHandleByUUID(self, uuid):  # noqa: N802
        if uuid != "GPU-a":
            raise self.NVMLError("not found")
        return uuid

    def nvmlDeviceGetComputeRunningProcesses(self, handle):  # noqa: N802
        self.asked += 1
        if self.pids is None:
            raise self.NVMLError("no permission")
        return [types.SimpleNamespace(pid=pid) for pid in self.pids]


@pytest.fixture
def driver(monkeypatch):
    made = Driver()
    monkeypatch.setattr(nvml, "pynvml", made)
    nvml._nvml.cache_clear()
    yield made
    nvml._nvml.cache_clear()


@pytest.fixture
def stranger():
    """A function that starts a process which is not of this process's family."""
    started = []

    def start(**variables):
        environment = {k: v for k, v in os.environ.items() if k != MARK} | variables
        command = ["sh", "-c", "setsid sleep 60 >/dev/null 2>&1 </dev/null & echo $!"]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
        started.append(int(done.stdout))
        return started[-1]

    yield start
    for pid in started:
        os.kill(pid, 9)


class TestOtherPrograms:
    def test_a_program_that_ganbench_did_not_start_is_seen(self, driver, stranger):
        child = subprocess.Popen(["sleep", "60"])
        worker, other = stranger(**{MARK: "of another run"}), stranger()
        driver.pids = [os.getpid(), os.getppid(), child.pid, worker]
        assert other_programs("a") == []
        driver.pids.append(other)
        assert other_programs("a") == [other]
        driver.pids.append(2**22 + 1)  # it has ended meanwhile
        assert other_programs("a") == [other]
        child.kill()
        child.wait()

    def test_what_the_driver_does_not_say_is_not_known(self, driver, stranger):
        assert nvml.driver_version() == "570.86.15"
        driver.pids = [stranger()]
        assert other_programs("a") is None  # its numbers are not those of this container
        driver.pids = None
        assert other_programs("a") is None
        assert other_programs("b") is None

    def test_a_machine_without_a_driver(self):
        nvml._nvml.cache_clear()
        assert nvml.compute_processes("a") is None

    def test_a_trial_beside_another_program_has_not_had_its_gpu_alone(
        self, driver, stranger, tmp_path, monkeypatch
    ):
        clock = types.SimpleNamespace(now=100.0)
        monkeypatch.setattr(gpu_users.time, "monotonic", lambda: clock.now)
        driver.pids = [os.getpid()]
        with DeviceSharing("cuda-a", tmp_path, GpuUsers("a").others) as sharing:
            assert sharing.alone()
            other = stranger()
            driver.pids.append(other)
            assert sharing.alone()  # it asks the driver now and then only
            assert driver.asked == 1
            clock.now += 10
            assert not sharing.alone()
            driver.pids.remove(other)
            clock.now += 10
            assert not sharing.alone()


def test_the_service_that_lets_processes_share_is_no_user(driver, tmp_path, monkeypatch):
    monkeypatch.setenv("CUDA_MPS_PIPE_DIRECTORY", str(tmp_path))
    (tmp_path / "nvidia-cuda-mps-server").symlink_to("/bin/sleep")
    process = subprocess.Popen([tmp_path / "nvidia-cuda-mps-server", "60"], start_new_session=True)
    try:
        assert not mps_runs()
        (tmp_path / "control").touch()
        assert mps_runs()
        monkeypatch.setattr(gpu_users, "_related", lambda one, other: one == other)
        driver.pids = [os.getpid(), process.pid]
        assert other_programs("a") == []
    finally:
        process.kill()
        process.wait()
    assert not mps_runs()


class Card:
    """A GPU's memory, as `torch.cuda` tells it."""

    def __init__(self, monkeypatch, free, total=80 * GIB, reserved=0, allocated=0):
        self.fraction, self.emptied = None, 0
        answers = {
            "mem_get_info": lambda device: (free, total),
            "memory_reserved": lambda device: reserved,
            "memory_allocated": lambda device: allocated,
            "get_device_properties": lambda device: types.SimpleNamespace(total_memory=total),
            "set_per_process_memory_fraction": self._limit,
            "is_initialized": lambda: True,
            "empty_cache": self._empty,
        }
        for name, answer in answers.items():
            monkeypatch.setattr(torch.cuda, name, answer)

    def _limit(self, fraction, device):
        self.fraction = fraction

    def _empty(self):
        self.emptied += 1
        raise RuntimeError("CUDA error: an illegal memory access was encountered")


class TestMemory:
    @pytest.mark.parametrize(
        ("share", "gibibytes"), [(0.25, 20 - 0.625), (1.0, 79.375), (None, 80)]
    )
    def test_a_share_is_a_part_of_the_memory_less_what_cuda_takes(
        self, monkeypatch, share, gibibytes
    ):
        card = Card(monkeypatch, 80 * GIB)
        gpu_memory.limit_memory(CUDA, share)
        assert card.fraction == pytest.approx(gibibytes / 80)
        gpu_memory.limit_memory(torch.device("cpu"), share)

    def test_what_nothing_refers_to_is_given_back_also_after_an_error(self, monkeypatch):
        card = Card(monkeypatch, 80 * GIB)
        gpu_memory.release_memory(torch.device("cpu"))
        assert card.emptied == 0
        gpu_memory.release_memory(CUDA)
        assert card.emptied == 1


class TestResidence:
    """Data of 6 GiB."""

    @pytest.fixture
    def data(self, monkeypatch):
        monkeypatch.setattr(residence, "_bytes", lambda data: 6 * GIB)
        moved = []
        monkeypatch.setattr(ImageData, "to", lambda data, device: moved.append(device.type) or data)
        return ImageData(torch.zeros(2, 1, 8, 8, dtype=torch.uint8)), moved

    @pytest.mark.parametrize(
        ("memory", "share", "place"),
        [
            ({"free": 80 * GIB}, 1.0, "cuda"),
            ({"free": 12 * GIB}, 1.0, "cuda"),
            ({"free": 11 * GIB}, 1.0, "cpu"),
            ({"free": 80 * GIB}, 0.125, "cpu"),
            ({"free": 80 * GIB}, 0.25, "cuda"),
            ({"free": 80 * GIB, "reserved": 15 * GIB, "allocated": 15 * GIB}, 0.25, "cpu"),
            ({"free": 6 * GIB, "reserved": 7 * GIB, "allocated": GIB}, 1.0, "cuda"),
        ],
    )
    def test_it_lies_on_the_gpu_where_it_leaves_room_for_training(
        self, monkeypatch, data, memory, share, place
    ):
        Card(monkeypatch, **memory)
        found, moved = data
        assert residence.placed(found, CUDA, share)[1] == "" or place == "cpu"
        assert moved == [place]

    def test_a_sentence_says_that_it_does_not(self, monkeypatch, data, tmp_path):
        Card(monkeypatch, 8 * GIB)
        digits = default_registry().bind("dataset", "digits")
        splits = Splits(tmp_path, CUDA)
        splits.data(digits, "train")
        assert data[1] == ["cpu"]
        said = "6.0 GiB of samples stay in the host's memory: there is room for 4.0 GiB of them"
        assert any(said in remark for remark in splits.remarks())

    def test_another_process_that_was_faster_sends_it_to_the_host(self, monkeypatch, data):
        Card(monkeypatch, 80 * GIB)
        moves = []

        def move(data, device):
            moves.append(device.type)
            if device.type == "cuda":
                raise torch.OutOfMemoryError("CUDA out of memory.")
            return data

        monkeypatch.setattr(ImageData, "to", move)
        assert "stay in the host's memory" in residence.placed(data[0], CUDA)[1]
        assert moves == ["cuda", "cpu"]
