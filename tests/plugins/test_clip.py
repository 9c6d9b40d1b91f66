"""CLIP features: files in every published form, and what is said without weights."""

from __future__ import annotations

import hashlib
import warnings

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import nn

import ganbench as gb
from ganbench.testing import ExtractorTests
from ganbench_extractors import clip
from ganbench_extractors.clip import TOWERS, Tower, new_tower

SMALL = Tower(16, 8, 64, 2, 12, "ViT-B-32", "openai/clip-vit-base-patch32")
#: Hugging Face's names of one block -> OpenAI's.
BLOCK = {
    "layer_norm1": "ln_1",
    "layer_norm2": "ln_2",
    "mlp.fc1": "mlp.c_fc",
    "mlp.fc2": "mlp.c_proj",
    "self_attn.out_proj": "attn.out_proj",
}


@pytest.fixture(autouse=True)
def _small(tmp_path, monkeypatch):
    monkeypatch.delenv(clip.ENVIRONMENT, raising=False)
    monkeypatch.setitem(TOWERS, "vit-b-32", SMALL)


def state(seed=0):
    random = torch.Generator().manual_seed(seed)
    shapes = new_tower("vit-b-32").state_dict().items()
    return {name: torch.randn(t.shape, generator=random) * 0.2 for name, t in shapes}


def of_open_clip(path):
    text = {"token_embedding.weight": torch.zeros(3, 4), "logit_scale": torch.zeros(1)}
    save_file({**{f"visual.{n}": t for n, t in state().items()}, **text}, path)


def of_hugging_face(path):
    ours, found = state(), {"text_model.final_layer_norm.bias": torch.zeros(2)}
    found["visual_projection.weight"] = ours["proj"].T.contiguous()
    head = "vision_model."
    found[f"{head}embeddings.class_embedding"] = ours["class_embedding"]
    found[f"{head}embeddings.patch_embedding.weight"] = ours["conv1.weight"]
    found[f"{head}embeddings.position_embedding.weight"] = ours["positional_embedding"]
    found[f"{head}embeddings.position_ids"] = torch.arange(5)
    for kind in ("weight", "bias"):
        found[f"{head}pre_layrnorm.{kind}"] = ours[f"ln_pre.{kind}"]
        found[f"{head}post_layernorm.{kind}"] = ours[f"ln_post.{kind}"]
        for number in range(SMALL.layers):
            theirs, mine = f"{head}encoder.layers.{number}", f"transformer.resblocks.{number}"
            for one, other in BLOCK.items():
                found[f"{theirs}.{one}.{kind}"] = ours[f"{mine}.{other}.{kind}"]
            joined = ours[f"{mine}.attn.in_proj_{kind}"].chunk(3)
            for letter, part in zip("qkv", joined, strict=True):
                found[f"{theirs}.self_attn.{letter}_proj.{kind}"] = part.contiguous()
    save_file(found, path)


def of_openai(path):
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.visual = new_tower("vit-b-32")
            self.visual.load_state_dict(state(), assign=True)
            self.input_resolution = nn.Buffer(torch.tensor(16))

        def forward(self, x):
            return x

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.trace(Model().half(), torch.zeros(1)).save(str(path))


def prepared(tmp_path, options=""):
    cpu = torch.device("cpu")
    context = gb.ExtractorContext(
        gb.DataSpec(3, 32, 32),
        lambda split: None,
        "key",
        tmp_path / "cache",
        cpu,
        lambda line: None,
    )
    return gb.get("extractor", f"clip{options}").prepare(context)


def images(channels=3):
    random = torch.Generator().manual_seed(2)
    return torch.randint(256, (2, channels, 20, 20), generator=random, dtype=torch.uint8)


