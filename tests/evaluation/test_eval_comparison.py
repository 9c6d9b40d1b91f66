"""Folders of images measured from end to end, beside torch-fidelity and the prdc package."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from unittest import mock

import numpy as np
import prdc
import pytest
import torch
from PIL import Image
from random_inception import write_random_weights
from torch.nn import functional as F

import ganbench as gb
from ganbench.base.image_files import open_images
from ganbench.base.vision import import_torchvision
from ganbench.evaluation import features, real_features
from ganbench.evaluation.sources import FileSource
from ganbench.testing.plugins import installed
from ganbench_metrics.classifier_score import classifier_score

WIDTH, CLASSES = 12, 10
_random = torch.Generator().manual_seed(0)
_MIXING = torch.randn(192, WIDTH, generator=_random) / 14
_HEAD = torch.randn(WIDTH, CLASSES, generator=_random) * 3
seen: list[int] = []


def tiny_features(images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    seen.append(len(images))
    small = F.adaptive_avg_pool2d(images.float() / 64, 8).flatten(1)
    features = (small @ _MIXING).relu() + 0.1 * small[:, :WIDTH]
    return features, features @ _HEAD


class Tiny(gb.Extractor):
    """A few features of colour images of any size."""

    resizes = True

    def prepare(self, context):
        return gb.FeatureNetwork("tiny@0", lambda x: gb.Features(*tiny_features(x)), batch_size=16)


class OneSize(gb.Extractor):
    """The same without the resizing."""

    def prepare(self, context):
        return gb.FeatureNetwork("one-size@0", lambda x: gb.Features(*tiny_features(x)))


@gb.hookimpl
def ganbench_extractors(register):
    register("tiny", Tiny)
    register("one-size", OneSize)


@pytest.fixture(autouse=True)
def _own(tmp_path, monkeypatch):
    monkeypatch.setenv("GANBENCH_CACHE", str(tmp_path / "cache"))
    with installed(sys.modules[__name__]):
        yield
    seen.clear()


def pictures(count: int, seed: int, shift: float = 0.0, size: int = 12) -> np.ndarray:
    random = np.random.RandomState(seed)
    blocks = np.kron(random.rand(count, 4, 4, 3) * 160, np.ones((1, size // 4, size // 4, 1)))
    noise = random.randn(count, size, size, 3) * 20
    return (blocks + noise + shift).clip(0, 255).astype(np.uint8)


def write(folder: Path, images: np.ndarray) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for number, image in enumerate(images):
        Image.fromarray(image).save(folder / f"{number:04}.png")
    return folder


@pytest.fixture
def real(tmp_path):
    return write(tmp_path / "real", pictures(120, 1))


@pytest.fixture
def fake(tmp_path):
    """Of several sizes and formats, in nested folders."""
    folder = write(tmp_path / "fake", pictures(60, 2, 25))
    write(folder / "more" / "nested", pictures(26, 3, 25, size=16))
    odd = Image.fromarray(pictures(1, 4)[0])
    odd.convert("L").save(folder / "grey.png")
    odd.convert("P").save(folder / "palette.png")
    odd.convert("RGBA").save(folder / "clear.png")
    odd.save(folder / "photo.jpg")
    return folder


def fidelity(fake: Path, real: Path, **options):
    """torch-fidelity's metrics in the tiny extractor, image by image since sizes differ."""
    import_torchvision()
    import torch_fidelity
    from torch_fidelity.feature_extractor_base import FeatureExtractorBase
    from torch_fidelity.registry import FEATURE_EXTRACTORS_REGISTRY

    class TinyBase(FeatureExtractorBase):
        def __init__(self, name, features_list, **kwargs):
            super().__init__(name, features_list)
            self.answers = {}

        @staticmethod
        def get_provided_features_list():
            return "features", "logits"

        @staticmethod
        def get_default_feature_layer_for_metric(metric):
            return "logits" if metric == "isc" else "features"

        def forward(self, images):
            both = dict(zip(self.get_provided_features_list(), tiny_features(images), strict=True))
            return tuple(both[name] for name in self.features_list)

    with mock.patch.dict(FEATURE_EXTRACTORS_REGISTRY, tiny=TinyBase):
        return torch_fidelity.calculate_metrics(
            input1=str(fake), input2=str(real), isc=True, fid=True, kid=True, cuda=False,
            feature_extractor="tiny", batch_size=1, save_cpu_ram=True, cache=False, verbose=False,
            samples_find_deep=True, **options,
        )  # fmt: skip


