"""The example distribution, installed as anyone would, beside distributions that misbehave."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "plugins" / "example"

CLAIM = "{LOSS}\n@hookimpl\ndef ganbench_losses(register):\n    register('NAME', Example)\n"

HOSTILE = {
    "hostile-import": "raise RuntimeError('at import')",
    "hostile-exit": "import sys\nprint('bye')\nsys.exit(5)",
    "hostile-hook": CLAIM.replace("NAME", "half") + "    raise RuntimeError('in the hook')\n",
    "hostile-typo": "from ganbench import hookimpl\n@hookimpl\ndef ganbench_lozzes(register): ...\n",
    "claims-builtin": CLAIM.replace("NAME", "hinge"),
    "claims-first": CLAIM.replace("NAME", "contested"),
    "claims-second": CLAIM.replace("NAME", "contested"),
}
ERRORS = {
    "hostile-import": ("failed", "RuntimeError: at import"),
    "hostile-exit": ("failed", "SystemExit: 5"),
    "hostile-hook": ("failed", "RuntimeError: in the hook"),
    "hostile-typo": (
        "failed",
        "HookError: unknown hook 'ganbench_lozzes'; did you mean 'ganbench_losses'?",
    ),
    "claims-builtin": (
        "conflict",
        "loss 'hinge' is built in; this one is 'claims-builtin:hinge'",
    ),
    "claims-first": (
        "conflict",
        "loss 'contested' is claimed by claims-second:plugin too; "
        "this one is 'claims-first:contested'",
    ),
    "claims-second": (
        "conflict",
        "loss 'contested' is claimed by claims-first:plugin too; "
        "this one is 'claims-second:contested'",
    ),
}


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder with the example, built and installed from its sources."""
    target = tmp_path_factory.mktemp("example")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--target", str(target)]
    done = subprocess.run([*pip, *options, str(EXAMPLE)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return target


def ganbench(*arguments, path):
    environ = os.environ | {
        "PYTHONPATH": os.pathsep.join(map(str, path)),
        "OMP_NUM_THREADS": "1",  # for steps this small more threads only wait for each other
    }
    command = [sys.executable, "-m", "ganbench", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=environ)


def test_example_loads_beside_plugins_that_misbehave(installed, site):
    for distribution, source in HOSTILE.items():
        site.add(distribution, source)
    done = ganbench("plugins", "--json", path=[installed, site.folder])
    assert done.returncode == 0, done.stderr
    records = json.loads(done.stdout)
    mine = {r["name"]: r for r in records if r["distribution"] == "ganbench-example"}
    assert {name: (r["state"], r["error"], r["provides"]) for name, r in mine.items()} == {
        "softhinge": ("ok", "", ["loss:soft-hinge"]),
        "tinyupsampler": ("ok", "", ["architecture:tiny-upsampler"]),
        "blobs": ("ok", "", ["dataset:blobs"]),
        "hue": ("ok", "", ["metric:hue"]),
    }
    assert {r["version"] for r in mine.values()} == {"1.0.0"}
    hostile = {r["distribution"]: r for r in records if r["distribution"] in HOSTILE}
    assert {name: (r["state"], r["error"]) for name, r in hostile.items()} == ERRORS
    built_in = [r for r in records if r["distribution"] == "ganbench"]
    assert built_in
    assert {r["state"] for r in built_in} == {"ok"}

    listed = ganbench("list", "losses", "--json", path=[installed, site.folder])
    names = {component["name"] for component in json.loads(listed.stdout)}
    assert {"hinge", "soft-hinge", "claims-builtin:hinge", "claims-first:contested"} <= names
    assert not {"half", "contested"} & names


def test_example_components_describe_themselves(installed):
    done = ganbench("info", "soft-hinge[margin=0.5]", "--json", path=[installed])
    loss = json.loads(done.stdout)
    assert (loss["spec"], loss["provider"]) == ("soft-hinge[margin=0.5]", "ganbench-example")
    assert loss["paper"]
    assert loss["summary"]
    assert loss["options"]["margin"]["value"] == 0.5
    done = ganbench("info", "tiny-upsampler", "--json", path=[installed])
    assert json.loads(done.stdout)["not_with"].keys() == {"points in 2 dimensions"}


def test_example_components_do_what_they_promise(monkeypatch):
    import torch

    import ganbench as gb

    monkeypatch.syspath_prepend(str(EXAMPLE))
    from ganbench_blobs import Blobs
    from ganbench_softhinge import SoftHinge
    from ganbench_tinyupsampler import TinyUpsampler

    train, again, test = (Blobs(count=40).load(s, EXAMPLE) for s in ("train", "train", "test"))
    assert train.spec == Blobs().spec(EXAMPLE)
    assert torch.equal(train.images, again.images)
    assert not torch.equal(train.images, test.images)
    assert train.labels.bincount().tolist() == [10, 10, 10, 10]
    assert all((image > 0).sum() > 8 for image in train.images)

    data = gb.DataSpec(3, 12, 20)
    assert TinyUpsampler().problem(data) is None
    assert "multiples of 4" in TinyUpsampler().problem(gb.DataSpec(3, 12, 18))
    generator, discriminator = TinyUpsampler(width=4).build(data)
    images = generator(torch.randn(5, 64))
    assert images.shape == (5, *data.shape)
    logits = discriminator(images)
    assert torch.allclose(discriminator(images[:1]), logits[:1], atol=1e-6)
    loss = SoftHinge().discriminator(logits, logits) + SoftHinge().generator(None, logits)
    loss.backward()
    assert all(p.grad is not None for p in [*generator.parameters(), *discriminator.parameters()])


def test_example_components_train_in_a_grid(installed, tmp_path):
    done = ganbench(
        *("run", "-a", "tiny-upsampler", "-l", "soft-hinge", "-d", "blobs"),
        *("--seeds", 1, "--budget", "20steps", "-o", tmp_path / "run"),
        *("--set", "evaluation.samples=64", "--set", "evaluation.ticks=1"),
        *("--set", "evaluation.extractor=pixels"),
        path=[installed],
    )
    assert done.returncode == 0, done.stderr
    results = ganbench("results", tmp_path / "run", "--format", "json", path=[installed])
    (row,) = json.loads(results.stdout)
    assert (row["status"], row["architecture"], row["steps"]) == ("ok", "tiny-upsampler", 20)
