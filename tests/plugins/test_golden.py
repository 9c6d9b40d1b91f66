"""What small pairs of each architecture compute stays what it was, figure by figure.

A golden file holds a few figures of a pair's weights, images and judgements. They were written by this
file, after the design had been checked against its paper by the tests that are named after it: they
tell that something changed, not that it was right. A change that is meant is written down by ::

    python tests/plugins/test_golden.py --write [NAME…]

and belongs into the same commit as its cause.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import re
from pathlib import Path

import pytest
import torch
from safetensors.torch import load, save

import ganbench as gb
from ganbench import Critique, DataSpec, Networks
from ganbench.training.streams import seed_everything

FOLDER = Path(__file__).parent / "golden"
BATCH = 4

GRAY = DataSpec(1, 8, 8)
COLOR = DataSpec(3, 16, 16, classes=5)
CROPPED = DataSpec(1, 14, 14, classes=5)  # made as 16 pixels where sizes are powers of two
PAIRS = DataSpec(3, 16, 16, source_channels=1, pairing="paired")
DOMAINS = DataSpec(3, 16, 16, source_channels=1, pairing="unpaired")

RESIDUAL = "latent_dim=8,g_width=4,d_width=4"
STYLES = "channel_base=64,channel_max=8,latent_dim=8,w_dim=6,mapping_layers=2"
R3GAN = "blocks=1,cardinality=4,latent_dim=8,width=8"

#: Name of the file -> spec, with every option that is not small by itself, and data.
CASES = {
    "mlp": ("mlp[d_widths=[16,8],g_widths=[8,16],latent_dim=8]", GRAY),
    "mlp-points": (
        "mlp[d_norm=layer,d_widths=[8],g_norm=none,g_widths=[8],latent_dim=8,maxout=2,minibatch=3]",
        DataSpec(2, 1, 1, kind="points"),
    ),
    "dcgan": ("dcgan[d_norm=batch,latent_dim=8,width=4]", COLOR),
    "dcgan-layer": ("dcgan[d_norm=layer,g_norm=layer,latent_dim=8,minibatch=3,width=4]", CROPPED),
    "dcgan-spectral": ("dcgan[d_norm=spectral,g_norm=instance,latent_dim=8,width=4]", COLOR),
    "sngan": (f"sngan[{RESIDUAL}]", COLOR),
    "sngan-conditional": (f"sngan[conditional=true,d_condition=projection,{RESIDUAL}]", CROPPED),
    "sngan-classifier": (f"sngan[conditional=true,d_condition=classifier,{RESIDUAL}]", COLOR),
    "sagan": ("sagan[latent_dim=8,g_width=8,d_width=8]", CROPPED),
    "sagan-conditional": ("sagan[conditional=true,latent_dim=8,g_width=8,d_width=8]", COLOR),
    "biggan": ("biggan[d_condition=projection,latent_dim=8,shared_dim=6,width=8]", COLOR),
    "progan": ("progan[fmap_base=64,fmap_max=8,latent_dim=8]", COLOR),
    "r3gan": (f"r3gan[{R3GAN}]", CROPPED),
    "r3gan-conditional": (f"r3gan[conditional=true,wide_to=8,{R3GAN}]", COLOR),
    "stylegan2": (f"stylegan2[{STYLES}]", CROPPED),
    "stylegan2-conditional": (
        f"stylegan2[conditional=true,d_design=plain,d_mapping_layers=2,{STYLES}]",
        COLOR,
    ),
    # Without dropout: its masks are drawn by MKL where PyTorch has it, and by something else elsewhere.
    "pix2pix": ("pix2pix[d_norm=batch,dropout=0.0,layers=2,width=4]", PAIRS),
    "cyclegan": ("cyclegan[blocks=1,layers=2,width=4]", DOMAINS),
}


class Pair:
    """Networks under a fixed seed, and what they make of fixed inputs."""

    def __init__(self, name, seed=0):
        spec, self.data = CASES[name]
        self.architecture = gb.get("architecture", spec)
        seed_everything(seed, "weights")
        self.networks = Networks(*self.architecture.build(self.data))

    def used(self):
        """The pair as after some training, so that no layer is without effect.

        Weights that start from zero hide what comes before them, and running averages that were never
        updated are no statistics.
        """
        random = torch.Generator().manual_seed(1)
        with torch.no_grad():
            for parameter in (p for network in self.networks for p in network.parameters()):
                parameter += 0.1 * torch.randn(parameter.shape, generator=random)
            for network in self.networks:
                network.train()
            self.outputs()
        return self

    @torch.no_grad()
    def outputs(self):
        """Name -> tensor. Noise that layers draw comes from the global random state."""
        seed_everything(0, "layers")
        task, found = self.architecture.task, {}
        if task == "unpaired-translation":
            for domain, source in (("b", self._images(self.data.source)), ("a", self._images())):
                found |= self._judged(f"-{domain}", (source,), {"domain": domain})
        elif task == "paired-translation":
            found |= self._judged("", (self._images(self.data.source),), {}, source=True)
        else:
            latents = self.architecture.sample_latents(BATCH, _random(), torch.device("cpu"))
            labels = (torch.arange(BATCH) % self.data.classes,) if "class" in task else ()
            found |= self._judged("", (latents, *labels), {}, *labels)
        return found

    def figures(self):
        """What the golden file holds."""
        for network in self.networks:
            network.eval()
        return {name: _figures(tensor) for name, tensor in sorted(self.outputs().items())}

    def weights(self):
        """Figures of the initial weights, by player."""
        return {
            player: _figures(torch.cat([p.detach().flatten() for p in network.parameters()]))
            for player, network in self.networks._asdict().items()
        }

    def state(self):
        """Both networks' state."""
        return {
            f"{player}/{name}": tensor
            for player, network in self.networks._asdict().items()
            for name, tensor in network.state_dict().items()
        }

    def _judged(self, suffix, inputs, choice, *condition, source=False):
        """Images, and what the discriminator says of them and of noise."""
        fake = self.networks.generator(*inputs, **choice)
        noise = torch.rand(fake.shape, generator=_random(2)) * 2 - 1
        condition = inputs if source else condition
        found = {f"images{suffix}": fake}
        for seen, images in (("images", fake), ("noise", noise)):
            answer = self.networks.discriminator(images, *condition, **choice)
            critique = answer if isinstance(answer, Critique) else Critique(answer)
            found |= {
                f"{part}-of-{seen}{suffix}": getattr(critique, part)
                for part in ("logits", "features", "class_logits")
                if getattr(critique, part) is not None
            }
        return found

    def _images(self, data=None):
        shape = (BATCH, *(data or self.data).shape)
        return torch.rand(shape, generator=_random()) * 2 - 1