@pytest.mark.parametrize("size", [40, 20], ids=["whole", "by subset"])
def test_it_equals_torch_fidelity_on_the_same_folders(real, fake, size):
    theirs = fidelity(fake, real, kid_subsets=20, kid_subset_size=size)
    ours = gb.evaluate(
        real=real, fake=fake, extractor="tiny",
        settings={"kid_subsets": 20, "kid_subset_size": size},
    ).metrics  # fmt: skip
    expected = {
        "fd": theirs["frechet_inception_distance"],
        "cs_mean": theirs["inception_score_mean"],
        "cs_std": theirs["inception_score_std"],
        "kid_mean": theirs["kernel_inception_distance_mean"],
        "kid_std": theirs["kernel_inception_distance_std"],
    }
    assert expected["kid_mean"] > 0.01
    assert {name: ours[name] for name in expected} == pytest.approx(expected, rel=1e-4)
    assert ours["fid"] is None
    assert ours["is_mean"] is None


def near(metrics: dict, expected: dict, rel: float) -> bool:
    """Whether the same values are there, and nearly equal."""
    number, known = ({k: v for k, v in m.items() if v is not None} for m in (metrics, expected))
    return metrics.keys() == expected.keys() and number == pytest.approx(known, rel=rel)


def features_of(folder: Path) -> np.ndarray:
    found = []
    for path in sorted(folder.rglob("*.*"), key=str):
        with Image.open(path) as image:
            array = np.asarray(image.convert("RGB")).transpose(2, 0, 1).copy()
        found.append(tiny_features(torch.from_numpy(array)[None])[0][0].numpy())
    return np.stack(found)


def test_prdc_equals_the_authors_package(real, fake):
    theirs = prdc.compute_prdc(features_of(real), features_of(fake), nearest_k=3)
    ours = gb.evaluate(
        real=real, fake=fake, extractor="tiny", metrics=["prdc"], settings={"prdc_k": 3}
    )
    assert ours.metrics == pytest.approx({name: float(value) for name, value in theirs.items()})
    assert ours.measured["prdc"].details == {"n_real": 120, "n_fake": 90, "k": 3, "seed": 2020}


