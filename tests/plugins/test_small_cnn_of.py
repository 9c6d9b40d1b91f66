"""The small classifier of another data set's classes, for data that has none of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

import ganbench as gb
from ganbench.testing import ExtractorTests, installed
from ganbench_extractors import classifier

CPU = torch.device("cpu")
EXTRACTOR = "small-cnn[of=shades,steps=3]"


class Shades(gb.Dataset):
    """Dark and light noise."""

    extractor = "small-cnn[steps=3]"
    splits = ("train",)

    seed: int = 0
    size: int = 8

    def load(self, split: str, root: Path) -> gb.ImageData:
        assert root == Path("data"), "the data folder is the context's"
        random = torch.Generator().manual_seed(self.seed)
        shape = (40, 1, self.size, self.size)
        noise = torch.randint(0, 128, shape, generator=random, dtype=torch.uint8)
        labels = torch.arange(40) % 2
        return gb.ImageData(noise + 127 * labels[:, None, None, None].to(torch.uint8), labels)


class Streamed(Shades):
    """Too large to be in memory."""

    def spec(self, root: Path) -> gb.DataSpec:
        return gb.DataSpec(1, 8, 8, classes=2)

    def load(self, split: str, root: Path) -> Any:
        return list(range(40))


class Plain(Shades):
    """Without labels, and looked at by an extractor that cannot borrow any."""

    extractor = "label-reader"

    def load(self, split: str, root: Path) -> gb.ImageData:
        return gb.ImageData(super().load(split, root).images)


class LabelReader(gb.Extractor):
    """Needs labels of the data's own."""

    def problem(self, data: gb.DataSpec) -> str | None:
        return None if data.classes else "labels are needed"

    def prepare(self, context: gb.ExtractorContext) -> gb.FeatureNetwork:
        raise NotImplementedError


class Plugin:
    @staticmethod
    @gb.hookimpl
    def ganbench_datasets(register: Any) -> None:
        register("shades", Shades)
        register("streamed", Streamed)
        register("plain", Plain)

    @staticmethod
    @gb.hookimpl
    def ganbench_extractors(register: Any) -> None:
        register("label-reader", LabelReader)


@pytest.fixture(autouse=True)
def _plugin() -> Any:
    with installed(Plugin):
        yield


def context(cache: Path, shape: tuple[int, int, int] = (1, 8, 8)) -> gb.ExtractorContext:
    def unused(split: str) -> gb.ImageData:
        raise AssertionError("the samples' own data set teaches nothing")

    data = gb.DataSpec(*shape, source_channels=1, pairing="unpaired")
    return gb.ExtractorContext(data, unused, "key", cache, CPU, lambda line: None, Path("data"))


def prepared(spec: str, cache: Path) -> gb.FeatureNetwork:
    network: gb.FeatureNetwork = gb.get("extractor", spec).prepare(context(cache))
    return network


class TestSmallCnnOfDigits(ExtractorTests):
    component = gb.get("extractor", "small-cnn[of=digits,steps=3]")
    data = (gb.DataSpec(1, 8, 8), gb.DataSpec(1, 8, 8, classes=3))

    @pytest.fixture(autouse=True)
    def _imported(self) -> None:
        gb.get("dataset", "digits").load("train", Path())  # importing scikit-learn draws numbers


def test_samples_without_labels_get_the_features_of_the_named_data(tmp_path: Path) -> None:
    network = prepared(EXTRACTOR, tmp_path)
    features, logits = network.forward(torch.zeros(5, 1, 8, 8, dtype=torch.uint8))
    assert features.shape == (5, 64)
    assert logits is not None
    assert logits.shape == (5, 2)
    assert not network.classifies
    assert network.identity == f"small-cnn[of=shades]@{network.info['sha256'][:10]}"