def _random(seed=0):
    return torch.Generator().manual_seed(seed)


def _figures(tensor):
    """Shape, mean, standard deviation, and up to 8 values at fixed places."""
    flat = tensor.double().flatten()
    places = torch.linspace(0, len(flat) - 1, min(8, len(flat))).long()
    values = [float(f"{value:.6g}") for value in (flat.mean(), flat.std(), *flat[places])]
    return {
        "shape": list(tensor.shape),
        "mean": values[0],
        "std": values[1],
        "values": values[2:],
    }


def current(name):
    """What the golden file of a name would be now."""
    spec, data = CASES[name]
    return {
        "spec": spec,
        "data": str(data),
        "weights": Pair(name).weights(),
        "fresh": Pair(name).figures(),
        "used": Pair(name).used().figures(),
    }


def write(names):
    FOLDER.mkdir(exist_ok=True)
    for name in names:
        text = json.dumps(current(name), indent=1)
        text = re.sub(r"{\s+\"shape.*?}", lambda m: " ".join(m[0].split()), text, flags=re.DOTALL)
        (FOLDER / f"{name}.json").write_text(text + "\n")


COMMAND = "python tests/plugins/test_golden.py --write"


@pytest.mark.parametrize("name", CASES)
def test_a_pair_computes_what_it_computed(name):
    """To a thousandth of what the numbers of a tensor are like.

    Other processors and other numbers of threads sum in another order, which moves single precision
    by about 1e-6, and a few times that behind many layers. Another layer, constant or initial scale
    moves figures by per cents and more.
    """
    file = FOLDER / f"{name}.json"
    if not file.exists():
        pytest.fail(f"{file} is missing: write it with `{COMMAND} {name}`, and look at it")
    golden, now = json.loads(file.read_text()), current(name)
    meant = f"if that is meant, run `{COMMAND} {name}`"
    for part in ("spec", "data"):
        assert now[part] == golden[part], f"{part}: {meant}"
    for part in ("weights", "fresh", "used"):
        assert now[part].keys() == golden[part].keys(), f"{part}: {meant}"
        for what, expected in golden[part].items():
            figures, where = now[part][what], f"{part}, {what}: {meant}"
            assert figures["shape"] == expected["shape"], where
            scale = abs(expected["mean"]) + expected["std"]
            for kind in ("mean", "std", "values"):
                close = pytest.approx(expected[kind], rel=1e-3, abs=1e-3 * scale)
                assert figures[kind] == close, f"{kind} of {where}"


@pytest.mark.parametrize("name", CASES)
def test_the_same_seed_gives_the_same_bits(name):
    one, other = (Pair(name).used().outputs() for _ in range(2))
    assert one.keys() == other.keys()
    assert all(torch.equal(one[key], other[key]) for key in one)


@pytest.mark.parametrize("name", CASES)
def test_weights_go_through_safetensors(name):
    """What networks compute follows from what their state holds, to the bit."""
    original, other = Pair(name).used(), Pair(name, seed=1)
    kept = load(save({k: v.contiguous() for k, v in original.state().items()}))
    for player, network in other.networks._asdict().items():
        state = {k.removeprefix(f"{player}/"): v for k, v in kept.items() if k.startswith(player)}
        network.load_state_dict(state)
    for pair in (original, other):
        for network in pair.networks:
            network.eval()
    expected = original.outputs()
    for key, value in other.outputs().items():
        assert torch.equal(value, expected[key]), f"{key} depends on something else"


def test_every_architecture_and_its_conditional_variant_has_a_golden_file():
    specs = [gb.get("architecture", spec) for spec, _ in CASES.values()]
    found = {(type(component), component.task) for component in specs}
    for info in gb.components("architecture").values():
        if info.provider != "ganbench":
            continue
        plain = gb.get("architecture", info.name)
        wanted = [plain]
        if hasattr(plain, "conditional"):
            wanted.append(dataclasses.replace(plain, conditional=True))
        for component in wanted:
            assert (type(component), component.task) in found, f"add {info.name} to CASES"
    assert {file.stem for file in FOLDER.glob("*.json")} <= CASES.keys(), "a file has no case"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Write golden files anew.")
    parser.add_argument("--write", nargs="*", choices=CASES, metavar="NAME", required=True)
    write(parser.parse_args().write or CASES)
