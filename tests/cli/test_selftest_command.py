"""``selftest``: its table, its document, its exit codes."""

import json

import pytest
from click.testing import CliRunner

from ganbench.cli import selftest as command
from ganbench.cli.app import app
from ganbench.cli.selftest_text import lines
from ganbench.execution.selftest.checks import CHECKS, named
from ganbench.execution.selftest.conductor import Found
from ganbench.execution.selftest.document import document
from ganbench.execution.selftest.outcome import Outcome, Speed

MACHINE = {"device": "cuda", "device_name": "NVIDIA H100 80GB HBM3", "torch": "2.11.0+cu130",
           "cuda": "13.0", "cudnn": 91900, "driver": "580.95.05"}  # fmt: skip
SPEEDS = tuple(
    Speed(of, measure, value, unit)
    for of in ("dcgan, 32 px, fp32", "stylegan2, 64 px, bf16")
    for measure, value, unit in (
        ("eager", 12345.6, "images/s"), ("graph", 43210.0, "images/s"),
        ("plain loop", 9876.5, "images/s"),
        ("eager against plain loop", 1.25, "times"), ("floor", 98765.0, "images/s"),
        ("share of the floor", 0.4375, "share"), ("operations in a step", 153, "count"),
    )
)  # fmt: skip


def found(**outcomes):
    """All checks held but for the given ones."""
    made = {check.name: Outcome("held", cells=12 if check.promises else None) for check in CHECKS}
    made["training"] = Outcome("held", (), SPEEDS)
    made |= outcomes
    return Found(MACHINE, made, dict.fromkeys(made, 1.25))


BROKEN = Outcome("broken", ("dcgan × hinge, bf16: 3 of 128 parts of the state differ",), cells=11)
ABSENT = Outcome(
    "impossible", ("the weights are missing here",), (Speed("a", "b", float("nan"), "s"),)
)


def test_an_interrupted_one_writes_what_it_has(run, tmp_path):
    half = found()
    name = next(check.name for check in CHECKS if check.promises)
    half.outcomes = {name: half.outcomes[name]}
    half.interrupted = True
    done = run(half)
    assert done.exit_code == 130
    assert f"Interrupted; selftest.json has what 1 of {len(CHECKS)} checks found." in done.stderr
    content = json.loads((tmp_path / "selftest.json").read_text())
    assert [one["name"] for one in content["promises"]] == [name]
    assert len(content["missing"]) == len(CHECKS) - 1


@pytest.fixture
def run(monkeypatch, tmp_path):
    """Run the command; the checks find what is given."""
    monkeypatch.chdir(tmp_path)

    def invoke(result, *arguments, columns="100"):
        def conduct(checks, device, quick, listener, limit):
            if isinstance(result, BaseException):
                raise result
            for check in (one for one in checks if one.name in result.outcomes):
                listener.began(check)
                listener.ended(check, result.outcomes[check.name], 1.25)
            return result

        monkeypatch.setattr(command, "conduct", conduct)
        environ = {"COLUMNS": columns, "NO_COLOR": "1"}
        return CliRunner().invoke(app, ["selftest", *arguments], env=environ)

    return invoke


def test_all_is_well(run, tmp_path):
    done = run(found())
    assert done.exit_code == 0, done.output
    assert "11 of 11 promises held; 16.2 s" in done.stdout
    assert "[1/13] same-seed: held (1.2 s)" in done.stderr
    assert "[13/13] evaluation: measured (1.2 s)" in done.stderr
    content = json.loads((tmp_path / "selftest.json").read_text())
    assert content["broken"] == []
    assert {"format", "ganbench", "date", "quick", "machine", "seconds"} <= content.keys()
    assert [one["name"] for one in content["promises"]] == [c.name for c in CHECKS if c.promises]
    assert {"check", "of", "measure", "value", "unit", "note"} == content["speeds"][0].keys()


def test_a_broken_promise_says_what_it_means_and_what_avoids_it(run, tmp_path):
    done = run(found(graph=BROKEN, evaluation=ABSENT), "-o", str(tmp_path / "other.json"))
    assert done.exit_code == 1
    text = " ".join(done.stdout.split())
    for expected in (
        "graph is broken. - dcgan × hinge, bf16: 3 of 128 parts of the state differ "
        "Trials with replayed steps have other results than trials with eager steps. "
        "Train with --set training.executor=eager.",
        "evaluation: the weights are missing here",
        "10 of 11 promises held; broken: graph; 16.2 s",
    ):
        assert expected in text
    content = json.loads((tmp_path / "other.json").read_text())
    assert content["broken"] == ["graph"]
    (graph,) = (one for one in content["promises"] if one["name"] == "graph")
    assert (graph["result"], graph["remedy"]) == (
        "broken", "Train with --set training.executor=eager.")  # fmt: skip
    assert content["speeds"][-1]["value"] is None
    assert content["measurements"][-1]["result"] == "impossible"


def test_json_is_one_document(run):
    done = run(found(), "--json", "--quick")
    assert json.loads(done.stdout)["quick"] is True


def test_an_unknown_check_lists_all(run):
    done = run(found(), "--only", "nothing-like-it")
    assert done.exit_code == 2
    assert all(check.name in done.stderr for check in CHECKS)


def test_only_some_checks(run):
    done = run(found(), "--only", "graph", "--only", "training", "--json")
    content = json.loads(done.stdout)
    assert [one["name"] for one in content["promises"]] == ["graph"]
    assert [one["name"] for one in content["measurements"]] == ["training"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--only", "grpah"], "Error: --only grpah: no such check; did you mean 'graph'?"),
        (["--device", "tpu"], "Error: --device tpu: unknown device; use cpu, cuda or cuda:0"),
        (["-o", "."], "Error: -o . is a folder; name a file"),
    ],
)
def test_wrong_use_is_one_sentence(run, arguments, sentence):
    done = run(found(), *arguments)
    assert done.exit_code == 2
    assert done.stderr.strip() == sentence


def test_an_interruption_is_130(run):
    assert run(KeyboardInterrupt()).exit_code == 130


@pytest.mark.parametrize("width", [80, 100, 120])
def test_the_table_fits_and_breaks_no_word(width):
    content = document(CHECKS, found(graph=BROKEN, evaluation=ABSENT), quick=False)
    shown = list("\n".join(lines(content, width)).splitlines())
    assert max(map(len, shown)) <= width
    words = set(" ".join(shown).split())
    for check in CHECKS:
        if check.promises:
            assert {check.name, *check.title.split()} <= words
    assert {"stylegan2,", "against", "operations", "43,210"} <= words


def test_a_small_self_test_runs_for_real(tmp_path):
    """One check in its process: the machine's facts come with it."""
    target = tmp_path / "selftest.json"
    arguments = [
        "selftest",
        "--quick",
        "--device",
        "cpu",
        "--only",
        "deterministic",
        "-o",
        str(target),
    ]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    content = json.loads(target.read_text())
    assert content["promises"][0]["cells"] >= 12
    assert content["machine"]["device_name"] == "cpu (1 thread)"
    assert named(["deterministic"])[0].title in done.stdout
