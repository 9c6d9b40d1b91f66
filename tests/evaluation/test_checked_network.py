"""What an extractor gives is checked before any metric reads it."""

from __future__ import annotations

import pytest
import torch

from ganbench import FeatureNetwork, Features
from ganbench.base.errors import ContractError
from ganbench.evaluation.checked_network import checked_features, checked_network

ROWS = torch.zeros(4, 3)


@pytest.mark.parametrize(
    ("network", "sentence"),
    [
        (None, "prepare(context) of extractor mine returns None: return a ganbench.FeatureNetwork"),
        (len, "prepare(context) of extractor mine returns a builtin_function_or_method"),
        (
            FeatureNetwork(" ", len),
            "extractor mine has the identity ' ': give text that says all that",
        ),
    ],
)
def test_what_is_no_network_is_named(network, sentence):
    with pytest.raises(ContractError) as caught:
        checked_network("mine", network)
    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (ROWS, "forward of net returns a Tensor: return ganbench.Features(features, logits=None)"),
        (Features(ROWS.numpy()), "returns features that are a ndarray: make them a tensor"),
        (
            Features(ROWS[:3]),
            "features of shape (3, 3) for 4 samples: make them (4, d), one row for",
        ),
        (Features(ROWS[:, 0]), "features of shape (4,) for 4 samples"),
        (Features(ROWS, ROWS[0]), "logits of shape (3,) for 4 samples"),
        (Features(ROWS), "returns no logits, although classifies=True"),
    ],
)
def test_what_are_no_features_is_named(answer, sentence):
    with pytest.raises(ContractError) as caught:
        checked_features(FeatureNetwork("net", len, classifies=True), answer, 4)
    assert sentence in str(caught.value)
