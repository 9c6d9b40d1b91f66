"""Trials that look trained: a checkpoint of random weights, made in milliseconds."""

from __future__ import annotations

import torch

import ganbench as gb
from ganbench.grid.cell import PROTOCOL
from ganbench.registry.lookup import default_registry
from ganbench.store.run_folder import RunFolder
from ganbench.training.state import save_checkpoint

TINY = {
    "mlp": ("mlp[latent_dim=4,g_widths=[8],d_widths=[8]]", gb.DataSpec(1, 8, 8)),
    "points": ("mlp[latent_dim=4,g_widths=[8],d_widths=[8]]", gb.DataSpec(2, 1, 1, kind="points")),
    "dcgan": ("dcgan[width=4,latent_dim=6]", gb.DataSpec(1, 28, 28)),
    "dcgan-instance": ("dcgan[width=4,g_norm=instance]", gb.DataSpec(1, 8, 8)),
    "dcgan-layer": ("dcgan[width=4,g_norm=layer]", gb.DataSpec(1, 8, 8)),
    "sngan": ("sngan[g_width=4,d_width=4,latent_dim=6]", gb.DataSpec(3, 16, 16)),
    "sngan-classes": (
        "sngan[conditional=true,g_width=4,d_width=4,latent_dim=6]",
        gb.DataSpec(3, 16, 16, 3),
    ),
    "sagan": ("sagan[g_width=8,d_width=8,latent_dim=6]", gb.DataSpec(1, 8, 8)),
    "sagan-classes": (
        "sagan[conditional=true,g_width=8,d_width=8,latent_dim=6]",
        gb.DataSpec(3, 16, 16, 3),
    ),
    "biggan": ("biggan[latent_dim=20,shared_dim=4,width=4]", gb.DataSpec(3, 16, 16, 3)),
    "biggan-standing": (
        "biggan[latent_dim=20,shared_dim=4,standing_batches=2,width=4]",
        gb.DataSpec(3, 16, 16, 3),
    ),
    "progan": ("progan[fmap_base=64,fmap_max=8,latent_dim=6]", gb.DataSpec(1, 16, 16)),
    "stylegan2": (
        "stylegan2[channel_base=64,channel_max=8,latent_dim=6,mapping_layers=2,w_dim=6]",
        gb.DataSpec(1, 28, 28),
    ),
    "stylegan2-classes": (
        "stylegan2[channel_base=64,channel_max=8,conditional=true,latent_dim=6,"
        "mapping_layers=2,w_dim=6]",
        gb.DataSpec(3, 8, 8, 3),
    ),
    "r3gan": (
        "r3gan[blocks=1,cardinality=2,latent_dim=6,width=8]",
        gb.DataSpec(1, 16, 16),
    ),
    "r3gan-classes": (
        "r3gan[blocks=1,cardinality=2,conditional=true,latent_dim=6,width=8]",
        gb.DataSpec(1, 16, 16, 3),
    ),
    "pix2pix": ("pix2pix[width=4]", gb.DataSpec(3, 32, 32, source_channels=1, pairing="paired")),
    "pix2pix-instance": (
        "pix2pix[norm=instance,width=4]",
        gb.DataSpec(3, 32, 32, source_channels=1, pairing="paired"),
    ),
    "cyclegan": (
        "cyclegan[blocks=1,layers=1,width=4]",
        gb.DataSpec(3, 16, 16, source_channels=1, pairing="unpaired"),
    ),
    "cyclegan-batch": (
        "cyclegan[blocks=1,layers=1,norm=batch,width=4]",
        gb.DataSpec(3, 16, 16, source_channels=1, pairing="unpaired"),
    ),
}


def make_trial(out, spec, data, progress=(1000, 1.0), weights=None):
    """A run folder with a trial of an architecture, for `load_trained`; its id."""
    bound = default_registry().bind("architecture", spec)
    torch.manual_seed(0)
    generator = bound.component.build(data).generator
    state = {name: moved(value) for name, value in generator.state_dict().items()}
    folder = RunFolder(out).create().trial("made-s0")
    folder.write_identity(
        {
            "trial": "made-s0",
            "seed": 0,
            "protocol": PROTOCOL,
            "architecture": bound.identity(),
            "columns": {"architecture": spec, "loss": "hinge", "dataset": "made"},
            "resolved_architecture": bound.spec,
            "providers": "ganbench==0",
        }
    )
    trainer = {"averaged": state | (weights or {})}
    content = {"trainer": trainer, "data": vars(data), "progress": list(progress)}
    save_checkpoint(folder.checkpoint_dir, "000000000010-00001", content)
    return folder.id


def moved(value):
    """A weight that is not what it was initialized with, so that gains of zero hide nothing."""
    if not value.is_floating_point():
        return value
    return value + 0.1 * torch.randn_like(value).clamp(-2, 2)  # variances of 1 stay positive
