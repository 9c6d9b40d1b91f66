"""``doctor``: what it finds, how it says what to do, and that nothing breaks it."""

import json
import subprocess
import types
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from ganbench import Dataset, Extractor
from ganbench.base.paths import cache_root, data_root
from ganbench.cli import doctor
from ganbench.cli.app import app
from ganbench.registry import PluginRecord, PluginState, Registry, lookup
from ganbench.registry.plugins import Registration


class Found(Dataset):
    def load(self, split, root):
        raise NotImplementedError

    def diagnose(self, root, cache):
        print("must not spoil the document")
        return [("ok", f"is in {root.name}"), ("warning", "is old: load it anew")]


class Faulty(Extractor):
    def prepare(self, context):
        raise NotImplementedError

    def diagnose(self, root, cache):
        raise RuntimeError(f"no {cache.name}")


class Demanding(Found):
    path: str


@pytest.fixture
def installation(monkeypatch, tmp_path):
    home = PluginRecord("core", "ganbench", "1.0", "core", load_ms=1.25, provides=["loss:x"])
    bad = PluginRecord("bad", "hostile", "3.0", "bad")
    bad.note_fault(PluginState.FAILED, "ValueError: no", "bad.py:7")
    rival = PluginRecord("own", "rival", "3.0", "own", PluginState.CONFLICT, "loss 'x' is taken")
    blocked = PluginRecord("off", "off", "3.0", "off", PluginState.BLOCKED)
    registrations = [
        Registration("dataset", "found", Found, "", home),
        Registration("dataset", "demanding", Demanding, "", home),
        Registration("extractor", "faulty", Faulty, "", home),
        Registration("loss", "late", "nowhere:Late", "", home),
    ]
    registry = Registry([home, bad, rival, blocked], registrations)
    monkeypatch.setattr(lookup, "_default", registry)
    monkeypatch.setenv("GANBENCH_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("GANBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("GANBENCH_DISABLE_PLUGINS", "off,bda")
    return registry


def findings(*arguments):
    result = CliRunner().invoke(app, ["doctor", "--json", *arguments])
    assert result.exit_code == 0
    document = json.loads(result.stdout)
    by_section = {}
    for finding in document["findings"]:
        by_section.setdefault(finding["section"], []).append((finding["level"], finding["text"]))
    return document, by_section


def test_everything_is_looked_at(installation, tmp_path):
    document, found = findings()
    assert list(found) == ["versions", "devices", "torchvision", "plugins", "data", "weights"]
    assert document["versions"]["torch"] == torch.__version__
    assert "pytest" not in document["versions"]
    plugins = found["plugins"]
    assert ("ok", "GANBENCH_DISABLE_PLUGINS=off,bda") in plugins
    assert ("ok", "ganbench:core 1.0: 1 components, 1 ms") in plugins
    assert [level for level, _ in plugins].count("error") == 2
    assert [level for level, _ in plugins].count("warning") == 2
    text = "\n".join(text for _, text in plugins)
    assert "names the unknown plugin 'bda'" in text
    assert "hostile:bad 3.0 failed to load: ValueError: no; mend or uninstall it, or set" in text
    assert "rival:own 3.0 is in conflict: loss 'x' is taken" in text
    assert "loss 'late' of ganbench 1.0 cannot be imported" in text
    folder = ("ok", f"data folder: {tmp_path / 'data'}, created on first use")
    told = [("ok", "found: is in data"), ("warning", "found: is old: load it anew")]
    assert found["data"] == [folder, *told]
    assert found["weights"][1:] == [("error", "faulty: cannot be examined: RuntimeError: no cache")]


def test_for_a_person(installation):
    result = CliRunner().invoke(app, ["doctor"])
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert "? found: is old: load it anew" in lines
    assert "! faulty: cannot be examined: RuntimeError: no cache" in lines
    assert "wrong (!)" in lines[-1]


def test_a_check_that_breaks_is_a_finding(installation, monkeypatch):
    monkeypatch.setattr(doctor, "versions", lambda: 1 / 0)
    found = list(doctor.examine(None))
    assert found[0].text == "this check failed: ZeroDivisionError: division by zero"
    assert {finding.section for finding in found} >= {"plugins", "weights"}


def test_folders_that_cannot_be_used(tmp_path, monkeypatch):
    file = tmp_path / "file"
    file.touch()
    usage = types.SimpleNamespace(free=5 * 2**20)
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda place: usage)
    told = list(doctor._folder("data", file / "below", "--data-dir"))
    assert told == [
        ("warning", f"data folder {file / 'below'} cannot be written: choose another with "
                    "--data-dir"),
        ("warning", f"only 5 MiB are free for {file / 'below'}: make room, or choose another with "
                    "--data-dir"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("smi", "built_for", "level", "sentence"),
    [
        ("", None, "ok", "no CUDA device: trials run on the CPU"),
        (
            "H200, 550.1\n",
            None,
            "warning",
            "this torch is a CPU build, and cannot use H200 with driver 550.1: install",
        ),
        (
            "H200, 550.1\n",
            "13.0",
            "warning",
            "torch for CUDA 13.0 cannot use H200 with driver 550.1: update",
        ),
    ],
)
def test_devices_that_torch_cannot_use(monkeypatch, smi, built_for, level, sentence):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.version, "cuda", built_for)
    done = subprocess.CompletedProcess([], 0, stdout=smi)
    monkeypatch.setattr(doctor.subprocess, "run", lambda *args, **kwargs: done)
    ((told, text),) = doctor._graphics()
    assert told == level
    assert text.startswith(sentence)


@pytest.mark.parametrize(
    ("others", "level", "sentence"),
    [
        (None, "ok", "the driver does not show here who uses cuda:0"),
        ([7, 8], "warning", "2 other programs on cuda:0 (process 7, 8): speeds"),
    ],
)
def test_devices_that_are_busy(monkeypatch, others, level, sentence):
    device = types.SimpleNamespace(name="H200", uuid="a")
    monkeypatch.setattr(doctor, "other_programs", lambda uuid: others)
    monkeypatch.setattr(doctor, "mps_runs", lambda: others is not None)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda index: device)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda index: (2**30, 4 * 2**30))
    (_, text), (full, memory), users, (_, mps) = doctor._graphics()
    assert text.startswith("cuda:0: H200, 4.0 GiB, 1.0 free; driver unknown; CUDA ")
    assert (full, "choose another device with --device" in memory) == ("warning", True)
    assert (users[0], users[1].startswith(sentence)) == (level, True)
    assert mps.startswith("MPS does not run" if others is None else "MPS runs")


def test_where_data_and_weights_live(monkeypatch):
    home = Path.home()
    for name in ("GANBENCH_DATA", "GANBENCH_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    assert data_root() == home / ".cache/ganbench/data"
    assert cache_root() == home / ".cache/ganbench"
    monkeypatch.setenv("XDG_CACHE_HOME", "not/absolute")
    assert cache_root() == home / ".cache/ganbench"
    monkeypatch.setenv("XDG_CACHE_HOME", "/caches")
    assert (data_root(), cache_root()) == (
        Path("/caches/ganbench/data"),
        Path("/caches/ganbench"),
    )
    monkeypatch.setenv("GANBENCH_DATA", "~/data")
    monkeypatch.setenv("GANBENCH_CACHE", "/weights")
    assert (data_root(), cache_root()) == (home / "data", Path("/weights"))
    assert data_root("here") == Path("here")
