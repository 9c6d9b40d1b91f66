"""The memory of one sampling pass, counted on the meta device: no number is computed."""

from __future__ import annotations

import contextlib
import weakref
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

import ganbench as gb
from ganbench.components.architecture import TRANSLATION
from ganbench.training.sampler import pass_size

GIB = 2**30
SIZES = (32, 64, 128, 256, 512)
#: The shipped designs, and options with which their maps are largest.
SPECS = (
    *("biggan", "cyclegan", "dcgan", "mlp", "pix2pix", "progan", "r3gan", "r3gan[width=1536]"),
    *("sagan", "sngan", "stylegan2"),
)


class Peak(TorchDispatchMode):
    """Counts the bytes of all storages that live at the same time."""

    def __init__(self) -> None:
        super().__init__()
        self.live = self.peak = 0
        self._seen: set[int] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(out):
            if isinstance(tensor, torch.Tensor):
                self._note(tensor.untyped_storage())
        return out

    def _note(self, storage: torch.UntypedStorage) -> None:
        key, size = storage._cdata, storage.nbytes()
        if key in self._seen:
            return
        self._seen.add(key)
        self.live += size
        self.peak = max(self.peak, self.live)
        weakref.finalize(storage, self._gone, key, size)

    def _gone(self, key: int, size: int) -> None:
        self._seen.discard(key)
        self.live -= size


def data_for(architecture: gb.Architecture, size: int) -> gb.DataSpec:
    if architecture.task == "class-conditional":
        return gb.DataSpec(3, size, size, classes=10)
    if architecture.task in TRANSLATION:
        pairing = architecture.task.removesuffix("-translation")
        return gb.DataSpec(3, size, size, source_channels=3, pairing=pairing)
    return gb.DataSpec(3, size, size)


@pytest.mark.sampled(8)
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("spec", SPECS)
def test_a_pass_takes_a_few_gib_at_most_for_every_design_and_size(
    spec: str, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: contextlib.nullcontext())  # has no meta
    architecture = gb.get("architecture", spec)
    data = data_for(architecture, size)
    if architecture.problem(data):
        pytest.skip(architecture.problem(data))
    architecture = architecture.resolve(frozenset(), data)
    with torch.device("meta"), torch.no_grad():
        generator = architecture.build(data).generator.eval()
        count = pass_size(architecture, data)
        if architecture.task in TRANSLATION:
            given: tuple[torch.Tensor, ...] = (torch.empty(count, 3, size, size),)
        else:
            given = (torch.empty(count, architecture.latent_dim),)
            if architecture.task == "class-conditional":
                given += (torch.zeros(count, dtype=torch.int64),)
        weights = sum(one.nbytes for one in generator.parameters())
        with Peak() as peak:
            images = generator(*given)
    assert images.shape == (count, *data.shape)
    assert peak.peak - weights < 4.5 * GIB
