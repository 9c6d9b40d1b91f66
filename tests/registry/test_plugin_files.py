"""Plugins in single files: --plugin and GANBENCH_PLUGINS_PATH."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from ganbench.cli.app import app
from ganbench.execution.ray.plugin_transfer import adopt_plugins, packed_plugins
from ganbench.registry import Registry, lookup, plugin_files
from ganbench.registry.plugin_files import VARIABLE, demand

LOSS = """
from ganbench import Loss, hookimpl

class Mine(Loss):
    'My own loss.'
    def discriminator(self, real, fake):
        return (fake - real).mean()
    def generator(self, real, fake):
        return -fake.mean()
"""
HOOK = """
@hookimpl
def ganbench_losses(register):
    register("NAME", Mine)
"""


@pytest.fixture(autouse=True)
def session(monkeypatch):
    """Nothing of a file stays: neither in the variable, nor on the import path, nor loaded."""
    monkeypatch.setenv(VARIABLE, "")
    monkeypatch.setattr(plugin_files, "_demanded", set())
    monkeypatch.setattr(lookup, "_default", None)
    monkeypatch.setattr(sys, "path", [*sys.path])
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if getattr(sys.modules[name], "__file__", None) and name.startswith("own_"):
            del sys.modules[name]


def write(folder: Path, name: str, text: str = LOSS + HOOK) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    stem = path.parent.name if path.stem == "__init__" else path.stem
    path.write_text(text.replace("NAME", stem.replace("_", "-")))
    return path


def ganbench(*arguments: object) -> tuple[int, str]:
    done = CliRunner().invoke(app, [str(one) for one in arguments])
    return done.exit_code, done.output


@pytest.mark.parametrize("first", [True, False])
def test_a_file_is_a_plugin_before_and_after_the_command(tmp_path, first):
    path = write(tmp_path, "own_one.py")
    given = ("--plugin", path)
    order = (
        (*given, "info", "own-one", "--json") if first else ("info", "own-one", "--json", *given)
    )
    code, text = ganbench(*order)
    assert code == 0, text
    found = json.loads(text)
    assert (found["provider"], found["version"]) == ("own_one.py", "local")


def test_the_variable_names_files_folders_and_packages(tmp_path, monkeypatch):
    write(tmp_path, "many/own_a.py")
    write(tmp_path, "many/own_helper.py", "SCALE = 2\n")  # no hooks: it is for the others
    write(tmp_path, "own_b.py")
    write(tmp_path, "own_pack/__init__.py", "from own_pack.inner import Mine, hookimpl\n" + HOOK)
    write(tmp_path, "own_pack/inner.py", LOSS)
    places = (tmp_path / "many", tmp_path / "own_b.py", tmp_path / "own_pack")
    monkeypatch.setenv(VARIABLE, os.pathsep.join(map(str, places)))
    registry = Registry.load()
    mine = {p.name: p for p in registry.plugins if p.version == "local"}
    assert {name: (p.state, p.provides) for name, p in mine.items()} == {
        "own_a": ("ok", ["loss:own-a"]),
        "own_b": ("ok", ["loss:own-b"]),
        "own_pack": ("ok", ["loss:own-pack"]),
    }
    assert len(mine["own_a"].sha256) == 64


def test_a_file_that_fails_stops_the_command_that_names_it(tmp_path):
    broken = write(tmp_path, "own_broken.py", "\n\nx = 1 / 0\n")
    code, text = ganbench("list", "losses", "--plugin", broken)
    assert code == 2
    assert f"--plugin {broken}: ZeroDivisionError: division by zero, line 3" in " ".join(
        text.split()
    )


def test_a_file_of_the_variable_hurts_only_itself(tmp_path, monkeypatch):
    broken, gone = write(tmp_path, "own_broken.py", "1 / 0"), tmp_path / "own_gone.py"
    monkeypatch.setenv(VARIABLE, f"{broken}{os.pathsep}{gone}")
    states = {p.name: (p.state, p.error) for p in Registry.load().plugins if p.version == "local"}
    assert states["own_broken"] == ("failed", "ZeroDivisionError: division by zero")
    assert states["own_gone"] == ("failed", f"FileNotFoundError: {gone} does not exist")


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("own_hookless.py", LOSS, 'def ganbench_losses(register): register("mine", Mine)'),
        ("random.py", LOSS + HOOK, "another module 'random'"),
        ("own.dotted.py", LOSS + HOOK, "rename own.dotted.py to own_dotted.py"),
        ("own_text.txt", "", "is not a Python file"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(tmp_path, name, text, words):
    code, said = ganbench("list", "--plugin", write(tmp_path, name, text))
    assert code == 2
    assert words in " ".join(said.split())


def test_paths_without_a_plugin_are_refused(tmp_path):
    for given, words in ((tmp_path / "no.py", "does not exist"), (tmp_path, "has an @hookimpl")):
        code, said = ganbench("list", "--plugin", given)
        assert code == 2
        assert words in said


def test_a_file_loads_although_other_plugins_are_not_allowed(tmp_path, monkeypatch):
    monkeypatch.setenv("GANBENCH_PLUGINS", "something-else")
    demand([str(write(tmp_path, "own_allowed.py"))])
    assert "own-allowed" in Registry.load().components("loss")


def test_the_digest_covers_modules_beside_the_file(tmp_path):
    write(tmp_path, "own_part.py", "SCALE = 1\n")
    path = write(tmp_path, "own_whole.py", "import own_part\n" + LOSS + HOOK)
    demand([str(path)])
    before = Registry.load().info("loss", "own-whole").source
    write(tmp_path, "own_part.py", "SCALE = 2\n")
    assert Registry.load().info("loss", "own-whole").source != before


def test_a_node_without_the_file_gets_a_copy_with_the_modules_beside_it(tmp_path, monkeypatch):
    write(tmp_path, "here/own_beside.py", "CALLED = 'own-carried'\n")
    text = "from own_beside import CALLED\n" + LOSS + HOOK.replace('"NAME"', "CALLED")
    path = tmp_path / "here" / "own_carried.py"
    path.write_text(text)
    demand([str(path)])
    packed = json.loads(json.dumps(packed_plugins()))
    adopt_plugins(packed)
    assert os.environ[VARIABLE] == str(path)  # it is there
    (tmp_path / "here").rename(tmp_path / "elsewhere")
    monkeypatch.setenv("GANBENCH_CACHE", str(tmp_path / "cache"))
    adopt_plugins(packed)
    monkeypatch.setattr(plugin_files, "_demanded", set())
    assert "own-carried" in Registry.load().components("loss")
    assert os.environ[VARIABLE].startswith(str(tmp_path / "cache"))
