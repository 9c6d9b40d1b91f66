"""The contract of feature extractors, as tests."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor

from ganbench.components.data import DataSpec
from ganbench.components.extractor import (
    Extractor,
    ExtractorContext,
    FeatureNetwork,
    Features,
)
from ganbench.evaluation.checked_network import checked_features, checked_network
from ganbench.registry.specs import parse_spec
from ganbench.testing.components import ComponentTests
from ganbench.testing.gpu_checks import gpu_of_tests
from ganbench.testing.harness import own_randomness
from ganbench.testing.partners import CPU, made_up_samples

_COUNT = 64


class ExtractorTests(ComponentTests):
    """Inherit, and name the extractor and the data that it is for::

        class TestMyFeatures(ExtractorTests):
            component = MyFeatures()
            data = [DataSpec(3, 32, 32)]

    :cvar component: the extractor under test.
    :cvar data: data that it is for; the tests prepare it on random samples of that shape.
    :cvar cache: the folder of the weights; an empty folder by default.
    """

    component: Extractor
    data: ClassVar[Sequence[DataSpec]] = (DataSpec(3, 32, 32, classes=10),)
    cache: ClassVar[Path | None] = None

    def test_it_allows_the_data(self) -> None:
        """`Extractor.problem` has no objection, and answers without loading anything."""
        for data in self.data:
            with own_randomness("problem"):
                problem = self.component.problem(data)
            assert problem is None or isinstance(problem, str), (
                f"problem(data) returns {problem!r}: return None, or a sentence that says what to do"
            )
            assert problem is None, f"{data}: {problem}"

    def test_the_fallback_is_a_spec(self) -> None:
        """`auto` takes it if the weights are not available; it may be empty."""
        fallback = self.component.fallback
        assert not fallback or parse_spec(fallback).name, f"fallback = {fallback!r}"

    def test_what_is_missing_is_a_sentence(self) -> None:
        """Or None, if `Extractor.prepare` will find all that it needs."""
        with tempfile.TemporaryDirectory() as empty, own_randomness("missing"):
            cache = self.cache or Path(empty)
            missing = self.component.missing(Path(empty), cache, lambda sentence: None)
        assert missing is None or (missing.strip() and "\n" not in missing), repr(missing)

    def test_features_are_vectors_of_each_sample_alone(self) -> None:
        """(batch, d) float32, finite, the same whichever batch a sample is in."""
        for data in self.data:
            network = self._prepared(data)
            samples = made_up_samples(data, 12, seed=1).images
            with own_randomness("forward"):
                found = self._features(network, samples)
            for name, part in found._asdict().items():
                if part is not None:
                    assert part.isfinite().all(), f"on {data}: {name} are not finite"
                    assert not part.requires_grad, f"on {data}: {name} carry a graph"
            assert found.features.dtype == torch.float32, (
                f"on {data}: features are {found.features.dtype}: make them float32"
            )
            if network.classifies and found.logits is not None:
                assert found.logits.shape[1] == data.classes, (
                    f"on {data}: classifies=True, and logits of {found.logits.shape[1]} classes for "
                    f"data of {data.classes}: give one for each class, in the order of the labels"
                )
            alone = self._features(network, samples[:1]).features
            difference = (alone[0] - found.features[0]).abs().max().item()
            scale = max(1.0, found.features.abs().max().item())
            assert difference < 1e-3 * scale, f"on {data}: a sample's features depend on its batch"

    def test_equal_identities_give_equal_features(self) -> None:
        """Reference statistics are cached under the identity."""
        for data in self.data:
            first, again = self._prepared(data), self._prepared(data)
            assert first.identity == again.identity, (
                f"on {data}: {first.identity} and then {again.identity}"
            )
            samples = made_up_samples(data, 12, seed=1).images
            one, other = (self._features(network, samples).features for network in (first, again))
            assert torch.equal(one, other), (
                f"on {data}: two networks with the identity {first.identity} give other features: draw "
                "no random numbers, keep nothing between calls, and name in the identity all that the "
                "features depend on"
            )

    def test_it_runs_on_a_gpu(self) -> None:
        """On a simulated GPU: features lie where the samples lie, and have the same bits every time."""
        for data in self.data:
            where = f"on {data}, "
            with gpu_of_tests(where) as gpu, gpu.watching() as report:
                network = self._prepared(data, gpu.device)
                samples = made_up_samples(data, 12, seed=1).images.to(gpu.device)
                found = self._features(network, samples).features
                assert found.is_cuda, f"{where}the features of a GPU's samples lie on the CPU"
            problems = report.nondeterministic
            assert not problems, f"{where}on a GPU:\n{problems[0]}"

    def _prepared(self, data: DataSpec, device: torch.device = CPU) -> FeatureNetwork:
        with tempfile.TemporaryDirectory() as empty, own_randomness("prepare"):
            network = self.component.prepare(
                ExtractorContext(
                    data=data,
                    load=lambda split: made_up_samples(data, _COUNT, len(split)).to(device),
                    dataset_key="made-up",
                    cache=self.cache or Path(empty),
                    device=device,
                    log=lambda sentence: None,
                )
            )
        return checked_network(type(self.component).__name__, network)

    @staticmethod
    def _features(network: FeatureNetwork, samples: Tensor) -> Features:
        return checked_features(network, network.forward(samples), len(samples))
