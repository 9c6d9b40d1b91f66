"""`ganbench new`: what it writes builds, installs and passes its own tests, whatever the names are."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner

from ganbench.base.errors import UsageError
from ganbench.cli.app import app
from ganbench.registry import KINDS, kind_of
from ganbench.scaffold.names import Names


def ganbench(*arguments: object) -> tuple[int, str]:
    done = CliRunner().invoke(app, [str(one) for one in arguments])
    return done.exit_code, done.output


def made(kind: str, name: str, folder: Path) -> dict:
    """A new distribution in the folder, and its names."""
    code, said = ganbench("new", kind, name, "-o", folder, "--json")
    assert code == 0, said
    return json.loads(said)


def python(*arguments: object, cwd: Path, path: str = "") -> subprocess.CompletedProcess:
    environ = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, (path, *sys.path)))}
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=environ, cwd=cwd)


@pytest.mark.parametrize(
    ("given", "component", "cls", "module"),
    [
        ("soft-hinge", "soft-hinge", "SoftHinge", "ganbench_soft_hinge"),
        ("SoftHinge", "soft-hinge", "SoftHinge", "ganbench_soft_hinge"),
        ("My Hinge 2!", "my-hinge-2", "MyHinge2", "ganbench_my_hinge_2"),
        ("loss", "loss", "LossLoss", "ganbench_loss"),
        ("true", "true", "TrueLoss", "ganbench_true"),
        ("random", "random", "Random", "ganbench_random"),
    ],
)
def test_every_name_becomes_names_that_work(given, component, cls, module):
    names = Names.of(kind_of("loss"), given)
    assert (names.component, names.cls, names.module) == (component, cls, module)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("42", "beginning with a letter, such as 'loss-42'"),
        ("3d", "such as 'loss-3d'"),
        ("2nd_try", "such as 'loss-2nd-try'"),
        ("Über loss", "such as 'uber-loss'"),
        ("…", "such as 'soft-hinge'"),
        ("hinge", "is built in"),
        ("classic", "the module ganbench_classic exists already .* such as 'classic-loss'"),
        ("x" * 99, "give up to 60 letters"),
    ],
)
def test_names_that_cannot_be_are_refused(given, words):
    with pytest.raises(UsageError, match=words):
        Names.of(kind_of("loss"), given)


def test_a_folder_with_files_is_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    code, said = ganbench("new", "loss", "soft-hinge", "-o", tmp_path)
    assert code == 2
    assert "give another folder with -o" in said
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_every_kind_can_be_generated_and_loads_as_a_file(tmp_path):
    files = []
    for kind in KINDS:
        about = made(kind, f"own {kind}", tmp_path / kind)
        files.append(str(tmp_path / kind / f"{about['module']}.py"))
        for file in about["files"]:
            assert "{{" not in Path(file).read_text().replace("${{", "")
    given = [part for file in files for part in ("--plugin", file)]
    done = python("-m", "ganbench", *given, "plugins", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    mine = [plugin for plugin in json.loads(done.stdout) if plugin["version"] == "local"]
    assert {plugin["state"] for plugin in mine} == {"ok"}, mine
    provided = {name for plugin in mine for name in plugin["provides"]}
    assert provided == {f"{kind}:own-{kind}" for kind in KINDS}


def test_the_wheel_holds_the_module_whatever_its_name(tmp_path):
    about = made("loss", "Ring 2 (mine)", tmp_path / "ring")
    done = python("-m", "hatchling", "build", "-t", "wheel", cwd=tmp_path / "ring")
    assert done.returncode == 0, done.stderr
    (wheel,) = (tmp_path / "ring" / "dist").glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert f"{about['module']}.py" in names
    assert not [name for name in names if name.startswith(("tests", "benchmarks"))]


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_builds_installs_and_passes_its_tests(kind, tmp_path):
    folder, site = tmp_path / "new", tmp_path / "site"
    about = made(kind, f"own {kind}", folder)
    pip = ("-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-index")
    done = python(*pip, "--no-deps", "--no-build-isolation", "--target", site, folder, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    done = python("-m", "ganbench", "plugins", "--json", cwd=tmp_path, path=str(site))
    found = [p for p in json.loads(done.stdout) if p["distribution"] == about["distribution"]]
    assert [(p["state"], p["provides"]) for p in found] == [("ok", [f"{kind}:own-{kind}"])]
    pytest_ = ("-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider")
    done = python(*pytest_, cwd=folder, path=str(site))
    assert done.returncode == 0, done.stdout
    benchmark = f"benchmarks/bench_{about['module']}.py"
    done = python(*pytest_, "--benchmark-disable", benchmark, cwd=folder, path=str(site))
    assert done.returncode == 0, done.stdout
