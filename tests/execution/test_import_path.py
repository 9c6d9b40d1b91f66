"""Files of the user's do not stand in for modules of a worker; plugins beside them are still found."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

import ganbench
from ganbench.execution.supervise.worker_process import import_path

HOME = str(Path(ganbench.__file__).parent.parent)
#: What torch, the loader or a worker's own start need.
SHADOWS = ("types", "enum", "json", "operator", "random", "torch", "numpy", "queue")
TRIAL = ["-a", "mlp[d_widths=[4],g_widths=[4]]", "-d", "digits", "--budget", "1steps", "--seeds", "1",
         "--set", "evaluation.extractor=pixels", "--set", "evaluation.samples=20",
         "--set", "evaluation.ticks=1", "--device", "cpu"]  # fmt: skip


def run(folder, *arguments, path=(), safe=True):
    entries = os.pathsep.join(
        [*map(str, path), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    )
    command = [
        sys.executable,
        *(["-P"] if safe else []),
        "-m",
        "ganbench",
        "run",
        *TRIAL,
        *arguments,
    ]
    environment = {**os.environ, "PYTHONPATH": entries.strip(os.pathsep)}
    return subprocess.run(
        [*command, "-o", "out"], cwd=folder, env=environment, capture_output=True, text=True
    )


def test_files_in_the_working_directory_replace_no_module_of_a_worker(tmp_path):
    for name in SHADOWS:
        (tmp_path / f"{name}.py").write_text("class Config: pass\n")
    done = run(tmp_path, "-l", "hinge")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("eager", ["", pytest.param("1", marks=pytest.mark.slow)])
def test_files_in_the_working_directory_replace_no_module_of_the_command(tmp_path, eager):
    """Although Python puts that directory first; also where EAGER_IMPORT loads every name at once."""
    for name in ("enum", "typing", "random", "json", "click"):
        (tmp_path / f"{name}.py").write_text("raise ImportError('shadow')\n")
    environ = {**os.environ, "EAGER_IMPORT": eager}
    command = [sys.executable, "-m", "ganbench", "--version"]
    done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True)
    assert done.stdout == f"ganbench {ganbench.__version__}\n", done.stderr


PLUGIN = """
from ganbench import Loss, hookimpl
class Mine(Loss):
    def discriminator(self, real, fake): return fake.mean() - real.mean()
    def generator(self, real, fake): return -fake.mean()
@hookimpl
def ganbench_losses(register):
    register("mine", Mine)
"""


@pytest.mark.slow
@pytest.mark.parametrize("named", [True, False], ids=["PYTHONPATH", "python -m"])
def test_a_plugin_in_the_working_directory_is_found(tmp_path, named):
    """Also beside a file that must not replace a module of Python's."""
    (tmp_path / "mine_only_here.py").write_text(PLUGIN)
    if not named:
        (tmp_path / "statistics.py").write_text("raise ImportError('shadow')\n")
    info = tmp_path / "mine-0.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: mine\nVersion: 0.1\n")
    (info / "entry_points.txt").write_text("[ganbench]\nmine = mine_only_here\n")
    done = run(tmp_path, "-l", "mine", path=[tmp_path] if named else (), safe=named)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def somewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", "")
    monkeypatch.delattr(sys.modules["__main__"], "__file__", raising=False)
    return str(tmp_path)


def test_the_working_directory_comes_last_unless_it_was_asked_for(somewhere, monkeypatch):
    others = [sysconfig.get_path("stdlib"), "/elsewhere", sysconfig.get_path("purelib")]
    monkeypatch.setattr(sys, "path", ["", *others])
    assert import_path() == [*others, somewhere]
    monkeypatch.setattr(sys, "path", ["/elsewhere", "", *others])
    assert import_path() == ["/elsewhere", others[0], others[2], somewhere]
    monkeypatch.setenv("PYTHONPATH", f"/more{os.pathsep}{somewhere}")
    monkeypatch.setattr(sys, "path", ["/more", somewhere, *others])
    assert import_path() == ["/more", somewhere, *others]


def test_the_folder_of_a_script_comes_last(somewhere, monkeypatch):
    monkeypatch.setattr(sys.modules["__main__"], "__file__", "/scripts/mine.py", raising=False)
    monkeypatch.setattr(sys, "path", ["/scripts", "/elsewhere"])
    assert import_path() == ["/elsewhere", "/scripts"]


def test_workers_run_the_ganbench_of_the_checkout_that_they_are_started_from(monkeypatch):
    library, site = sysconfig.get_path("stdlib"), sysconfig.get_path("purelib")
    monkeypatch.chdir(HOME)
    monkeypatch.setenv("PYTHONPATH", "")
    monkeypatch.setattr(sys, "path", ["", library, f"{library}/lib-dynload", site])
    assert import_path() == [library, f"{library}/lib-dynload", HOME, site]
