"""``ganbench bench``: what it refuses, what it prints, and real sessions on a planted slowdown."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest
from click.testing import CliRunner

from ganbench.cli.app import app
from ganbench.cli.bench_text import lines
from ganbench.execution.bench.document import document
from ganbench.execution.bench.plan import Plan, Target, Timed

LOSS = """
import time

import torch.nn.functional as F
from ganbench import Loss, hookimpl

EXTRA = 0.0


class Mine(Loss):
    generator_uses_real = False

    def discriminator(self, real, fake):
        return slowed(lambda: F.relu(1 - real).mean() + F.relu(1 + fake).mean())

    def generator(self, real, fake):
        return slowed(lambda: -fake.mean())


def slowed(compute):
    start = time.thread_time()
    value = compute()
    spent = time.thread_time() - start
    while time.thread_time() - start < (1 + EXTRA) * spent:
        pass
    return value


@hookimpl
def ganbench_losses(register):
    register("mine", Mine)
"""


def ganbench(*arguments):
    done = CliRunner().invoke(app, ["bench", *map(str, arguments)])
    return done.exit_code, done.output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "name what to time"),
        (("hinges",), "did you mean 'hinge'?"),
        (("none",), "choose one with --kind"),
        (("missing.py",), "there is no such file"),
        (("hinge", "--device", "tpu"), "use cpu, cuda or cuda:0"),
    ],
)
def test_what_cannot_be_timed_is_refused(arguments, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, said = ganbench(*arguments)
    assert code == 2
    assert words in said


def timed(name, ratio, **more):
    theirs = [[0.001 + 1e-6 * n for n in range(12)] for _ in range(3)]
    ours = [[ratio * seconds for seconds in launch] for launch in theirs]
    mine = Target.of_spec("loss", "mine")
    return Timed(mine, name, f"what {name} is", 32, "images", ours, theirs, [0.4], **more)


def test_the_table_names_what_became_slower():
    found = [
        timed("losses", 1.1),
        timed("training", 1.0),
        Timed(Target.of_spec("dataset", "other"), problem="no data"),
    ]
    content = document(found, "main", Plan())
    text = "\n".join(lines(content))
    assert re.search(r"mine +losses +1.11 ms +28,9\d\d images/s +1.01 ms +\+10.0 %", text)
    assert "no change" in text
    assert "other cannot be timed: no data" in text
    assert "Other programs took 40 % of the time" in text
    assert text.endswith("Slower than main by more than 3 %: mine: losses.")
    assert content["slower"] == ["mine: losses"]
    assert content["problems"] == ["other"]
    json.dumps(content, allow_nan=False)


@pytest.mark.slow
def test_a_planted_slowdown_is_named_and_an_unchanged_loss_is_not(tmp_path):
    repository = tmp_path / "mine"
    repository.mkdir()
    file = repository / "my_loss.py"
    file.write_text(LOSS)
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    for arguments in (("init", "-q"), ("add", "."), (*identity, "commit", "-qm", "first")):
        subprocess.run(["git", *arguments], cwd=repository, check=True)
    given = ("--plugin", file, "--against", "HEAD", "--workload", "losses", "--json")
    few, found = ("--rounds", "8"), {}
    for extra in (0.0, 0.3):  # far from the margin: the test's own neighbors load the machine
        file.write_text(LOSS.replace("EXTRA = 0.0", f"EXTRA = {extra}"))
        command = [sys.executable, "-m", "ganbench", "bench", *few, *map(str, given)]
        done = subprocess.run(command, capture_output=True, text=True)
        found[extra] = done.returncode, json.loads(done.stdout)["results"][0]["verdict"]
    assert found[0.0] in [(0, "same"), (0, "unclear")]
    assert found[0.3] == (1, "slower")
