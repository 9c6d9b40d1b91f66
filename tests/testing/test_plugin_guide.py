"""docs/plugins.md: its code is written to files, installed, tested and run as it says."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import ganbench as gb
from ganbench import testing
from ganbench.components import architecture
from ganbench.registry import KINDS

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "plugins.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
COMPONENTS = {
    *("architecture:growing", "architecture:labeled", "architecture:patches"),
    *("architecture:repaint", "architecture:styled", "architecture:two-way"),
    *("augmentation:brightness", "callback:journal", "dataset:negatives", "dataset:stripes"),
    *(
        "extractor:thumbnails",
        "loss:centered",
        "loss:codes",
        "loss:lazy-hinge",
        "metric:hue",
        "loss:matching-hinge",
    ),
    *("loss:soft-hinge", "regularizer:drift", "regularizer:relative-decay"),
    *("optimizer:lion", "schedule:warm-up"),
}
CAPABILITIES = [
    name for name, value in vars(architecture).items() if name.isupper() and isinstance(value, str)
]
TINY = ("--set", "evaluation.samples=64", "--set", "evaluation.ticks=1")


@pytest.fixture(autouse=True, scope="module")
def cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GANBENCH_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def guided(tmp_path_factory):
    """A folder with the guide's files, and the entry points that it announces."""
    folder = tmp_path_factory.mktemp("guide")
    entry_points = []
    for language, code in BLOCKS:
        if language == "python":
            target = folder / code.split()[1]
            target.parent.mkdir(exist_ok=True)
            target.write_text(code, encoding="utf-8")
        elif language == "toml":
            announced = tomllib.loads(code)["project"]["entry-points"]["ganbench"]
            entry_points += [f"{name} = {module}" for name, module in announced.items()]
    info = folder / "ganbench_guide-0.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: ganbench-guide\nVersion: 0.1\n")
    (info / "entry_points.txt").write_text("\n".join(["[ganbench]", *entry_points]))
    return folder


def python(folder, *arguments):
    path = os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])
    environ = os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=environ, cwd=folder)


def test_the_guides_plugins_load(guided):
    done = python(guided, "-m", "ganbench", "plugins", "--json")
    mine = [r for r in json.loads(done.stdout) if r["distribution"] == "ganbench-guide"]
    assert {record["state"] for record in mine} == {"ok"}, mine
    assert {name for record in mine for name in record["provides"]} == COMPONENTS


@pytest.mark.slow
def test_the_guides_tests_pass_and_its_benchmarks_run(guided):
    once = (".", "bench_plugins.py", "--benchmark-disable")
    done = python(guided, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error", *once)
    assert done.returncode == 0, done.stdout
    assert re.search(r"\d\d passed", done.stdout)


def test_the_guides_components_train_together(guided):
    done = python(
        guided,
        *("-m", "ganbench", "run", "-a", "patches[width=4]", "-l", "soft-hinge", "-l", "wgan-gp"),
        *("-d", "stripes", "-r", "drift", "-A", "brightness", "-c", "journal[path=fd.jsonl]"),
        *("--budget", "2steps", "-o", "out", "--json", "--set", "evaluation.extractor=pixels"),
        *TINY,
    )
    assert done.returncode == 0, done.stderr
    rows = {row["loss"]: row for row in json.loads(done.stdout)["rows"]}
    assert rows["soft-hinge"]["resolved_architecture"] == "patches[d_norm=batch,width=4]"
    assert rows["wgan-gp"]["resolved_architecture"] == "patches[d_norm=none,width=4]"
    journal = [json.loads(line) for line in (guided / "fd.jsonl").read_text().splitlines()]
    assert {line["trial"] for line in journal} == {row["trial"] for row in rows.values()}


def test_the_guides_designs_of_every_kind_train(guided):
    done = python(
        guided,
        *("-m", "ganbench", "run", "-a", "growing", "-a", "styled", "-a", "labeled"),
        *("-a", "repaint", "-a", "two-way", "-l", "soft-hinge", "-d", "stripes", "-d", "negatives"),
        *("-r", "relative-decay", "--budget", "4steps", "-o", "kinds", "--json"),
        *("--set", "evaluation.extractor=thumbnails", *TINY),
    )
    assert done.returncode == 0, done.stderr
    ended = {
        (row["architecture"], row["dataset"]): row["status"]
        for row in json.loads(done.stdout)["rows"]
    }
    from_latents = {(name, "stripes") for name in ("growing", "styled", "labeled")}
    translating = {(name, "negatives") for name in ("repaint", "two-way")}
    assert {cell for cell, status in ended.items() if status == "ok"} == from_latents | translating
    drawn = python(
        guided,
        *(
            "-m",
            "ganbench",
            "sample",
            "kinds",
            "styled-soft-hinge-stripes",
            "--truncation",
            "0.5",
            "-o",
            "drawn.png",
        ),
    )
    assert drawn.returncode == 0, drawn.stderr
    assert (guided / "drawn.png").exists()


def test_the_guides_notebook_runs(guided):
    done = python(guided, "notebook.py")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["cell-loss[margin=2.0]", "hinge"]


def test_the_guides_file_needs_no_installation(guided, tmp_path):
    file = tmp_path / "my_softhinge.py"
    text = (guided / "ganbench_softhinge.py").read_text().replace('"soft-hinge"', '"my-softhinge"')
    file.write_text(text)
    done = python(guided, "-m", "ganbench", "info", "my-softhinge", "--plugin", file, "--json")
    assert json.loads(done.stdout)["provider"] == "my_softhinge.py", done.stderr


def test_the_guide_names_everything_that_there_is():
    for kind in KINDS.values():
        assert f"`{kind.hook}(register)` | `ganbench.{kind.contract.partition(':')[2]}`" in GUIDE
    for suite in testing.__all__:
        assert suite in GUIDE
    for name in CAPABILITIES:
        assert hasattr(gb, name)
        assert f"`ganbench.{name}`" in GUIDE
    for kind in KINDS.values():
        contract = getattr(gb, kind.contract.partition(":")[2])
        for name in [name for base in (contract, gb.Component) for name in vars(base)]:
            if not name.startswith("_"):
                assert re.search(rf"`{name}\b|def {name}\(", GUIDE), f"{contract.__name__}.{name}"
    anchors = {
        re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")
        for title in re.findall(r"^##+ (.*)$", GUIDE, re.MULTILINE)
    }
    assert set(re.findall(r"\]\(#(.*?)\)", GUIDE)) <= anchors


def test_the_example_distributions_own_tests_pass():
    example = ROOT / "plugins" / "example"
    pytest_ = ("-B", "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error")
    once = ("tests", "benchmarks/bench_example.py", "--benchmark-disable")
    done = python(example, *pytest_, *once)
    assert done.returncode == 0, done.stdout
    assert re.search(r"\d\d passed", done.stdout)
