"""Data sets for translation: one's own pairs and domains, and those made from other data sets."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import ganbench as gb
from ganbench import DataSpec
from ganbench.testing import DatasetTests, installed
from ganbench_datasets.image_maps import edges, luma

RED, GREEN, BLUE, GREY = (255, 0, 0), (0, 255, 0), (0, 0, 255), (90, 90, 90)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def get(spec: str) -> Any:
    return gb.get("dataset", spec)


def refusal(spec: str, root: Path, *, load: bool = False) -> str:
    """The sentence with which a data set is refused."""

    def ask() -> object:
        dataset = get(spec)
        return dataset.load("train", root) if load else dataset.spec(root)

    with pytest.raises(gb.UsageError) as caught:
        ask()
    return str(caught.value)


def photographs(folder: Path, count: int, size: tuple[int, int], seed: int = 0) -> None:
    folder.mkdir(parents=True)
    random = np.random.default_rng(seed)
    for number in range(count):
        pixels = random.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:02}.png")


def colours_of(images: torch.Tensor) -> list[tuple[int, ...]]:
    """The middle pixel of each image."""
    middle = images.shape[-1] // 2
    return [tuple(image[:, middle, middle].tolist()) for image in images]


@pytest.fixture
def facades(tmp_path: Path) -> Path:
    """A data folder with pairs of 8x8 images: six to train, four to validate."""
    photographs(tmp_path / "facades" / "train", 6, (16, 8))
    photographs(tmp_path / "facades" / "val", 4, (16, 8), seed=1)
    return tmp_path


@pytest.fixture
def horses(tmp_path: Path) -> Path:
    """A data folder with two domains of different numbers of images."""
    for number, (domain, count) in enumerate(
        {"trainA": 5, "trainB": 7, "testA": 2, "testB": 3}.items()
    ):
        photographs(tmp_path / "horses" / domain, count, (10, 8), seed=number)
    return tmp_path


@pytest.fixture
def animals(tmp_path: Path) -> Path:
    """A data folder with photographs of three classes."""
    for number, kind in enumerate(("cat", "dog", "eel")):
        for split, count in (("train", 6 + number), ("test", 3)):
            seed = 10 * number + (split == "test")
            photographs(tmp_path / "animals" / split / kind, count, (8, 8), seed)
    return tmp_path


class TestPairedFolder(DatasetTests):
    component = get("paired-folder[path=facades,size=8]")

    @pytest.fixture(autouse=True)
    def choose(self, facades: Path) -> None:
        self.root = facades


class TestUnpairedFolder(DatasetTests):
    component = get("unpaired-folder[path=horses,size=8,direction=BtoA]")

    @pytest.fixture(autouse=True)
    def choose(self, horses: Path) -> None:
        self.root = horses


class TestDerived(DatasetTests):
    SPECS = (
        "colorization[of=folder[path=animals,size=8]]",
        "edges[of=folder[path=animals,size=8,channels=1],threshold=3]",
        "two-classes[of=folder[path=animals,size=8],a=eel,b=0]",
    )

    @pytest.fixture(autouse=True, params=SPECS)
    def choose(self, request: pytest.FixtureRequest, animals: Path) -> None:
        self.component = get(request.param)
        self.root = animals


# --- pairs side by side


def test_the_left_half_is_translated_into_the_right_one(tmp_path: Path) -> None:
    (tmp_path / "p" / "train").mkdir(parents=True)
    for number, (left, right) in enumerate([(RED, GREEN), (BLUE, GREY)]):
        pair = Image.new("RGB", (64, 32), left)
        pair.paste(Image.new("RGB", (32, 32), right), (32, 0))
        pair.save(tmp_path / "p" / "train" / f"{number}.png")
    there = get("paired-folder[path=p,size=16]").load("train", tmp_path)
    assert colours_of(there.sources) == [RED, BLUE]
    assert colours_of(there.images) == [GREEN, GREY]
    assert there.paired
    assert there.spec == DataSpec(3, 16, 16, source_channels=3, pairing="paired")
    back = get("paired-folder[path=p,size=16,direction=BtoA]").load("train", tmp_path)
    assert torch.equal(back.sources, there.images)
    assert torch.equal(back.images, there.sources)


def test_halves_of_the_wanted_size_keep_every_pixel(facades: Path) -> None:
    data = get("paired-folder[path=facades,size=8]").load("train", facades)
    file = facades / "facades" / "train" / "03.png"
    whole = torch.from_numpy(np.array(Image.open(file))).permute(2, 0, 1)
    assert torch.equal(torch.cat([data.sources[3], data.images[3]], 2), whole)


def test_halves_mean_what_the_whole_image_means(tmp_path: Path) -> None:
    """Of pairs with 16 bits, with transparency, and turned by a camera."""
    (tmp_path / "p" / "train").mkdir(parents=True)
    random = np.random.default_rng(0)
    deep = random.integers(0, 65536, (8, 16)).astype(">u2")
    clear = random.integers(0, 256, (8, 16, 4), dtype=np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6
    place = tmp_path / "p" / "train"
    (place / "0.pgm").write_bytes(b"P5 16 8 65535\n" + deep.tobytes())
    Image.fromarray(clear).save(place / "1.png")
    Image.fromarray(clear[..., :3].swapaxes(0, 1).copy()).save(place / "2.png", exif=exif)
    data = get("paired-folder[path=p,size=8]").load("train", tmp_path)
    whole = torch.cat([data.sources, data.images], 3).permute(0, 2, 3, 1).numpy()
    for file, image in zip(sorted(place.iterdir()), whole, strict=True):
        assert np.array_equal(image, gb.decode_image(file.read_bytes()))


def test_the_validation_folder_is_the_test_split_where_there_is_no_test_folder(
    facades: Path,
) -> None:
    data = get("paired-folder[path=facades,size=8]")
    assert len(data.load("test", facades)) == 4
    photographs(facades / "facades" / "test", 2, (16, 8), seed=2)
    assert len(data.load("test", facades)) == 2


def test_the_two_halves_are_kept_apart_in_the_cache(
    facades: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import ganbench_datasets.decoded as decoded

    monkeypatch.setattr(decoded, "WORTH_KEEPING", 1)
    data = get("paired-folder[path=facades,size=8]")
    first, again = data.load("train", facades), data.load("train", facades)
    assert len(list(decoded.cache_folder().iterdir())) == 2
    assert torch.equal(first.sources, again.sources)
    assert torch.equal(first.images, again.images)
    assert not torch.equal(first.sources, first.images)


def test_a_pair_that_cannot_be_read_is_left_out_on_both_sides(facades: Path) -> None:
    data = get("paired-folder[path=facades,size=8]")
    whole = data.load("train", facades)
    (facades / "facades" / "train" / "02.png").write_bytes(b"no image")
    rest = data.load("train", facades)
    kept = [0, 1, 3, 4, 5]
    assert torch.equal(rest.images, whole.images[kept])
    assert torch.equal(rest.sources, whole.sources[kept])
    assert "02.png" in rest.notes[0]


@pytest.mark.parametrize("mode", ["L", "1", "P", "CMYK", "RGBA", "I;16"])
def test_pairs_in_other_modes_become_colour(mode: str, tmp_path: Path) -> None:
    (tmp_path / "p" / "train").mkdir(parents=True)
    image = Image.new("L" if mode == "I;16" else "RGB", (16, 8), "white")
    file = tmp_path / "p" / "train" / f"0.{'tif' if mode == 'CMYK' else 'png'}"
    image.convert(mode).save(file)
    data = get("paired-folder[path=p,size=8]").load("train", tmp_path)
    assert data.images.shape == data.sources.shape == (1, 3, 8, 8)
    assert torch.equal(data.images, data.sources)


def test_an_odd_width_is_a_sentence(facades: Path) -> None:
    Image.new("RGB", (15, 8)).save(facades / "facades" / "train" / "odd.png")
    sentence = refusal("paired-folder[path=facades,size=8]", facades, load=True)
    assert "odd.png" in sentence
    assert "15 pixels wide" in sentence
    assert "\n" not in sentence


# --- two folders


def test_domains_are_taken_from_their_folders(horses: Path) -> None:
    there = get("unpaired-folder[path=horses,size=8]").load("train", horses)
    assert (len(there.sources), len(there.images)) == (5, 7)
    assert there.spec == DataSpec(3, 8, 8, source_channels=3, pairing="unpaired")
    back = get("unpaired-folder[path=horses,size=8,direction=BtoA]").load("train", horses)
    assert torch.equal(back.sources, there.images)
    assert torch.equal(back.images, there.sources)
    test = get("unpaired-folder[path=horses,size=8]").load("test", horses)
    assert (len(test.sources), len(test.images)) == (2, 3)


@pytest.mark.parametrize(
    ("spec", "file"),
    [
        ("paired-folder[path=facades,size=8]", "facades/val/new.png"),
        ("paired-folder[path=facades,size=8]", "facades/train/new.png"),
        ("unpaired-folder[path=horses,size=8]", "horses/testA/new.png"),
        ("unpaired-folder[path=horses,size=8]", "horses/trainB/new.png"),
    ],
)
def test_added_files_are_other_data(spec: str, file: str, facades: Path, horses: Path) -> None:
    root = facades
    before = get(spec).fingerprint(root)
    assert get(spec).fingerprint(root) == before
    Image.new("RGB", (16, 8)).save(root / file)
    assert get(spec).fingerprint(root) != before


@pytest.mark.parametrize(
    ("spec", "missing"),
    [
        ("paired-folder[path=nowhere]", "nowhere/train"),
        ("unpaired-folder[path=nowhere]", "nowhere/trainA"),
        ("unpaired-folder[path=half]", "half/trainB"),
        ("unpaired-folder[path=empty]", "empty/trainA"),
        ("paired-folder[path=empty]", "empty/train"),
    ],
)
def test_missing_and_empty_folders_are_sentences(spec: str, missing: str, tmp_path: Path) -> None:
    photographs(tmp_path / "half" / "trainA", 2, (8, 8))
    for name in ("trainA", "trainB", "train"):
        (tmp_path / "empty" / name).mkdir(parents=True)
    for load in (False, True):
        sentence = refusal(spec, tmp_path, load=load)
        assert str(tmp_path / missing) in sentence
        assert "\n" not in sentence


def test_what_does_not_fit_in_memory_is_refused(
    facades: Path, animals: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ganbench_datasets.decoded.MEMORY_LIMIT", 0)
    for spec in (
        "paired-folder[path=facades,size=8]",
        "colorization[of=folder[path=animals,size=8]]",
    ):
        assert "choose a smaller size" in refusal(spec, facades, load=True)


# --- made from another data set


def test_luma_is_rounded_half_up() -> None:
    colours = torch.tensor([RED, GREEN, BLUE, GREY, (0, 0, 250), (255, 255, 255), (1, 1, 2)])
    images = colours.to(torch.uint8)[:, :, None, None]
    # 76.245, 149.685, 29.07, 90, 28.5, 255, 1.114
    assert luma(images).flatten().tolist() == [76, 150, 29, 90, 29, 255, 1]
    assert torch.equal(luma(images[:, :1]), images[:, :1])


def test_the_gradient_of_a_step_is_its_height_and_that_of_a_corner_is_rounded() -> None:
    image = torch.full((1, 1, 6, 6), 20, dtype=torch.uint8)
    image[..., 3:] = 70
    gradient = edges(image, 0)
    assert gradient[0, 0].tolist() == [[0, 0, 50, 50, 0, 0]] * 6
    assert torch.equal(edges(image.mT, 0), gradient.mT)
    dot = torch.zeros(1, 1, 3, 3, dtype=torch.uint8)
    dot[..., 0, 0] = 255  # and so beyond the border: beside it the differences are 765 and 255
    assert edges(dot, 0)[0, 0].tolist() == [[255, 202, 0], [202, 90, 0], [0, 0, 0]]


def test_edges_are_thin_lines_where_the_step_reaches_the_threshold() -> None:
    image = torch.zeros(1, 1, 8, 8, dtype=torch.uint8)
    image[..., 2:6] = 100
    lines = edges(image, 100)[0, 0]
    assert lines.unique().tolist() == [0, 255]
    assert ((lines == 255).sum(1) == 2).all()
    assert torch.equal(edges(image.mT, 100)[0, 0], lines.mT)
    assert edges(image, 101).sum() == 0


def test_edges_of_a_colour_image_are_those_of_its_luma() -> None:
    images = torch.randint(0, 256, (5, 3, 9, 7), dtype=torch.uint8)
    assert torch.equal(edges(images, 20), edges(luma(images), 20))


def test_made_pairs_keep_the_targets_and_all_that_is_known_of_them(animals: Path) -> None:
    inner = get("folder[path=animals,size=8]")
    plain = inner.load("train", animals)
    for spec, source in (
        ("colorization[of=folder[path=animals,size=8]]", luma(plain.images)),
        ("edges[of=folder[path=animals,size=8],threshold=9]", edges(plain.images, 9)),
    ):
        made = get(spec)
        data = made.load("train", animals)
        assert torch.equal(data.sources, source)
        assert torch.equal(data.images, plain.images)
        assert torch.equal(data.labels, plain.labels)
        assert data.class_names == plain.class_names
        assert made.spec(animals) == data.spec
        assert data.spec == DataSpec(3, 8, 8, 3, source_channels=1, pairing="paired")
        assert made.fingerprint(animals) == inner.fingerprint(animals)


def test_classes_are_chosen_by_name_or_number(animals: Path) -> None:
    plain = get("folder[path=animals,size=8]").load("train", animals)
    for a, b in (("cat", "eel"), ("0", "2"), ("0", "eel")):
        data = get(f"two-classes[of=folder[path=animals,size=8],a={a},b={b}]").load(
            "train", animals
        )
        assert torch.equal(data.sources, plain.images[plain.labels == 0])
        assert torch.equal(data.images, plain.images[plain.labels == 2])
        assert data.labels is None
        assert data.spec == DataSpec(3, 8, 8, source_channels=3, pairing="unpaired")


def test_names_that_are_numbers_come_before_numbers(tmp_path: Path) -> None:
    for number, name in enumerate(("1", "2", "7")):
        photographs(tmp_path / "n" / name, 3, (8, 8), number)
    plain = get("folder[path=n,size=8,test_fraction=0.0]").load("train", tmp_path)
    data = get("two-classes[of=folder[path=n,size=8,test_fraction=0.0],a=7,b=1]").load(
        "train", tmp_path
    )
    assert torch.equal(data.sources, plain.images[plain.labels == 2])
    assert torch.equal(data.images, plain.images[plain.labels == 0])


@pytest.mark.parametrize(
    "spec", ["colorization[of=cifar10[size=16]]", 'colorization[of="cifar10[size=16]"]']
)
def test_the_inner_spec_may_have_options_and_quotes(spec: str, tmp_path: Path) -> None:
    dataset = get(spec)
    assert dataset.of == "cifar10[size=16]"
    assert dataset.spec(tmp_path) == DataSpec(3, 16, 16, 10, source_channels=1, pairing="paired")
    assert dataset == get("colorization[of=cifar10[size=16]]")


def test_extractor_splits_and_settings_are_those_of_the_inner_data_set(tmp_path: Path) -> None:
    edges_of_digits, inner = get("edges[of=digits]"), get("digits")
    assert edges_of_digits.extractor == inner.extractor == "small-cnn"
    assert edges_of_digits.recommends == inner.recommends == {"flip": False}
    assert edges_of_digits.splits == inner.splits
    assert list(get("edges[of=mnist]").diagnose(tmp_path, tmp_path)) == list(
        get("mnist").diagnose(tmp_path, tmp_path)
    )


def test_an_extractor_that_learns_from_labels_learns_from_the_inner_data() -> None:
    assert get("two-classes[of=digits,a=3,b=8]").extractor == "small-cnn[of=digits]"
    assert get("two-classes[of=cifar10,a=cat,b=dog]").extractor == "inception-v3-compat"


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("colorization[of=digits]", ["color", "edges[of=digits]"]),
        ("colorization[of=ring]", ["images", "points"]),
        ("edges[of=ring]", ["images", "points"]),
        ("colorization[of=cifra10]", ["cifra10", "did you mean 'cifar10'"]),
        ("colorization[of=cifar10[size=big]]", ["size=big"]),
        ("edges[of=folder]", ["path"]),
        ("two-classes[of=digits,a=3,b=3]", ["must be two classes"]),
        ("two-classes[of=digits,a=3,b=10]", ["no class 10", "0, 1, 2"]),
        ("two-classes[of=digits,a=-1,b=3]", ["no class -1"]),
        ("two-classes[of=digits,a=three,b=3]", ["no class three"]),
        ("two-classes[of=celeba,a=0,b=1]", ["celeba has none"]),
        ("two-classes[of=folder[path=animals,size=8],a=dog,b=1]", ["same class"]),
    ],
)
def test_what_nothing_can_be_made_from_is_refused_in_a_sentence(
    spec: str, words: list[str], animals: Path
) -> None:
    sentence = refusal(spec, animals)
    assert all(word in sentence for word in words), sentence
    assert "\n" not in sentence


class Striped(gb.Dataset):
    """Images of two channels, without labels."""

    def load(self, split: str, root: Path) -> gb.ImageData:
        return gb.ImageData(torch.zeros(4, 2, 8, 8, dtype=torch.uint8))


def test_images_that_are_neither_grey_nor_colour_have_no_edges(tmp_path: Path) -> None:
    class Plugin:
        @staticmethod
        @gb.hookimpl
        def ganbench_datasets(register: Any) -> None:
            register("striped", Striped)

    with installed(Plugin):
        assert "2-channel" in refusal("edges[of=striped]", tmp_path)


# --- real photographs and digits


@pytest.fixture
def real_data() -> Path:
    root = Path(os.environ.get("GANBENCH_DATA") or "nowhere")
    if not (root / "MNIST" / "raw").is_dir():
        pytest.skip("GANBENCH_DATA names no folder with MNIST/raw")
    return root


def test_threes_and_eights_of_mnist_are_two_domains(real_data: Path) -> None:
    data = get("two-classes[of=mnist,a=3,b=8]").load("train", real_data)
    assert (len(data.sources), len(data.images)) == (6131, 5851)
    assert data.spec == DataSpec(1, 28, 28, source_channels=1, pairing="unpaired")


def test_edges_of_mnist_outline_the_digits(real_data: Path) -> None:
    data = get("edges[of=mnist]").load("test", real_data)
    assert len(data) == 10_000
    white = (data.sources == 255).float().mean().item()
    assert 0.05 < white < 0.3
