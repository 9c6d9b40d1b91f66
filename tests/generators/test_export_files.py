"""`ganbench export`: files that do what the generator does, where there is no ganbench."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from made_trials import TINY, make_trial
from torch import nn

import ganbench as gb
from ganbench.base.pixels import to_float, to_uint8
from ganbench.cli.app import app
from ganbench.components.progress import Progress
from ganbench.generators.export import export as write
from ganbench.generators.trained import load_trained
from ganbench.store.run_folder import RunFolder
from ganbench.testing import installed

#: Opens a .pt2 or an .onnx file as its users do: with nothing of ganbench.
PLAIN = """
import sys

class Nothing:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0].startswith("ganbench"):
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Nothing())
import numpy as np

for file in sys.argv[1:]:
    given = dict(np.load(file + ".in.npz"))
    if file.endswith(".pt2"):
        import torch
        program = torch.export.load(file)
        images = program.module()(*map(torch.from_numpy, given.values())).detach().numpy()
    else:
        import onnxruntime
        session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
        images = session.run(["images"], given)[0]
    np.savez(file + ".out.npz", images=images)
assert not any(name.startswith("ganbench") for name in sys.modules)
"""
COUNT = 5  # none of the sizes that the export itself tries


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def export(*arguments):
    result = CliRunner().invoke(app, ["export", *map(str, arguments)])
    assert "Traceback" not in result.output
    return result


def exported(spec, data, file, *arguments, **made):
    """Export a made trial; returns it as `ganbench sample` has it."""
    if not Path("run").exists():
        make_trial("run", spec, data, **made)
    result = export("run", "made", "-o", file, *arguments)
    assert result.exit_code == 0, result.output
    return load_trained(RunFolder("run").find("made"))


def inputs(trained, count=COUNT):
    """Inputs of a file, by name."""
    random = torch.Generator().manual_seed(3)
    data = trained.data
    if trained.translates:
        shape = (count, data.source_channels, data.height, data.width)
        return {"sources": torch.rand(shape, generator=random) * 2 - 1}
    given = {"latents": trained.architecture.sample_latents(count, random, torch.device("cpu"))}
    if trained.classes:
        given["labels"] = torch.arange(count).flip(0) % trained.classes
    return given


def originals(trained, given):
    """What the generator itself makes of the inputs, without noise of its own."""
    sampler = trained.sampler(sources=torch.zeros(1) if trained.translates else None)
    with sampler.ready("samples"):
        if trained.translates:
            return sampler.translate(given["sources"], 0).numpy()
        return sampler.generate(given["latents"], given.get("labels"), 0).numpy()


def run_plainly(files):
    """file -> inputs by name, to file -> images."""
    for file, given in files.items():
        np.savez(f"{file}.in.npz", **{name: value.numpy() for name, value in given.items()})
    done = subprocess.run(
        [sys.executable, "-c", PLAIN, *files], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return {file: np.load(f"{file}.out.npz")["images"] for file in files}


def load(file):
    return torch.export.load(file).module()


def quiet(weights):
    """Without noise of its own at the pixels, so that images can be told from the inputs."""
    return {name: torch.zeros(()) for name in weights if name.endswith("noise_strength")}


def check(names, suffix, tolerance):
    """Files of several architectures, opened in one other process."""
    files, wanted = {}, {}
    for name in names:
        spec, data = TINY[name]
        spec = spec.replace("pix2pix[", "pix2pix[dropout=0,")
        generator = gb.get("architecture", spec).build(data).generator
        make_trial(name, spec, data, weights=quiet(generator.state_dict()))
        file = f"{name}{suffix}"
        result = export(name, "made", "-o", file)
        assert result.exit_code == 0, result.output
        trained = load_trained(RunFolder(name).find("made"))
        files[file] = inputs(trained)
        wanted[file] = originals(trained, files[file])
        assert np.ptp(wanted[file]) > 0.1 or trained.data.kind == "points"
    for file, images in run_plainly(files).items():
        assert images.dtype == np.float32
        assert np.abs(images - wanted[file]).max() <= tolerance, file


def test_pt2_files_give_the_same_images_in_plain_pytorch():
    check(["dcgan", "stylegan2-classes"], ".pt2", 1e-5)


def test_onnx_files_give_the_same_images_in_onnx_runtime():
    check(["cyclegan"], ".onnx", 1e-4)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("suffix", [".pt2", ".onnx"])
def test_every_architecture_can_be_exported(suffix):
    check(TINY, suffix, {".pt2": 1e-5, ".onnx": 1e-4}[suffix])


class TestWhatAFileTells:
    def test_a_pt2_file(self):
        with installed(Plugin()):
            exported("odd[generator=Noisy,classes=true]", gb.DataSpec(3, 2, 2, 3), "g.pt2")
        extra = {"ganbench.json": ""}
        torch.export.load("g.pt2", extra_files=extra)
        told = json.loads(extra["ganbench.json"])
        assert told["trial"] == "made-s0"
        assert told["architecture"] == "odd[generator=Noisy,classes=true]"
        assert (told["loss"], told["dataset"]) == ("hinge", "made")
        assert told["providers"] == "ganbench==0"
        assert told["data"]["classes"] == told["classes"] == 3
        assert told["latent_dim"] == 4
        latents, labels = told["inputs"]
        assert (latents["shape"], latents["distribution"]) == (["batch", 4], "standard normal")
        assert (labels["dtype"], labels["range"]) == ("int64", [0, 2])
        (images,) = told["outputs"]
        assert (images["name"], images["dtype"]) == ("images", "float32")
        assert (images["shape"], images["range"]) == (["batch", 3, 2, 2], [-1, 1])
        assert told["noise"] == "constant"
        assert len(told["weights_sha256"]) == 64
        assert str(Path(__file__).parent).encode() not in Path("g.pt2").read_bytes()

    def test_onnx_tells_the_same_and_calls_its_sizes_by_name(self):
        onnx = pytest.importorskip("onnx")
        exported(*TINY["mlp"], "g.pt2")
        exported(*TINY["mlp"], "g.onnx")
        extra = {"ganbench.json": ""}
        torch.export.load("g.pt2", extra_files=extra)
        model = onnx.load("g.onnx")
        (entry,) = (entry for entry in model.metadata_props if entry.key == "ganbench")
        assert json.loads(entry.value) == json.loads(extra["ganbench.json"])
        (latents,), (images,) = model.graph.input, model.graph.output
        assert (latents.name, images.name) == ("latents", "images")
        assert shape(latents) == ["batch", 4]
        assert shape(images) == ["batch", 1, 8, 8]
        assert b"ganbench_classic/mlp.py" not in Path("g.onnx").read_bytes()


def shape(value):
    return [size.dim_param or size.dim_value for size in value.type.tensor_type.shape.dim]


class TestNoise:
    """The numbers that a generator draws itself are constants."""

    @pytest.fixture
    def images(self):
        """What a file makes of the same latents and class, again and again."""
        with installed(Plugin()):
            exported("odd[generator=Noisy,classes=true]", gb.DataSpec(3, 8, 8, 3), "g.pt2")
        module, latents = load("g.pt2"), torch.ones(4, 4)
        labels = torch.ones(4, dtype=torch.int64)
        return torch.cat([module(latents, labels), module(latents[:1], labels[:1])])

    def test_images_depend_on_nothing_but_the_inputs(self, images):
        assert torch.equal(images, images[:1].expand_as(images))

    def test_it_is_what_the_generator_draws(self, images):
        pixels = images[0].flatten()
        kept = pixels[pixels != 0] / 2  # by the dropout, which doubles them
        assert 0.3 < len(kept) / len(pixels) < 0.7
        assert abs(float(kept.mean()) - 2) < 0.4  # latent and label
        assert 0.7 < float(kept.std()) < 1.3


def test_a_design_that_grows_is_written_at_its_stage():
    early = exported(*TINY["progan"], "g.pt2", progress=(1000, 0.25))
    given = inputs(early)
    images = load("g.pt2")(*given.values())
    assert np.abs(images.numpy() - originals(early, given)).max() <= 1e-5
    early.architecture.advance(early.generator, Progress(1000, 1.0))
    assert (images - early.generator(given["latents"])).abs().max() > 0.01


def test_what_is_prepared_for_sampling_is_in_the_file_and_the_trial_stays_as_it_was():
    trained = exported(*TINY["biggan-standing"], "g.pt2")
    given = inputs(trained)
    unprepared = trained.generator(*given.values())  # with averages from the training
    images = load("g.pt2")(*given.values())
    assert np.abs(images.numpy() - originals(trained, given)).max() <= 1e-5
    assert (images - unprepared).abs().max() > 0.01


def test_bytes_are_those_of_an_evaluation():
    trained = exported(*TINY["mlp"], "g.pt2", "--uint8")
    given = inputs(trained)
    assert torch.equal(
        load("g.pt2")(*given.values()), to_uint8(torch.from_numpy(originals(trained, given)))
    )


def test_truncation_is_built_in():
    with installed(Plugin()):
        exported("odd[generator=Plain]", gb.DataSpec(1, 2, 2), "g.pt2", "--truncation", 0.5)
    latents = torch.randn(5, 4)
    assert torch.equal(load("g.pt2")(latents).flatten(1), latents / 2)


@pytest.mark.slow
def test_sources_may_be_bytes():
    trained = exported(*TINY["cyclegan"], "g.pt2", "--uint8")
    sources = torch.arange(256, dtype=torch.uint8).reshape(1, 1, 16, 16)
    images = load("g.pt2")(sources)
    wanted = originals(trained, {"sources": to_float(sources)})
    assert torch.equal(images, to_uint8(torch.from_numpy(wanted)))


class Plain(nn.Module):
    def forward(self, latents, labels=None):
        return latents.reshape(-1, 1, 2, 2)


class Noisy(nn.Module):
    """Latent and label at all pixels, with noise and dropout."""

    def __init__(self, data):
        super().__init__()
        self.data = data

    def forward(self, latents, labels=None):
        pixels = (latents[:, 0] + labels)[:, None, None, None].expand(-1, *self.data.shape)
        noise = torch.randn(latents.shape[0], *self.data.shape)
        return nn.functional.dropout(pixels + noise, training=True)


class Drawing(nn.Module):
    def forward(self, latents, labels=None):
        return torch.bernoulli(latents.sigmoid()).reshape(-1, 1, 1, 4)


class Sized(nn.Module):
    def forward(self, latents, labels=None):
        return latents.new_ones(len(latents), 4).reshape(-1, 1, 1, 4)


class Counting(nn.Module):
    calls = 0

    def forward(self, latents, labels=None):
        self.calls += 1
        return latents.reshape(-1, 1, 1, 4) + self.calls


class Broken(nn.Module):
    def forward(self, latents, labels=None):
        return latents.reshape(-1, 1, 1, 4) * float("nan")


class Odd(gb.Architecture):
    truncates = True
    latent_dim = 4
    generator: str = "Plain"
    classes: bool = False

    @property
    def task(self):
        return "class-conditional" if self.classes else "unconditional"

    def build(self, data):
        made = {"Plain": Plain, "Drawing": Drawing, "Sized": Sized, "Counting": Counting,
                "Broken": Broken, "Noisy": lambda: Noisy(data)}  # fmt: skip
        return gb.Networks(made[self.generator](), nn.Identity())

    def truncated(self, generator, latents, labels, truncation):
        return generator(latents * truncation)


class Plugin:
    @gb.hookimpl
    def ganbench_architectures(self, register):
        register("odd", Odd)


@pytest.mark.parametrize(
    ("generator", "sentence"),
    [
        (
            "Drawing",
            "draws random numbers with aten.bernoulli.default, which ganbench cannot make constant",
        ),
        (
            "Sized",
            "cannot be traced for all batch sizes (take tensor.shape[0] for the batch's size",
        ),
        ("Counting", "the images of the .pt2 file differ from those of trial made-s0 by up to "),
        ("Broken", "the images of trial made-s0 are not finite"),
    ],
)
def test_a_generator_that_a_file_cannot_stand_for(generator, sentence):
    with installed(Plugin()):
        make_trial("run", f"odd[generator={generator}]", gb.DataSpec(1, 1, 4, kind="points"))
        result = export("run", "made", "-o", "g.pt2")
    assert (result.exit_code, result.stdout) == (1, "")
    (line,) = result.stderr.splitlines()
    assert line.startswith("Error: ")
    assert sentence in line
    assert [path.name for path in Path().iterdir()] == ["run"]


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        (["-o", "g.pth"], "-o g.pth: unknown format; a generator can be exported to .pt2 or .onnx"),
        (["-o", "no/g.pt2"], "-o no/g.pt2: the folder no does not exist"),
        (
            ["--truncation", "1"],
            "the architecture of trial made-s0 has no truncation; leave --truncation out",
        ),
    ],
)
def test_wrong_use(option, sentence):
    make_trial("run", *TINY["mlp"])
    result = export("run", "made", *option)
    assert (result.exit_code, result.stderr) == (2, f"Error: {sentence}\n")
    assert [path.name for path in Path().iterdir()] == ["run"]


def test_onnx_files_belong_to_no_device():
    make_trial("run", "mlp", gb.DataSpec(1, 8, 8))
    trained = load_trained(RunFolder("run").find("made"))
    elsewhere = dataclasses.replace(trained, device=torch.device("cuda"))
    with pytest.raises(gb.UsageError, match=r"--device cuda: .onnx files belong to no device"):
        write(elsewhere, Path("x.onnx"))
    assert not Path("x.onnx").exists()


def test_packages_that_are_missing(monkeypatch):
    make_trial("run", *TINY["mlp"])
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name: None if name == "onnxscript" else find_spec(name)
    )
    result = export("run", "made", "-o", "g.onnx")
    assert result.exit_code == 2
    assert result.stderr == "Error: writing ONNX needs onnxscript: pip install 'ganbench[onnx]'\n"


def test_the_trial_names_the_file():
    make_trial("run", *TINY["mlp"])
    result = export("run", "made")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith(
        "latents (batch, 4) float32 -> images (batch, 1, 8, 8) float32 from -1 to 1\n"
    )
    assert result.stderr.startswith("Wrote made-s0.pt2 (")
    assert sorted(path.name for path in Path().iterdir()) == ["made-s0.pt2", "run"]
