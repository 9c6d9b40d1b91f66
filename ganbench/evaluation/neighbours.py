"""The real samples that lie nearest to generated ones: whether a generator copies shows to the eye."""

from __future__ import annotations

import numpy as np
import torch

from ganbench.components.metric import FeatureSet
from ganbench.evaluation.features import POOL, choice
from ganbench.evaluation.real_side import RealSide

_AT_ONCE = 8192


def nearest_real(samples: FeatureSet, real: RealSide, count: int, k: int) -> torch.Tensor | None:
    """The ``k`` real images nearest to each of the first samples, in the extractor's features.

    :returns: (count, k, c, h, w) uint8 on the CPU, the nearest first; None of images of several sizes,
        and where there are fewer than ``k``.
    """
    features = real.samples.features
    if len(features) < k or len(real.source.sizes) > 1:
        return None
    ours = samples.features[:count]
    parts = [torch.cdist(ours, part) for part in features.split(_AT_ONCE)]
    nearest = torch.cat(parts, 1).topk(k, largest=False).indices.cpu().numpy()
    pool = real.places[choice(len(real.places), POOL)]
    wanted, inverse = np.unique(pool[nearest], return_inverse=True)
    batches = real.source.batches(wanted, real.channels, len(wanted))
    images = torch.cat([batch.images.cpu() for batch in batches])
    return images[torch.from_numpy(inverse.reshape(nearest.shape))]
