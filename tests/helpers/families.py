"""Small trainings of all families: what grows, mixes, translates or adapts."""

from __future__ import annotations

import ganbench as gb
from ganbench import DataSpec
from ganbench.testing.harness import make_trainer, weights
from ganbench.testing.partners import CPU

GREY = DataSpec(1, 16, 16, classes=3)
PAIRS = DataSpec(3, 16, 16, source_channels=1, pairing="paired")
TWO_SETS = DataSpec(3, 16, 16, source_channels=3, pairing="unpaired")
SNGAN = "sngan[g_width=4,d_width=4]"
DCGAN = "dcgan[latent_dim=4,width=4]"
STYLEGAN2 = (
    "stylegan2[channel_base=64,channel_max=8,latent_dim=8,w_dim=8,mapping_layers=2,mixing=0.9]"
)

CASES = {
    "growing": (GREY, "progan[fmap_base=64,fmap_max=8,latent_dim=8]", "wgan-gp", [], []),
    "styles": (GREY, STYLEGAN2, "non-saturating", ["r1[every=2]", "path-length[every=2]"], []),
    "modern": (GREY, "r3gan[width=16,cardinality=4,latent_dim=8]", "relativistic",
               ["r1[gamma=1,gamma_final=0.1]", "r2[gamma=1,gamma_final=0.1]"], []),
    "classes": (GREY, "sngan[conditional=true,g_width=4,d_width=4]", "acgan", [], []),
    "biggan": (GREY, "biggan[width=4,latent_dim=16,shared_dim=8,standing_batches=2]", "hinge",
               ["orthogonal"], []),
    "features": (GREY, DCGAN, "feature-matching", ["historical-averaging"], []),
    "adaptive": (GREY, DCGAN, "non-saturating", [], ["ada[adjust_images=500]"]),
    "augmented": (GREY, DCGAN, "hinge", [], ["diffaugment"]),
    "scheduled": (GREY, DCGAN, "relativistic", [], ["ada[p_final=0.5]"]),
    "paired": (PAIRS, "pix2pix[width=4,layers=1]", "non-saturating", [], []),
    "unpaired": (TWO_SETS, "cyclegan[width=4,layers=1,blocks=1,fake_pool=12]", "lsgan", [], []),
    "unpaired-r1": (TWO_SETS, "cyclegan[width=4,layers=1,blocks=1]", "lsgan", ["r1"], ["diffaugment"]),
}  # fmt: skip


def trainer(case, steps=6, device=CPU, seed=0, capture=None, **settings):
    """A training of a family on made-up data, which is over after some steps."""
    data, architecture, loss, regularizers, augmentations = CASES[case]
    made = make_trainer(
        data,
        architecture=gb.get("architecture", architecture),
        loss=gb.get("loss", loss),
        regularizers=[gb.get("regularizer", spec) for spec in regularizers],
        augmentations=[gb.get("augmentation", spec) for spec in augmentations],
        seed=seed,
        settings=settings,
        device=device,
        capture=capture,
    )
    # The budget is over after these steps, so that what follows the progress goes through all of it.
    made.schedule.total_steps = steps
    return made


def everything(run):
    """Every tensor that a training keeps of its networks and components."""
    players = run._players
    parts = [part.state for part in (*players.regularizers, *players.augmentations)]
    kept = [t for state in (*parts, *(p.state for p in players.pools)) for t in state.values()]
    modules = (*run.networks, players.averaged.module)
    return [*(tensor for module in modules for tensor in weights(module)), *kept]