def test_the_classifier_is_kept_for_the_named_data_and_its_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = prepared(EXTRACTOR, tmp_path)

    def untrained(*args: Any) -> None:
        raise AssertionError("trained again")

    monkeypatch.setattr(classifier, "train_classifier", untrained)
    assert prepared(EXTRACTOR, tmp_path).identity == first.identity
    with pytest.raises(AssertionError, match="trained again"):
        prepared("small-cnn[of=shades[seed=1],steps=3]", tmp_path)
    monkeypatch.setattr(Shades, "load", lambda self, split, root: changed(split, root))
    with pytest.raises(AssertionError, match="trained again"):
        prepared(EXTRACTOR, tmp_path)


def changed(split: str, root: Path) -> gb.ImageData:
    images = torch.arange(40, dtype=torch.uint8).view(40, 1, 1, 1).expand(-1, -1, 8, 8)
    return gb.ImageData(images, torch.arange(40) % 2)


@pytest.mark.parametrize(
    ("of", "words"),
    [
        ("shades[size=16]", ["learns from 16x16 gray images", "samples are 8x8 gray images"]),
        ("ring", ["learns from points in 2 dimensions"]),
        ("plain", ["plain has none"]),
        ("streamed", ["does not fit"]),
    ],
)
def test_what_cannot_be_learned_from_is_a_sentence(
    of: str, words: list[str], tmp_path: Path
) -> None:
    with pytest.raises(gb.UsageError) as caught:
        prepared(f"small-cnn[of={of}]", tmp_path)
    sentence = str(caught.value)
    assert all(word in sentence for word in words), sentence
    assert "\n" not in sentence


def test_an_unknown_data_set_is_told_at_once() -> None:
    with pytest.raises(gb.UsageError, match="did you mean 'shades'"):
        gb.get("extractor", "small-cnn[of=shadse]")


def test_labels_are_needed_only_where_no_data_is_named() -> None:
    unlabelled = gb.DataSpec(1, 8, 8)
    assert "small-cnn[of=…]" in gb.get("extractor", "small-cnn").problem(unlabelled)
    assert gb.get("extractor", EXTRACTOR).problem(unlabelled) is None


@pytest.mark.parametrize(
    ("of", "extractor"),
    [
        ("mnist", "small-cnn[of=mnist]"),
        ("fashion-mnist[size=32]", "small-cnn[of=fashion-mnist[size=32]]"),
        ("shades[seed=1]", "small-cnn[steps=3,of=shades[seed=1]]"),
        ("edges[of=digits,threshold=3]", "small-cnn[of=edges[of=digits,threshold=3]]"),
        ("cifar10", "inception-v3-compat"),
        ("plain", "pixels"),
    ],
)
def test_two_classes_borrow_the_labels_of_the_data_they_are_taken_from(
    of: str, extractor: str
) -> None:
    made = gb.get("dataset", f"two-classes[of={of},a=0,b=1]")
    assert made.extractor == extractor
    if "of=" in extractor:
        assert gb.get("extractor", extractor).of == of


def test_quotes_within_a_borrowed_spec_are_read_back() -> None:
    class Quoting(Plugin):
        @staticmethod
        @gb.hookimpl
        def ganbench_datasets(register: Any) -> None:
            register("quoted", Quoted)

    of = 'quoted[tag="a], b",seed=2]'
    with installed(Quoting):
        made = gb.get("dataset", f"two-classes[of={of},a=0,b=1]")
        assert gb.get("extractor", made.extractor).of == of


class Quoted(Shades):
    """Has an option of any text."""

    tag: str = ""


def test_a_translation_between_two_classes_is_evaluated_with_the_classifier_of_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GANBENCH_CACHE", str(tmp_path / "cache"))
    grid = {
        "grid": {
            "architecture": ["cyclegan[width=2,blocks=1,layers=1]"],
            "loss": ["lsgan"],
            "dataset": ["two-classes[of=digits,a=3,b=8]"],
            "seeds": 1,
        },
        "budget": {"steps": 2},
        "evaluation": {"samples": 16, "ticks": 1},
    }
    result = gb.run(grid, out=tmp_path / "run", executor="inline")
    (row,) = result.results.to_dict("records")
    assert row["status"] == "ok"
    assert row["extractor"].startswith("small-cnn[of=digits]@")
    assert row["fd"] > 0
