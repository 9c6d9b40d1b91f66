"""The console examples of README.md and docs/, made small enough to run in a test."""

from __future__ import annotations

import re
import shlex
import shutil
import struct
from pathlib import Path

import numpy as np
from PIL import Image

from ganbench.execution.run import run

ROOT = Path(__file__).parents[2]
SIDE = 16
#: A part of a line -> why no test runs the line as the document has it.
NOT_HERE = {
    r"^make ": "the target is what runs the tests and the benchmarks; .ci/run calls it",
    r"^pip install|^cd |^pytest": "it changes the environment; test_scaffold.py installs and tests",
    r"^export CUDA|^nvidia-|^echo quit": "it needs a GPU and its driver's daemon",
    r"--device cuda|--gpus-per-trial": "it needs a GPU; `gpu` tests simulate one",
    r"--replicas|training\.replicas": "it needs several GPUs; test_replicated_trials.py",
    r"--executor ray": "it needs the extra `ray`; test_ray.py",
    r"dinov2": "it needs DINOv2's weights; test_dinov2.py",
    r"tensorboard": "it needs the extra `tensorboard`; test_trackers.py",
    r"selftest": "it takes minutes; .ci/run runs it with --quick",
    r"^ganbench fit ": "it takes the minutes that it is given; its own tests run it with seconds",
    r"^ganbench bench": "it takes minutes; its own tests run it with few rounds",
    r"\.onnx": "it needs the extra `onnx`; test_export_files.py",
}
#: Options of a line that a test leaves out, each with its value.
_LEFT_OUT = {"-j", "--timeout", "--retries", "--total"}
_SMALL = {"--budget": "64img", "--seeds": "1", "-n": "8", "--samples": "16", "--steps": "2"}
_LARGER = {"4000kimg": "128img"}  # the budget with which a study goes on
#: A word of an example -> the file of the documents that provides the component.
PLUGINS = {
    "soft-hinge": "ganbench_softhinge.py",
    "hue": "ganbench_hue.py",
    "journal": "ganbench_journal.py",
}
_STUDY = """\
[grid]
architecture = ["mlp", "dcgan[width=8]"]
loss = ["hinge", "wgan-gp"]
dataset = ["digits"]
seeds = 2
[budget]
images = 128
[evaluation]
ticks = 2
samples = 32
extractor = "pixels"
"""


def examples(document: Path) -> list[str]:
    """The commands of the console blocks of a document, in order, without comments."""
    text = document.read_text(encoding="utf-8")
    blocks = re.findall(r"^```console\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines() if line.startswith("$ ")]
    return [part.strip() for line in lines for part in _uncommented(line[2:]).split(" && ")]


def why_not_here(line: str) -> str | None:
    return next((why for pattern, why in NOT_HERE.items() if re.search(pattern, line)), None)


def shrunk(line: str) -> list[str]:
    """The words after ``ganbench``, with tiny budgets, samples and images in place of large ones."""
    command, *words = shlex.split(line)[1:]
    kept: list[str] = []
    while words:
        word = words.pop(0)
        if word in _LEFT_OUT:
            words.pop(0)
            continue
        word_here = re.sub(r"(path=.*size=)\d+", rf"\g<1>{SIDE}", word)
        kept.append(re.sub(r"height=\d+,width=\d+", f"height={2 * SIDE},width={SIDE}", word_here))
        if word in _SMALL and words:
            words[0] = _LARGER.get(words[0], _SMALL[word])
    if command == "run":
        kept += ["--executor", "inline", *_tiny_run(kept)]
    if command != "new" and "--plugin" not in kept:
        files = [file for word, file in PLUGINS.items() if re.search(rf"\b{word}\b", line)]
        kept += [part for file in files for part in ("--plugin", file)]
    if command == "eval":
        kept = [f"folder[path=photos,size={SIDE}]" if word == "cifar10" else word for word in kept]
        kept += [] if "--extractor" in kept else ["--extractor", "pixels"]
    return [command, *kept]


def _tiny_run(words: list[str]) -> list[str]:
    own = " ".join(words)
    if "--grid study" in own:  # it is small itself
        return []
    more = ["--set", "training.batch_size=8", "--set", "evaluation.samples=16"]
    more += ["--set", "evaluation.reference_samples=32", "--set", "evaluation.ticks=2"]
    more += [] if "evaluation.extractor" in own else ["--set", "evaluation.extractor=pixels"]
    if "--grid sngan-cifar10" in own:  # a recipe of large networks
        more += ["-a", "sngan[g_width=8,d_width=8]", "-d", f"folder[path=photos,size={SIDE}]"]
    elif "--grid" in words and "-a" not in words:
        more += ["-a", "mlp"]  # half of the grid
    more += [] if "--budget" in own else ["--budget", "64img"]
    return more + ([] if "--seeds" in own else ["--seeds", "1"])


def _uncommented(line: str) -> str:
    return re.sub(r"\s+#\s.*$", "", line).strip()


def make_world(folder: Path, home: Path) -> None:
    """What the examples find: pictures, arrays, a grid file, and the runs that they name."""
    for name in ("photos", "samples"):
        _pictures(folder / name, 24)
    _pictures(home / "pictures", 24)
    for name in ("posters", "stickers"):
        _pictures(home / name, 24)
    (home / "satellite").mkdir()
    for number in range(24):
        bands = np.random.default_rng(number).integers(0, 10_000, (SIDE, SIDE, 13), dtype=np.uint16)
        np.save(home / "satellite" / f"{number}.npy", bands)
    for name in ("rose", "tulip"):
        _pictures(home / "flowers" / name, 12)
    values = SIDE * SIDE * 3
    np.savez(folder / "statistics.npz", mu=np.zeros(values), sigma=np.eye(values))
    (folder / "study.toml").write_text(_STUDY)
    study = folder / "runs" / "study"
    run(folder / "study.toml", out=study, executor="inline")
    for name in ("quick", "before", "after", "other"):
        shutil.copytree(study, folder / "runs" / name)


def write_plugins(document: Path, folder: Path) -> None:
    """Write the plugin files of a document, and of the guide for those that it lacks."""
    for source in (ROOT / "docs" / "plugins.md", document):
        text = source.read_text(encoding="utf-8")
        pattern = r"^```python\n(# ganbench_\w+\.py\n.*?)^```$"
        for code in re.findall(pattern, text, re.MULTILINE | re.DOTALL):
            (folder / code.split()[1]).write_text(code, encoding="utf-8")


def make_mnist(root: Path) -> None:
    """MNIST's files with few images of noise."""
    raw = root / "MNIST" / "raw"
    raw.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for part, count in (("train", 80), ("t10k", 40)):
        images = rng.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        labels = (np.arange(count) % 10).astype(np.uint8)
        head = struct.pack(">IIII", 0x803, count, 28, 28)
        (raw / f"{part}-images-idx3-ubyte").write_bytes(head + images.tobytes())
        head = struct.pack(">II", 0x801, count)
        (raw / f"{part}-labels-idx1-ubyte").write_bytes(head + labels.tobytes())


def _pictures(folder: Path, count: int) -> None:
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for number in range(count):
        pixels = rng.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
