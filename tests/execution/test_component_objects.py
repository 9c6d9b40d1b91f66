"""Component objects in the place of specs: from modules, scripts and notebooks."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

import ganbench as gb
from ganbench.base.errors import UsageError
from ganbench.execution.component_objects import (
    adopt_components,
    check_portable,
    packed_components,
    with_specs,
)
from ganbench.registry import Registry, lookup
from ganbench.registry.code_digest import code_digest

TINY = {
    "budget": {"steps": 2},
    "evaluation": {"extractor": "pixels", "samples": 64, "ticks": 1, "metrics": ["fd"]},
}
CELL = """
import functools

import torch.nn.functional as F
import ganbench as gb

SCALE = 1.0

def soft(x):
    return F.softplus(x).mean() * SCALE

class NotebookLoss(gb.Loss):
    'A loss of a cell.'
    margin: float = gb.option(1.0, "margin", gt=0)

    def discriminator(self, real, fake):
        return soft(self.margin - real) + soft(self.margin + fake)

    @functools.cached_property
    def package(self):
        return gb.Loss  # the package is no plain module

    def generator(self, real, fake):
        assert self.package
        return -fake.mean()
"""


class OwnLoss(gb.Loss):
    """A loss of this module."""

    generator_uses_real = False

    margin: float = gb.option(1.0, "margin", gt=0)
    code: str = ""

    def discriminator(self, real, fake):
        return (self.margin - real).relu().mean() + (self.margin + fake).relu().mean()

    def generator(self, real, fake):
        return -fake.mean()


@pytest.fixture(autouse=True)
def session(monkeypatch):
    """A registry of its own, without what other tests have added."""
    monkeypatch.setattr(lookup, "_default", Registry.load())


def test_objects_and_classes_become_specs():
    used = []
    hinge = gb.get("loss", "hinge")
    grid = {"grid": {"loss": [OwnLoss(margin=2.0), hinge, OwnLoss, "lsgan"], "seeds": 2}}
    assert with_specs(grid, used) == {
        "grid": {"loss": ["own-loss[margin=2.0]", "hinge", "own-loss", "lsgan"], "seeds": 2}
    }
    assert [info.provider for info in used] == ["session", "ganbench", "session"]


def test_a_name_that_is_built_in_stays_built_in():
    made = type(OwnLoss)("Hinge", (OwnLoss,), {"__module__": __name__})
    assert with_specs(made(), []) == "session:hinge"
    assert gb.get("loss", "session:hinge") == made()


def test_the_newest_definition_counts():
    first, second = (type(OwnLoss)("Twice", (OwnLoss,), {"__module__": __name__}) for _ in "ab")
    assert [with_specs(cls, []) for cls in (first, second)] == ["twice", "twice"]
    assert type(gb.get("loss", "twice")) is second


def test_a_class_goes_to_another_process_and_keeps_its_options(monkeypatch):
    scope: dict = {"__name__": "__main__"}
    exec(CELL, scope)
    cls = scope["NotebookLoss"]
    assert with_specs(cls(margin=3.0), []) == "notebook-loss[margin=3.0]"
    source = gb.components("loss")["notebook-loss"].source
    packed = json.loads(json.dumps(packed_components()))
    monkeypatch.setattr(lookup, "_default", Registry.load())  # as in a worker
    assert adopt_components(packed) == []
    again = gb.get("loss", "notebook-loss[margin=3.0]")
    assert again.margin == 3.0
    assert again.package is gb.Loss
    assert gb.components("loss")["notebook-loss"].source == source
    with pytest.raises(UsageError, match="greater than 0"):
        gb.get("loss", "notebook-loss[margin=0.0]")


def test_what_cannot_be_sent_is_refused_with_a_way_out():
    lock = __import__("threading").Lock()

    class Held(OwnLoss):
        def generator(self, real, fake):
            with lock:
                return -fake.mean()

    used = []
    with_specs(Held(), used)
    with pytest.raises(UsageError, match=r"loss held cannot be sent .*executor='inline'"):
        check_portable(used)


def digest(text: str) -> str:
    scope: dict = {"__name__": "__main__"}
    exec(text, scope)
    return code_digest(scope["NotebookLoss"])


def test_the_digest_follows_the_code_and_what_it_uses():
    plain = digest(CELL)
    assert digest("\n\n" + CELL) == plain
    assert digest(CELL.replace("SCALE = 1.0", "SCALE = 2.0")) != plain
    assert digest(CELL.replace("softplus", "silu")) != plain
    assert digest(CELL.replace("margin + fake", "margin - fake")) != plain
    assert digest(CELL.replace("option(1.0", "option(2.0")) != plain


def test_objects_train_in_this_process(tmp_path):
    grid = {"grid": {"architecture": ["mlp"], "loss": [OwnLoss()], "dataset": ["digits"]}, **TINY}
    result = gb.run(grid, out=tmp_path / "run", executor="inline")
    assert result.results[["loss", "status"]].values.tolist() == [["own-loss", "ok"]]


@pytest.mark.slow
def test_a_class_of_a_script_trains_in_workers_and_an_edit_is_noticed(tmp_path):
    grid = {"grid": {"architecture": ["mlp"], "dataset": ["digits"]}, **TINY}
    run = f"""
grid = {grid!r}
grid["grid"]["loss"] = [NotebookLoss(margin=2.0)]
result = gb.run(grid, out="run")
print(result.trained, *result.results["loss"], *result.results["status"])
"""
    script, said = tmp_path / "script.py", []
    for text in (CELL, CELL, CELL.replace("SCALE = 1.0", "SCALE = 2.0")):
        script.write_text(text + run)
        done = subprocess.run(
            [sys.executable, script], capture_output=True, text=True, cwd=tmp_path
        )
        assert done.returncode == 0, done.stderr
        said.append(done.stdout.split())
    assert said == [[trained, "notebook-loss[margin=2.0]", "ok"] for trained in "101"]


def test_a_file_without_packaging_trains_in_workers(tmp_path):
    cell = CELL.replace(
        "import ganbench as gb", "import ganbench as gb\nfrom ganbench import hookimpl"
    )
    hook = "@hookimpl\ndef ganbench_losses(register):\n    register('filed', NotebookLoss)\n"
    (tmp_path / "own_file.py").write_text(f"{cell}\n{hook}")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "ganbench", "run", "--plugin", "own_file.py", "--json"),
            *("-a", "mlp", "-l", "filed[margin=2.0]", "-d", "digits", "--budget", "2steps"),
            *("--set", "evaluation.extractor=pixels", "--set", "evaluation.samples=64"),
            *("--set", "evaluation.ticks=1", "--set", "evaluation.metrics=[fd]", "-o", "run"),
        ],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    (row,) = json.loads(done.stdout)["rows"]
    assert (row["loss"], row["status"]) == ("filed[margin=2.0]", "ok")
    assert "own_file.py==local" in row["providers"]
    (record,) = (tmp_path / "run" / "trials").glob("*/trial.json")
    assert json.loads(record.read_text())["sources"]["loss filed of own_file.py"] != "unknown"
