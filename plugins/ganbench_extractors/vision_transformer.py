"""The vision transformer of DINOv2 (Oquab et al. 2023, arXiv:2304.07193) for feature extraction.

Names of modules are those of the published weights. Images have 224 pixels a side here; the position
codes, learned for 518, are interpolated as the authors do it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

PATCH = 14
_TRAINED_SIDE = 37  # patches a side of the 518 pixels for which position codes were learned
_OFFSET = 0.1  # the authors add it to the number of patches against rounding in the interpolation


@dataclass(frozen=True)
class Shape:
    """Width, depth and heads of a transformer; whether its blocks are gated."""

    width: int
    depth: int
    heads: int
    gated: bool = False


SHAPES = {
    "vits14": Shape(384, 12, 6),
    "vitb14": Shape(768, 12, 12),
    "vitl14": Shape(1024, 24, 16),
    "vitg14": Shape(1536, 40, 24, gated=True),
}


class VisionTransformer(nn.Module):
    """Normalized images (b, 3, h, w) to the class token's features (b, width)."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        width = shape.width
        self.patch_embed = _PatchEmbedding(width)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.mask_token = nn.Parameter(torch.zeros(1, width))  # of the training; in every file
        self.pos_embed = nn.Parameter(torch.zeros(1, 1 + _TRAINED_SIDE**2, width))
        self.blocks = nn.ModuleList(_Block(shape) for _ in range(shape.depth))
        self.norm = nn.LayerNorm(width, eps=1e-6)

    def forward(self, images: Tensor) -> Tensor:
        rows, columns = (side // PATCH for side in images.shape[2:])
        tokens = self.patch_embed(images)
        tokens = torch.cat([self.cls_token.expand(len(tokens), -1, -1), tokens], 1)
        tokens = tokens + self._positions(rows, columns)
        for block in self.blocks:
            tokens = block(tokens)
        features: Tensor = self.norm(tokens)[:, 0]
        return features

    def _positions(self, rows: int, columns: int) -> Tensor:
        """(1, 1 + rows · columns, width) position codes."""
        if rows == columns == _TRAINED_SIDE:
            return self.pos_embed
        first, rest = self.pos_embed[:, :1], self.pos_embed[:, 1:]
        grid = rest.unflatten(1, (_TRAINED_SIDE, _TRAINED_SIDE)).permute(0, 3, 1, 2)
        scale = [(side + _OFFSET) / _TRAINED_SIDE for side in (rows, columns)]
        grid = F.interpolate(grid, scale_factor=scale, mode="bicubic")
        return torch.cat([first, grid.flatten(2).mT], 1)


class _PatchEmbedding(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, width, PATCH, PATCH)

    def forward(self, images: Tensor) -> Tensor:
        patches: Tensor = self.proj(images)
        return patches.flatten(2).mT


class _Block(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(shape.width, eps=1e-6)
        self.attn = _Attention(shape.width, shape.heads)
        self.ls1 = _Scale(shape.width)
        self.norm2 = nn.LayerNorm(shape.width, eps=1e-6)
        self.mlp = _Gated(shape.width) if shape.gated else _Mlp(shape.width)
        self.ls2 = _Scale(shape.width)

    def forward(self, tokens: Tensor) -> Tensor:
        tokens = tokens + self.ls1(self.attn(self.norm1(tokens)))
        result: Tensor = tokens + self.ls2(self.mlp(self.norm2(tokens)))
        return result


class _Attention(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, tokens: Tensor) -> Tensor:
        batch, count, width = tokens.shape
        parts = self.qkv(tokens).view(batch, count, 3, self.heads, width // self.heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(query, key, value)
        result: Tensor = self.proj(mixed.transpose(1, 2).reshape(batch, count, width))
        return result


class _Mlp(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, 4 * width)
        self.fc2 = nn.Linear(4 * width, width)

    def forward(self, tokens: Tensor) -> Tensor:
        result: Tensor = self.fc2(F.gelu(self.fc1(tokens)))
        return result


class _Gated(nn.Module):
    """SwiGLU, whose hidden width is two thirds of the usual one, rounded up to a multiple of 8."""

    def __init__(self, width: int) -> None:
        super().__init__()
        hidden = 8 * math.ceil(int(4 * width * 2 / 3) / 8)
        self.w12 = nn.Linear(width, 2 * hidden)
        self.w3 = nn.Linear(hidden, width)

    def forward(self, tokens: Tensor) -> Tensor:
        gate, value = self.w12(tokens).chunk(2, -1)
        result: Tensor = self.w3(F.silu(gate) * value)
        return result


class _Scale(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(width))

    def forward(self, tokens: Tensor) -> Tensor:
        return tokens * self.gamma
