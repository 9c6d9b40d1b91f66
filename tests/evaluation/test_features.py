from __future__ import annotations

import pytest
import torch

from ganbench.components.extractor import FeatureNetwork, Features
from ganbench.evaluation.features import Pass


@pytest.mark.parametrize("parts", [[10], [1] * 10, [3, 3, 3, 1], [5, 5], [4, 4, 2], [9, 1]])
def test_a_pass_has_the_networks_own_batches_however_the_samples_come(parts):
    images = torch.arange(10, dtype=torch.uint8)[:, None, None, None]
    seen = []

    def forward(batch):
        seen.append(len(batch))
        return Features(batch.float().mean((2, 3)))

    passed = Pass(FeatureNetwork("means", forward, batch_size=4)).run(images.split(parts))
    assert seen == [4, 4, 2]
    assert passed.features[:, 0].tolist() == list(range(10))
