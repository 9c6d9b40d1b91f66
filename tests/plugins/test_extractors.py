"""Pixels and the small classifier as feature extractors."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import ganbench as gb
from ganbench.base.paths import data_root
from ganbench_extractors import classifier, make_weights
from ganbench_extractors.classifier_file import read_record

CPU = torch.device("cpu")


def context(
    cache: Path, data: gb.ImageData, test: gb.ImageData | None = None, key: str = "key"
) -> gb.ExtractorContext:
    splits = {"train": data, "test": test or data}
    return gb.ExtractorContext(data.spec, splits.__getitem__, key, cache, CPU, lambda line: None)


@pytest.fixture(scope="module")
def digits() -> Callable[[str], gb.ImageData]:
    data = gb.get("dataset", "digits")
    splits = {split: data.load(split, Path()) for split in ("train", "test")}
    return splits.__getitem__


def noise(count: int, *shape: int) -> gb.ImageData:
    random = torch.Generator().manual_seed(0)
    images = torch.randint(256, (count, *shape), generator=random, dtype=torch.uint8)
    return gb.ImageData(images, torch.arange(count) % 3)


def test_pixels_are_flattened_and_images_scaled_to_one(tmp_path: Path) -> None:
    data = noise(4, 3, 2, 5)
    network = gb.get("extractor", "pixels").prepare(context(tmp_path, data))
    features, logits = network.forward(data.images)
    assert torch.equal(features, data.images.flatten(1).float() / 255)
    assert logits is None
    assert network.identity == "pixels"
    assert not network.standard_fid
    points = torch.randn(7, 2, 1, 1)
    assert torch.equal(network.forward(points).features, points.view(7, 2))


def test_pixels_of_large_images_are_advised_against() -> None:
    pixels = gb.get("extractor", "pixels")
    assert pixels.problem(gb.DataSpec(3, 32, 32)) is None
    assert "inception-v3-compat" in pixels.problem(gb.DataSpec(3, 64, 64))


def test_the_small_cnn_learns_digits_and_is_named_after_its_weights(
    tmp_path: Path, digits: Callable[[str], gb.ImageData]
) -> None:
    network = gb.get("extractor", "small-cnn[steps=300]").prepare(
        context(tmp_path, digits("train"), digits("test"))
    )
    assert network.info["test_accuracy"] > 0.97
    assert network.identity == f"small-cnn@{network.info['sha256'][:10]}"
    features, logits = network.forward(digits("test").images)
    assert features.shape == (359, 64)
    assert logits is not None
    assert (logits.argmax(1) == digits("test").labels).double().mean() > 0.97
    assert not features.requires_grad


@pytest.mark.parametrize(
    ("dataset", "identity", "accuracy"),
    [("digits", "small-cnn@ba756fef7a", 355 / 359), ("mnist", "small-cnn@80e09cf0f8", 0.9905)],
)
def test_for_digits_and_mnist_the_weights_are_shipped(
    tmp_path: Path, dataset: str, identity: str, accuracy: float
) -> None:
    """On the data themselves, without a training: the same features wherever they are computed."""
    source = gb.get("dataset", dataset)
    try:
        train, test = (source.load(split, data_root()) for split in ("train", "test"))
    except gb.DataNotFoundError:
        pytest.skip(f"{dataset} is not at hand")
    network = gb.get("extractor", "small-cnn").prepare(context(tmp_path, train, test))
    assert network.identity == identity
    assert not list(tmp_path.rglob("*.safetensors"))
    logits = torch.cat([network.forward(part).logits for part in test.images.split(500)])
    found = (logits.argmax(1) == test.labels).double().mean().item()
    assert network.info["test_accuracy"] == pytest.approx(accuracy)
    assert found == pytest.approx(accuracy, abs=0.003)  # one digit may be a close call
    assert network.info["train_images"] == len(train)


def test_shipped_weights_are_for_their_own_data_only(
    tmp_path: Path, digits: Callable[[str], gb.ImageData]
) -> None:
    """One other pixel, and the network is trained."""
    train = digits("train")
    images = train.images.clone()
    images[0, 0, 0, 0] ^= 1
    said: list[str] = []
    changed = gb.ImageData(images, train.labels)
    wanted = dataclasses.replace(context(tmp_path, changed, digits("test")), log=said.append)
    network = gb.get("extractor", "small-cnn").prepare(wanted)
    assert network.identity != "small-cnn@ba756fef7a"
    assert said[0].startswith("training the small classifier")


def test_the_shipped_weights_can_be_made_anew(tmp_path: Path) -> None:
    assert make_weights.make("digits", tmp_path, data_root()).startswith("digits: ")
    (made,) = tmp_path.iterdir()
    record = read_record(made)
    shipped = read_record(Path(make_weights.__file__).parent / "weights" / made.name)
    bits = {"sha256", "test_accuracy"}  # which depend on the processor
    assert {k: record[k] for k in record.keys() - bits} == {
        k: shipped[k] for k in shipped.keys() - bits
    }
    assert record["test_accuracy"] > 0.97


def test_a_second_use_takes_the_small_cnn_from_the_cache(
    tmp_path: Path, digits: Callable[[str], gb.ImageData], monkeypatch: pytest.MonkeyPatch
) -> None:
    extractor = gb.get("extractor", "small-cnn[steps=3]")
    first = extractor.prepare(context(tmp_path, digits("train")))

    def untrained(*args: Any) -> None:
        raise AssertionError("trained again")

    monkeypatch.setattr(classifier, "train_classifier", untrained)
    again = extractor.prepare(context(tmp_path, digits("train")))
    assert (again.identity, again.info) == (first.identity, first.info)
    images = digits("test").images
    assert torch.equal(first.forward(images).features, again.forward(images).features)
    for other in ("small-cnn[steps=4]", "small-cnn[steps=3,features=32]"):
        with pytest.raises(AssertionError, match="trained again"):
            gb.get("extractor", other).prepare(context(tmp_path, digits("train")))
    with pytest.raises(AssertionError, match="trained again"):
        extractor.prepare(context(tmp_path, digits("train"), key="other data"))


@pytest.mark.parametrize("damage", [b"", b"half of a file"])
def test_a_damaged_cache_file_is_replaced_by_the_same_weights(
    tmp_path: Path, digits: Callable[[str], gb.ImageData], damage: bytes
) -> None:
    extractor = gb.get("extractor", "small-cnn[steps=3]")
    first = extractor.prepare(context(tmp_path, digits("train")))
    (file,) = tmp_path.rglob("*.safetensors")
    whole = file.read_bytes()
    flipped = whole[:-5] + bytes([whole[-5] ^ 1]) + whole[-4:]
    file.write_bytes(damage or flipped)
    assert extractor.prepare(context(tmp_path, digits("train"))).identity == first.identity
    assert file.read_bytes() == whole


def test_training_depends_neither_on_threads_nor_on_the_random_state_and_leaves_both(
    tmp_path: Path, digits: Callable[[str], gb.ImageData]
) -> None:
    extractor = gb.get("extractor", "small-cnn[steps=5]")
    identities = set()
    threads = torch.get_num_threads()
    for number in (1, 2):
        torch.manual_seed(number)
        before = torch.get_rng_state()
        torch.set_num_threads(number)
        try:
            with torch.no_grad():
                made = extractor.prepare(context(tmp_path / str(number), digits("train")))
            assert torch.get_num_threads() == number
        finally:
            torch.set_num_threads(threads)
        assert torch.equal(torch.get_rng_state(), before)
        identities.add(made.identity)
    assert len(identities) == 1


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 9, 13), (2, 48, 70)])
def test_the_small_cnn_takes_any_size_and_number_of_channels(
    tmp_path: Path, shape: tuple[int, int, int]
) -> None:
    data = noise(6, *shape)
    network = gb.get("extractor", "small-cnn[steps=2]").prepare(context(tmp_path, data))
    features, logits = network.forward(data.images)
    assert features.shape == (6, 64)
    assert logits is not None
    assert logits.shape == (6, 3)


def test_the_small_cnn_says_what_it_cannot_do_and_what_can() -> None:
    small = gb.get("extractor", "small-cnn")
    assert small.problem(gb.DataSpec(3, 32, 32, classes=10)) is None
    assert "inception-v3-compat" in small.problem(gb.DataSpec(3, 32, 32))
    assert "pixels" in small.problem(gb.DataSpec(2, 1, 1, kind="points"))
    assert "8 pixels" in small.problem(gb.DataSpec(1, 4, 4, classes=2))


def test_data_without_a_test_split_has_no_recorded_accuracy(tmp_path: Path) -> None:
    data = noise(6, 1, 8, 8)

    def load(split: str) -> gb.ImageData:
        if split == "test":
            raise gb.UsageError("there is no test split")
        return data

    wanted = gb.ExtractorContext(data.spec, load, "key", tmp_path, CPU, lambda line: None)
    info = gb.get("extractor", "small-cnn[steps=2]").prepare(wanted).info
    assert "test_accuracy" not in info
