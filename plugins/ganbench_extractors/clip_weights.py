"""Weights of CLIP's image tower in the forms that people have: OpenAI's, open_clip's, Hugging Face's."""

from __future__ import annotations

import re
import warnings
import zipfile
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from ganbench import UsageError
from ganbench_extractors.weight_files import first_line, read_weights

_TOWER = "visual."  # in the files of OpenAI and open_clip
_FACE = "vision_model."  # in those of Hugging Face
#: Name in a Hugging Face file -> name in OpenAI's network.
_RENAMED = {
    "embeddings.class_embedding": "class_embedding",
    "embeddings.patch_embedding.weight": "conv1.weight",
    "embeddings.position_embedding.weight": "positional_embedding",
    "pre_layrnorm": "ln_pre",  # the misspelling is theirs
    "post_layernorm": "ln_post",
    "layer_norm": "ln_",
    "mlp.fc1": "mlp.c_fc",
    "mlp.fc2": "mlp.c_proj",
    "self_attn.out_proj": "attn.out_proj",
}


def read_tower(path: Path) -> dict[str, Tensor]:
    """The image tower's float32 weights under OpenAI's names, from any of the known forms.

    A file may hold the text tower as well. ``.safetensors`` files are read as such, OpenAI's ``.pt``
    files are TorchScript archives, and others are state dicts, of which only tensors are unpickled.

    :raises UsageError: if the file cannot be read, or has no image tower.
    """
    state = _state_of(path)
    if any(name.startswith(_FACE) for name in state):
        found = _from_hugging_face(state)
    elif any(name.startswith(_TOWER) for name in state):
        found = {n.removeprefix(_TOWER): t for n, t in state.items() if n.startswith(_TOWER)}
    else:
        found = state
    if "class_embedding" not in found:
        raise UsageError(
            f"{path} has no image tower of CLIP: its names begin neither with {_TOWER} (OpenAI, "
            f"open_clip) nor with {_FACE} (Hugging Face)"
        )
    return {name: tensor.float() for name, tensor in found.items()}


def _state_of(path: Path) -> dict[str, Tensor]:
    if path.suffix == ".safetensors":
        try:
            return load_file(path)
        except (SafetensorError, OSError) as error:
            raise UsageError(f"{path} has no weights: {first_line(error)}") from error
    if not _is_torchscript(path):
        return read_weights(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore"
            )  # TorchScript is deprecated, but OpenAI's files are such
            return dict(torch.jit.load(str(path), map_location="cpu").state_dict())
    except RuntimeError as error:
        raise UsageError(f"{path} has no weights: {first_line(error)}") from error


def _is_torchscript(path: Path) -> bool:
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any(name.endswith("/constants.pkl") for name in archive.namelist())


def _from_hugging_face(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Queries, keys and values are joined, and the projection is transposed."""
    found: dict[str, Tensor] = {}
    for name, tensor in state.items():
        if name.startswith(_FACE) and not name.endswith("position_ids"):
            found[_renamed(name.removeprefix(_FACE))] = tensor
    if "visual_projection.weight" in state:
        found["proj"] = state["visual_projection.weight"].T.contiguous()
    for name in [name for name in found if ".self_attn.q_proj." in name]:
        parts = [found.pop(name.replace("q_proj", f"{part}_proj")) for part in "qkv"]
        found[name.replace("self_attn.q_proj.", "attn.in_proj_")] = torch.cat(parts)
    return found


def _renamed(name: str) -> str:
    for theirs, ours in _RENAMED.items():
        name = name.replace(theirs, ours)
    return re.sub(r"^encoder\.layers\.", "transformer.resblocks.", name)
