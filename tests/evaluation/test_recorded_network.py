"""Feature networks whose batches are recorded, as on a GPU; here on the CPU."""

from __future__ import annotations

import dataclasses
from collections import Counter

import pytest
import torch

import ganbench as gb
from ganbench.evaluation.features import run_pass
from ganbench.evaluation.recorded_network import RecordedForward, recorded, with_recordings
from ganbench.evaluation.sources import TensorSource
from ganbench.training.recorded import Recorded

CPU = torch.device("cpu")
SHAPE = (3, 8, 8)


def images(count: int, shape=SHAPE, seed=1) -> torch.Tensor:
    random = torch.Generator().manual_seed(seed)
    return torch.randint(256, (count, *shape), generator=random, dtype=torch.uint8)


def network(calls: Counter[int] | None = None, spoil=lambda found: found, batch_size=8):
    """Convolutions with logits, which count their calls by the size of the batch."""
    torch.manual_seed(3)
    convolution, head = torch.nn.Conv2d(3, 5, 3), torch.nn.Linear(5, 4)

    @torch.no_grad()
    def forward(batch: torch.Tensor) -> gb.Features:
        if calls is not None:
            calls[len(batch)] += 1
        found = convolution(batch / 127.5 - 1).relu().mean((2, 3))
        return spoil(gb.Features(found, head(found)))

    return gb.FeatureNetwork("convolutions", forward, batch_size=batch_size)


def passed(one: gb.FeatureNetwork, samples: torch.Tensor):
    source = TensorSource("made up", samples)
    return run_pass(source, source.places(), 3, [one], {"features", "class_logits"}, CPU).sets[0]


def test_a_pass_with_recordings_has_the_bits_of_one_without():
    plain, calls = network(), Counter()
    recording = with_recordings(network(calls), Recorded)
    for count in (70, 64, 6):
        ours, theirs = passed(recording, images(count)), passed(plain, images(count))
        assert torch.equal(ours.features, theirs.features)
        assert torch.equal(ours.class_logits, theirs.class_logits)
        assert torch.equal(ours.moments.mean, theirs.moments.mean)
        assert torch.equal(ours.moments.cov, theirs.moments.cov)
    assert recording.forward.reason is None
    # 70: two batches as usual, two for the proof, two recorded, five replayed; 64: no proof again.
    assert calls == {8: 6 + 4, 6: 2}


def test_recordings_are_dropped_after_the_pass():
    one = with_recordings(network(), Recorded)
    recorded_during = []
    samples = images(40)
    source = TensorSource("made up", samples)
    run_pass(
        *(source, source.places(), 3, [one], {"features"}, CPU),
        tell=lambda count: recorded_during.append(one.forward.records),
    )
    assert recorded_during == [False, False, True, True, True]
    assert not one.forward.records


def reads_a_value(found: gb.Features) -> gb.Features:
    return found if found.features.sum().item() > 0 else gb.Features(-found.features)


def in_double(found: gb.Features) -> gb.Features:
    return gb.Features(found.features.double(), found.logits)


class CountsInPython:
    """Features that depend on how often they were computed."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, found: gb.Features) -> gb.Features:
        self.count += 1
        return gb.Features(found.features + self.count, found.logits)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (reads_a_value, "makes the host wait"),
        (in_double, "not (batch, d) float32"),
        (CountsInPython(), "is 5 in one step and 6 in another"),
    ],
)
def test_a_network_that_cannot_be_recorded_computes_as_usual(spoil, reason, capsys):
    one = with_recordings(network(spoil=spoil), Recorded)
    found = passed(one, images(40))
    assert len(found.features) == 40
    assert reason in one.forward.reason
    assert "features are computed without a recording" in capsys.readouterr().out
    assert not one.forward.records


class Forgetful(Recorded):
    """Replays nothing: results stay those of the recording."""

    def record(self, prepare):
        recording = super().record(prepare)
        return dataclasses.replace(recording, replay=lambda: None)


def test_a_recording_that_does_not_give_the_networks_bits_is_not_used():
    one = with_recordings(network(), Forgetful)
    found, expected = passed(one, images(40)), passed(network(), images(40))
    assert torch.equal(found.features, expected.features)
    assert "other bits than the network itself" in one.forward.reason


def test_images_of_many_sizes_have_two_recordings_at_the_most():
    one = with_recordings(network(), Recorded)
    with torch.no_grad():
        for size in (8, 9, 10, 11):
            for seed in range(4):
                batch = images(8, (3, size, size), seed)
                assert torch.equal(one.forward(batch).features, network().forward(batch).features)
    assert len(one.forward._recorded) == 2
    one.forward.release()
    assert not one.forward.records


def test_on_the_cpu_a_network_stays_as_it_is():
    one = network()
    assert recorded(one, CPU) is one
    assert not isinstance(one.forward, RecordedForward)
