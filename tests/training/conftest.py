from __future__ import annotations

import pytest
from small_cells import CPU, make_cell, make_data

from ganbench.training.trainer import Trainer


@pytest.fixture
def trainer():
    def make(seed=0, data=None, **kwargs):
        return Trainer(make_cell(**kwargs), seed, data or make_data(), CPU)

    return make