def by_hand(pictures):
    """OpenAI's preparation of square images, and the network in evaluation mode."""
    network = new_tower("vit-b-32")
    network.load_state_dict(state(), assign=True)
    small = [Image.fromarray(p.permute(1, 2, 0).numpy()) for p in pictures]
    small = [np.array(p.resize((16, 16), Image.Resampling.BICUBIC)) for p in small]
    values = torch.stack([torch.from_numpy(p).permute(2, 0, 1) for p in small]) / 255
    mean = torch.tensor([0.48145466, 0.4578275, 0.40821073])[:, None, None]
    deviation = torch.tensor([0.26862954, 0.26130258, 0.27577711])[:, None, None]
    with torch.no_grad():
        return network.eval()((values - mean) / deviation)


def test_the_published_sizes_have_their_numbers_of_parameters(monkeypatch):
    """Those of the image towers, as open_clip lists them: 87.85, 86.19, 303.97 and 304.29 million."""
    monkeypatch.undo()
    found = {m: sum(p.numel() for p in new_tower(m).parameters()) for m in TOWERS}
    assert found == {
        "vit-b-32": 87_849_216,
        "vit-b-16": 86_192_640,
        "vit-l-14": 303_966_208,
        "vit-l-14-336": 304_293_888,
    }


@pytest.mark.parametrize(
    ("write", "name", "close"),
    [
        (of_open_clip, "clip-vit-b-32.safetensors", 0.02),
        (of_hugging_face, "clip-vit-b-32.safetensors", 0.02),
        (of_openai, "ViT-B-32.pt", 0.1),  # its weights are in half precision
        (lambda path: torch.save(state(), path), "ViT-B-32.pt", 0.02),
    ],
)
def test_every_published_form_gives_the_same_features(write, name, close, tmp_path, monkeypatch):
    folder = tmp_path / "weights"
    folder.mkdir()
    write(folder / name)
    monkeypatch.setenv(clip.ENVIRONMENT, str(folder))
    network = prepared(tmp_path)
    found = network.forward(images()).features
    assert found.shape == (2, 12)
    torch.testing.assert_close(found, by_hand(images()), rtol=0, atol=close)
    digest = hashlib.sha256((folder / name).read_bytes()).hexdigest()[:8]
    assert network.identity == f"clip-vit-b-32-bicubic@{digest}"
    assert not network.standard_fid
    other = prepared(tmp_path, "[activation=gelu]")
    assert other.identity == f"clip-vit-b-32-gelu-bicubic@{digest}"
    assert not torch.equal(other.forward(images()).features, found)


class TestContract(ExtractorTests):
    data = (gb.DataSpec(1, 8, 8), gb.DataSpec(3, 32, 32))

    @pytest.fixture(autouse=True)
    def _choose(self, tmp_path):
        of_open_clip(tmp_path / "own.safetensors")
        self.component = gb.get("extractor", f'clip[weights="{tmp_path}/own.safetensors"]')


def test_without_weights_it_is_said_what_to_put_where(tmp_path):
    with pytest.raises(gb.DataNotFoundError) as caught:
        prepared(tmp_path)
    message = str(caught.value)
    assert "\n" not in message
    assert "put model.safetensors of openai/clip-vit-base-patch32 (Hugging Face) at" in message
    assert str(tmp_path / "cache" / "clip-vit-b-32.safetensors") in message
    with pytest.raises(gb.DataNotFoundError, match="this file does not exist"):
        prepared(tmp_path, '[weights="nothing.pt"]')
    with pytest.raises(
        gb.DataNotFoundError, match=r"has no clip-vit-b-32.safetensors or ViT-B-32.pt"
    ):
        prepared(tmp_path, f'[weights="{tmp_path}"]')


def test_files_without_the_tower_are_refused(tmp_path):
    save_file({"x": torch.zeros(1)}, tmp_path / "x.safetensors")
    (tmp_path / "cut.safetensors").write_bytes(b"12")
    of_open_clip(tmp_path / "small.safetensors")
    for options, message in (
        ("weights=x.safetensors", "has no image tower of CLIP"),
        ("weights=cut.safetensors", "has no weights"),
        (
            "weights=small.safetensors,model=vit-b-16",
            "does not hold the weights of CLIP's vit-b-16",
        ),
    ):
        with pytest.raises(gb.UsageError, match=message):
            prepared(tmp_path, f"[{options.replace('weights=', f'weights={tmp_path}/')}]")