def test_a_second_time_the_real_images_are_not_looked_at(real, fake):
    def measure():
        seen.clear()
        found = gb.evaluate(real=real, fake=fake, extractor="tiny")
        return found.metrics, sum(seen)

    first, images = measure()
    again, fewer = measure()
    assert again == first
    assert (images, fewer) == (120 + 90 + 1, 90 + 1)  # one probes the network
    changed = next(real.iterdir())
    stamp = changed.stat()
    content = bytearray(changed.read_bytes())
    Image.fromarray(255 - pictures(1, 9)[0]).save(changed)
    changed.write_bytes(changed.read_bytes().ljust(len(content), b"\0"))
    os.utime(changed, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    other, images = measure()
    assert images == 120 + 90 + 1
    assert other["fd"] != first["fd"]


def test_a_copy_of_the_real_folder_is_the_same_reference(real, fake, tmp_path):
    gb.evaluate(real=real, fake=fake, extractor="tiny")
    copied = shutil.copytree(real, tmp_path / "copy")
    seen.clear()
    gb.evaluate(real=copied, fake=fake, extractor="tiny")
    assert sum(seen) == 90 + 1


def test_a_damaged_cache_is_made_again(real, fake, tmp_path):
    first = gb.evaluate(real=real, fake=fake, extractor="tiny").metrics
    for path in (tmp_path / "cache").rglob("*.*"):
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert gb.evaluate(real=real, fake=fake, extractor="tiny").metrics == first


def test_where_nothing_can_be_kept_the_result_is_the_same(real, fake, tmp_path, monkeypatch):
    expected = gb.evaluate(real=real, fake=fake, extractor="tiny").metrics
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("GANBENCH_CACHE", str(tmp_path / "file"))
    found = gb.evaluate(real=real, fake=fake, extractor="tiny")
    assert found.metrics == expected
    assert any("cannot cache" in warning for warning in found.warnings)


def packed(images: np.ndarray, folder: Path, form: str) -> Path:
    folder.mkdir()
    target = folder / f"images.{form}"
    if form == "npz":
        np.savez(target, images)
    elif form == "small.npz":
        np.savez_compressed(target, arr_0=images, arr_1=np.arange(len(images)))
    elif form == "nchw.npz":
        np.savez(target, images.transpose(0, 3, 1, 2).copy())
    elif form == "zip":
        loose = write(folder / "loose", images)
        with zipfile.ZipFile(target, "w") as archive:
            for path in loose.iterdir():
                archive.write(path, path.name)
    else:
        loose = write(folder / "loose", images)
        with tarfile.open(target, "w:gz") as archive:
            for path in sorted(loose.iterdir(), reverse=True):
                archive.add(path, f"top/{path.name}")
    return target


@pytest.mark.parametrize("form", ["npz", "small.npz", "nchw.npz", "zip", "tar.gz"])
def test_it_does_not_matter_how_images_are_packed(form, real, tmp_path):
    images = pictures(50, 6, 10)
    loose = write(tmp_path / "loose", images)
    expected = gb.evaluate(real=real, fake=loose, extractor="tiny", samples=40).metrics
    target = packed(images, tmp_path / "packed", form)
    found = gb.evaluate(real=real, fake=target, extractor="tiny", samples=40)
    assert near(found.metrics, expected, 1e-6)
    assert found.sides["fake"]["count"] == 40


def test_an_array_is_as_good_as_a_file(real, tmp_path):
    images = pictures(30, 6, 10)
    expected = gb.evaluate(real=real, fake=write(tmp_path / "f", images), extractor="tiny")
    array = images.transpose(0, 3, 1, 2)
    assert gb.evaluate(real=real, fake=array, extractor="tiny").metrics == expected.metrics
    with pytest.raises(gb.UsageError, match="must be uint8 images"):
        gb.evaluate(real=real, fake=array / 255, extractor="tiny")


@pytest.mark.parametrize("extractor", ["small-cnn", "pixels"])
def test_saved_statistics_stand_for_a_data_set(extractor, tmp_path):
    fake = np.random.RandomState(0).randint(0, 256, (80, 1, 8, 8)).astype(np.uint8)
    path = tmp_path / "digits.npz"
    asked = {"fake": fake, "metrics": "fd"}
    expected = gb.evaluate(real="digits", extractor=extractor, save_statistics=path, **asked)
    found = gb.evaluate(real=path, **asked)
    assert found.metrics["fd"] == pytest.approx(expected.metrics["fd"], rel=1e-6)


def test_published_statistics_give_the_distance_and_nothing_else(real, fake, tmp_path):
    features = features_of(real)
    path = tmp_path / "statistics.npz"
    np.savez(path, mu=features.mean(0), sigma=np.cov(features, rowvar=False))
    expected = gb.evaluate(real=real, fake=fake, extractor="tiny")
    found = gb.evaluate(real=path, fake=fake, extractor="tiny")
    assert found.metrics["fd"] == pytest.approx(expected.metrics["fd"], rel=1e-5)
    assert found.metrics["cs_mean"] == expected.metrics["cs_mean"]
    assert {name for name, value in found.metrics.items() if value is not None} == {
        "fd", "cs_mean", "cs_std"
    }  # fmt: skip
    assert found.measured["fd"].details["n_real"] is None
    assert found.identity == "tiny@0:90/?:published"
    assert any("same network" in warning for warning in found.warnings)
    asked = gb.evaluate(real=path, fake=fake, extractor="tiny", metrics="fd,kid")
    assert asked.metrics["kid_mean"] is None
    assert asked.measured["kid"].reason == "published statistics have no single features"


def test_saved_statistics_stand_for_the_images_on_either_side(real, fake, tmp_path):
    saved = {side: tmp_path / f"{side}.npz" for side in ("real", "fake")}
    both = gb.evaluate(real=real, fake=fake, extractor="tiny", save_statistics=saved["real"])
    alone = gb.evaluate(real=fake, extractor="tiny", save_statistics=saved["fake"])
    assert (alone.metrics, alone.identity) == ({}, "tiny@0:0/90:folder")
    for sides in (
        {"real": saved["real"], "fake": fake},
        {"real": real, "fake": saved["fake"]},
        {"real": saved["real"], "fake": saved["fake"]},
    ):
        found = gb.evaluate(**sides, extractor="tiny", metrics="fd")
        assert found.metrics["fd"] == pytest.approx(both.metrics["fd"], rel=1e-9)
        assert found.measured["fd"].details == {"n_fake": 90, "n_real": 120, "ddof": 1}
    assert found.record()["fake"]["kind"] == "statistics"


def test_saved_statistics_are_what_other_programs_read(real, fake, tmp_path):
    theirs = []
    for side in (real, fake):
        gb.evaluate(real=side, extractor="tiny", save_statistics=tmp_path / "s.npz")
        with np.load(tmp_path / "s.npz", allow_pickle=False) as file:
            theirs.append({name: file[name] for name in ("mu", "sigma")})
        np.testing.assert_allclose(theirs[-1]["mu"], features_of(side).mean(0), rtol=1e-6)
    import_torchvision()
    from torch_fidelity.metric_fid import fid_statistics_to_metric

    distance = fid_statistics_to_metric(*theirs, verbose=False)["frechet_inception_distance"]
    ours = gb.evaluate(real=real, fake=fake, extractor="tiny", metrics="fd").metrics["fd"]
    assert ours == pytest.approx(distance, rel=1e-6)


def test_of_very_many_images_a_fixed_choice_makes_the_costly_metrics(real, fake, monkeypatch):
    for module in (features, real_features):
        monkeypatch.setattr(module, "POOL", 80)
    details = gb.evaluate(real=real, fake=fake, extractor="tiny").record()["details"]
    assert details["fd"] == {"n_fake": 90, "n_real": 120, "ddof": 1}
    assert details["kid"]["n_fake"] == details["kid"]["n_real"] == 80
    assert details["is"]["n_fake"] == 80


def test_the_score_is_the_classifier_score_of_the_logits(fake):
    found = gb.evaluate(fake=fake, extractor="tiny", metrics=["is"]).metrics
    logits = torch.from_numpy(features_of(fake)) @ _HEAD
    assert (found["cs_mean"], found["cs_std"]) == pytest.approx(classifier_score(logits), rel=1e-6)


def test_images_of_several_sizes_need_an_extractor_that_resizes(real, fake):
    with pytest.raises(gb.UsageError, match=r"one size only.* 4 |there are 2 .*16x16"):
        gb.evaluate(real=real, fake=fake, extractor="one-size")
    assert gb.evaluate(real=real, fake=real, extractor="one-size").metrics["fd"] < 1e-6


def test_what_conversion_takes_away_is_said(real, tmp_path):
    folder = write(tmp_path / "odd", pictures(10, 1))
    Image.fromarray(np.full((12, 12), 40_000, np.uint16)).save(folder / "wide.png")
    Image.fromarray(np.zeros((12, 12, 4), np.uint8)).save(folder / "clear.png")
    warnings = "\n".join(gb.evaluate(real=real, fake=folder, extractor="tiny").warnings)
    assert "odd: 16-bit gray images are scaled to 8 bits (1); torch-fidelity" in warnings
    assert "odd: transparent images are composited on white (1); torch-fidelity" in warnings
    again = gb.evaluate(real=folder, fake=real, extractor="tiny").warnings
    assert gb.evaluate(real=folder, fake=real, extractor="tiny").warnings == again  # from the cache
    assert any("composited on white" in warning for warning in again)


def write_odd(folder: Path) -> Path:
    """Files of all kinds that programs read differently, each with pixels of its own."""
    folder.mkdir()
    random = np.random.default_rng(0)
    for number in range(3):
        photo = Image.fromarray(random.integers(0, 256, (12, 12, 3), dtype=np.uint8))
        mask = Image.fromarray(random.integers(0, 256, (12, 12), dtype=np.uint8))
        deep = random.integers(0, 65536, (12, 12)).astype(np.uint16)
        exif = Image.Exif()
        exif[0x0112] = number + 4
        clear, grey = photo.copy(), photo.convert("L")
        clear.putalpha(mask)
        clear.save(folder / f"clear{number}.png")
        clear.save(folder / f"clear{number}.tiff")
        Image.merge("LA", [grey, mask]).save(folder / f"grey-clear{number}.png")
        Image.fromarray(deep).save(folder / f"deep{number}.png")
        head = b"P5 12 12 65535\n"
        (folder / f"deep{number}.pgm").write_bytes(head + deep.T.astype(">u2").tobytes())
        photo.quantize(8).save(folder / f"key{number}.png", transparency=2)
        photo.quantize(8).save(folder / f"key{number}.gif", transparency=1)
        photo.convert("CMYK").save(folder / f"print{number}.jpg")
        photo.convert("1").save(folder / f"bits{number}.png")
        for extension in ("jpg", "png", "tiff", "webp"):
            photo.save(folder / f"turned{number}.{extension}", exif=exif)
    return folder


@pytest.mark.parametrize("channels", [1, 3])
def test_a_folder_is_read_as_the_data_set_of_it_is(channels, tmp_path):
    odd = write_odd(tmp_path / "odd")
    spec = f"folder[path={odd},size=12,channels={channels},test_fraction=0]"
    data = gb.get("dataset", spec).load("train", tmp_path).images
    files = open_images(odd)
    source = FileSource("odd", files, tmp_path / "cache")
    batches = list(source.batches(source.places(), channels, 100))
    assert torch.equal(torch.cat([batch.images for batch in batches]), data)
    found = gb.evaluate(real=spec, fake=odd, extractor="pixels", metrics="fd")
    assert abs(found.metrics["fd"]) < 1e-5


def test_images_without_content_are_told(real, tmp_path):
    single = write(
        tmp_path / "single", np.full((6, 12, 12, 3), np.arange(6)[:, None, None, None], np.uint8)
    )
    equal = write(tmp_path / "equal", np.repeat(pictures(1, 1), 6, 0))
    for _ in range(2):  # computed, and from the cache
        warnings = gb.evaluate(real=single, fake=equal, extractor="tiny", metrics="fd").warnings
        assert f"{single}: every one of the 6 images is of a single color" in "\n".join(warnings)
        assert f"{equal}: all 6 images are equal to each other" in "\n".join(warnings)
    warnings = gb.evaluate(real=real, fake=real, extractor="tiny", metrics="fd").warnings
    assert not any("single color" in w or "equal to each other" in w for w in warnings)


def test_broken_files_are_all_named_or_left_out(real, tmp_path):
    folder = write(tmp_path / "some", pictures(20, 1))
    whole = (folder / "0003.png").read_bytes()
    (folder / "0003.png").write_bytes(whole[: len(whole) // 2])  # shows when it is decoded
    (folder / "0011.png").write_bytes(whole[:-30])
    with pytest.raises(gb.UsageError, match=r"2 of the 20 images.*0003\.png.*0011\.png"):
        gb.evaluate(real=real, fake=folder, extractor="tiny")
    found = gb.evaluate(real=real, fake=folder, extractor="tiny", skip_broken=True)
    assert (found.sides["fake"]["count"], found.sides["fake"]["broken"]) == (18, 2)
    (folder / "0003.png").unlink()
    (folder / "0011.png").unlink()
    without = gb.evaluate(real=real, fake=folder, extractor="tiny")
    assert near(without.metrics, found.metrics, 1e-6)
    (folder / "0003.png").write_text("no image")  # shows before anything is decoded
    with pytest.raises(gb.UsageError, match=r"0003\.png \(not an image that Pillow can read\)"):
        gb.evaluate(real=real, fake=folder, extractor="tiny")


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_it_equals_the_command_of_torch_fidelity(tmp_path):
    """With Inception, each in a process of its own."""
    weights = write_random_weights(tmp_path / "weights.pth")
    real = write(tmp_path / "real", pictures(48, 1, size=32))
    fake = write(tmp_path / "fake", pictures(40, 2, 70, size=32))
    program = (
        "from ganbench.base.vision import import_torchvision; import_torchvision()\n"
        "from torch_fidelity.fidelity import main; main()"
    )
    theirs = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program, "--cpu", "--json", "--isc", "--fid", "--kid",
         "--no-cache", "--kid-subsets", "10", "--kid-subset-size", "30", "--input1", fake,
         "--input2", real, "--feature-extractor", "inception-v3-compat",
         "--feature-extractor-weights-path", weights],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    expected = json.loads(theirs.stdout)
    found = gb.evaluate(
        real=real, fake=fake, extractor=f'inception-v3-compat[weights="{weights}"]',
        settings={"kid_subsets": 10, "kid_subset_size": 30},
    )  # fmt: skip
    ours = found.metrics
    assert ours["fd"] == pytest.approx(expected["frechet_inception_distance"], rel=1e-4)
    assert ours["cs_mean"] == pytest.approx(expected["inception_score_mean"], rel=1e-6)
    assert ours["kid_mean"] == pytest.approx(expected["kernel_inception_distance_mean"], rel=1e-4)
    assert found.extractors[0]["sha256"][:8] in found.identity
