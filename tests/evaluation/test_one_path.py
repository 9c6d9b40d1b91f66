"""The same images give the same bits, whichever way they take to the metrics."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import ganbench as gb
from ganbench.base.paths import data_root
from ganbench.evaluation.inputs import Opener
from ganbench.evaluation.sampled_source import NOISE
from ganbench.evaluation.sources import TensorSource
from ganbench.testing.partners import ConditionalPartner
from ganbench.testing.plugins import installed
from ganbench.training import tick_evaluation

TINY = "mlp[d_widths=[16],g_widths=[16],latent_dim=4]"
#: What images alone do not have: these metrics get it by way of a source that does.
BESIDES = {"labels", "pairs", "modes"}
METRICS = gb.components("metric")
ALONE = [name for name, info in METRICS.items() if not BESIDES & set(info.cls.needs)]
FEW = {"kid_subsets": 20, "kid_subset_size": 100, "prdc_samples": 400, "cmmd_samples": 400}


@dataclass
class Seen:
    """What the last evaluation of a trial was of."""

    images: list[torch.Tensor] = field(default_factory=list)
    labels: torch.Tensor | None = None
    pairs: torch.Tensor | None = None

    def source(self) -> TensorSource:
        labels = self.labels
        source = TensorSource("the same images", torch.cat(self.images), labels)
        source.pairs = self.pairs
        return source


@pytest.fixture
def seen(monkeypatch, tmp_path):
    """The samples of the last tick."""
    monkeypatch.setenv("GANBENCH_CACHE", str(tmp_path / "cache"))
    found = Seen()

    class Watched(tick_evaluation.SampledSource):
        def batches(self, positions, channels, size):
            if self._stream == NOISE:
                found.images, found.pairs = [], self.pairs
                labels = []
            for batch in super().batches(positions, channels, size):
                if self._stream == NOISE:
                    found.images.append(batch.images.clone())
                    labels.append(batch.labels)
                    if batch.labels is not None:
                        found.labels = torch.cat(labels)
                yield batch

    monkeypatch.setattr(tick_evaluation, "SampledSource", Watched)
    return found


def train(out: Path, metrics, architecture=TINY, dataset="digits", extractors=("auto",), **options):
    samples = options.pop("samples", 700)
    result = gb.run(
        {"grid": {"architecture": [architecture], "loss": ["hinge"], "dataset": [dataset]}},
        out,
        budget="10steps",
        executor="inline",
        evaluation={
            "ticks": 1,
            "samples": samples,
            "metrics": list(metrics),
            "reference_samples": 100_000,
            "extractors": list(extractors),
            **options,
        },
    )
    row = result.results.iloc[0]
    assert row["status"] == "ok", row["error"]
    return row


def same(row, metrics: dict) -> dict:
    """The columns that differ in a bit, or that only one side has."""

    def plain(value):
        return None if value is None or math.isnan(value) else float(value)

    return {
        name: (row.get(name), value)
        for name, value in metrics.items()
        if plain(row.get(name)) != plain(value)
    }


def ways(seen: Seen, folder: Path) -> dict:
    """The images as a file of arrays, as a folder of files, and as an array."""
    images = torch.cat(seen.images)
    folder.mkdir()
    np.savez(folder / "fake.npz", images.permute(0, 2, 3, 1).numpy())
    pngs = folder / "pngs"
    pngs.mkdir()
    for number, image in enumerate(images):
        Image.fromarray(image[0].numpy()).save(pngs / f"{number:05}.png")
    return {"npz": folder / "fake.npz", "folder": pngs, "array": images}


def test_every_metric_of_images_is_the_same_in_a_trial_and_in_eval(seen, tmp_path):
    row = train(tmp_path / "run", ALONE, **FEW)
    columns = {c.name for name in ALONE for c in METRICS[name].cls.columns}
    missing = {name for name in columns if row.get(name) is None or math.isnan(row[name])}
    assert missing <= {"fid", "is_mean", "is_std"}
    for way, fake in ways(seen, tmp_path / "ways").items():
        for time in ("first", "from the cache"):
            found = gb.evaluate(fake=fake, real="digits", metrics=ALONE, settings=FEW)
            assert found.metrics.keys() == columns
            assert same(row, found.metrics) == {}, f"{way}, {time}"
            assert found.identity == row["extractor"]


class Conditional:
    """A small class-conditional architecture."""

    __name__ = "conditional"

    @gb.hookimpl
    def ganbench_architectures(self, register):
        register("conditional", ConditionalPartner)


@pytest.mark.parametrize(
    ("metric", "architecture", "dataset"),
    [
        ("class-fd", "conditional", "digits"),
        ("pairs", "pix2pix[width=4,layers=1]", "edges[of=digits]"),
        ("modes", TINY, "ring[n=3000]"),
    ],
)
def test_what_images_alone_do_not_tell_is_the_same_too(
    metric, architecture, dataset, seen, tmp_path, monkeypatch
):
    with installed(Conditional()):
        metrics = ["fd", metric]
        row = train(tmp_path / "run", metrics, architecture, dataset)
        columns = {c.name for c in METRICS[metric].cls.columns}
        assert any(math.isfinite(row[name]) for name in columns)
        monkeypatch.setattr(Opener, "check_fake", lambda self, named: None)
        monkeypatch.setattr(Opener, "fake", lambda self, named: seen.source())
        for _ in range(2):
            found = gb.evaluate(fake="", real=dataset, metrics=metrics)
            assert found.metrics.keys() == columns | {"fd", "fid"}
            assert same(row, found.metrics) == {}


def test_further_extractors_have_columns_of_their_name_and_change_no_other(seen, tmp_path):
    both = ["small-cnn[steps=5]", "pixels"]
    metrics = ["fd", "kid[subset_size=100,subsets=5]", "is"]
    row = train(tmp_path / "run", metrics, extractors=both)
    alone = train(tmp_path / "alone", metrics, extractors=both[:1])
    assert row["fd"] == alone["fd"]
    found = gb.evaluate(
        fake=ways(seen, tmp_path / "ways")["npz"], real="digits", metrics=metrics, extractor=both
    )
    assert {"fd", "fd@pixels", "kid_mean", "kid_mean@pixels", "cs_mean"} <= found.metrics.keys()
    assert same(row, found.metrics) == {}
    assert row["fd@pixels"] != row["fd"]
    pixels = gb.evaluate(fake=tmp_path / "ways/fake.npz", real="digits", extractor="pixels")
    assert row["fd@pixels"] == pixels.metrics["fd"]
    assert math.isfinite(row["fd_test@pixels"])
    history = gb.load_history(tmp_path / "run")
    assert history["fd@pixels"].iloc[-1] == row["fd@pixels"]


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.skipif(not (data_root(None) / "MNIST").is_dir(), reason="MNIST is not here")
def test_it_holds_for_images_of_mnist(seen, tmp_path):
    metrics = ["fd", "kid", "prdc", "fd-infinity", "vendi"]
    row = train(
        tmp_path / "run",
        metrics,
        dataset="mnist",
        extractors=["pixels"],
        samples=1500,
        reference_split="test",
    )
    fake = ways(seen, tmp_path / "ways")["npz"]
    found = gb.evaluate(fake=fake, real="mnist", metrics=metrics, extractor="pixels", split="test")
    assert found.identity == row["extractor"] == "pixels:1500/10000:test"
    assert same(row, found.metrics) == {}
