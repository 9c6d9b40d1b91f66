"""The small classifier: its network, and its deterministic training."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ganbench import DataSpec, ImageData
from ganbench.base.stop_requests import check_stop

_LARGEST = 32  # pixels a side of the network's input
_WIDTH = 16
_BATCH = 128
_LEARNING_RATE = 0.01
_SEED = 2048


class Classifier(nn.Module):
    """Three convolutions, a layer of features, class logits.

    Larger images are averaged down to 32 pixels a side, so that training takes no longer.
    """

    def __init__(self, data: DataSpec, features: int) -> None:
        super().__init__()
        self.seen = (min(data.height, _LARGEST), min(data.width, _LARGEST))
        side = min(self.seen)
        strides = (2 if side > 16 else 1, 2, 2 if side > 8 else 1)
        self.body = nn.Sequential(
            *_convolution(data.channels, _WIDTH, strides[0]),
            *_convolution(_WIDTH, 2 * _WIDTH, strides[1]),
            *_convolution(2 * _WIDTH, 2 * _WIDTH, strides[2]),
            nn.AdaptiveAvgPool2d(4),
            nn.Flatten(),
            nn.Linear(2 * _WIDTH * 16, features, bias=False),
            nn.BatchNorm1d(features),
            nn.ReLU(),
        )
        self.head = nn.Linear(features, data.classes)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """uint8 (b, c, h, w) to features (b, d), not negative, and logits (b, classes)."""
        x = images.float() / 127.5 - 1
        if x.shape[-2:] != self.seen:
            x = F.adaptive_avg_pool2d(x, self.seen)
        features = self.body(x)
        return features, self.head(features)


def new_classifier(data: DataSpec, features: int) -> Classifier:
    """Freshly initialized, from a fixed seed; torch's global random state stays as it is."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(_SEED)  # not torch.manual_seed, which seeds GPUs too
        return Classifier(data, features)


def usual_steps(images: int) -> int:
    """Training steps for a number of images: 300 for 1,000, 1000 for 60,000 and more."""
    return min(1000, max(300, images // 60))


@torch.enable_grad()
def train_classifier(data: ImageData, spec: DataSpec, features: int, steps: int) -> Classifier:
    """A classifier trained on the CPU with Adam and one cycle of learning rate, in evaluation mode.

    It uses one thread, so that sums have the same order everywhere: a machine gives the same bits
    every time, in one worker or in many.
    """
    assert data.labels is not None
    images, labels = data.images.cpu(), data.labels.cpu()
    with _one_thread():
        network = new_classifier(spec, features).train()
        optimizer = torch.optim.Adam(network.parameters(), lr=_LEARNING_RATE)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, _LEARNING_RATE, total_steps=steps)
        for batch in _batches(len(images), steps):
            check_stop()
            _, logits = network(images[batch])
            optimizer.zero_grad()
            F.cross_entropy(logits, labels[batch]).backward()
            optimizer.step()
            schedule.step()
    return network.eval().requires_grad_(False)


@torch.no_grad()
def accuracy(network: Classifier, data: ImageData) -> float:
    """The share of images whose class the network names."""
    assert data.labels is not None
    right = 0
    # The classifier is on the CPU, the data may be elsewhere.
    images, labels = data.images.cpu(), data.labels.cpu()
    for part, wanted in zip(images.split(512), labels.split(512), strict=True):
        right += int((network(part)[1].argmax(1) == wanted).sum())
    return right / len(data)


def _batches(count: int, steps: int) -> Iterator[Tensor]:
    """Indices drawn with replacement, so that a set smaller than a batch will do."""
    random = torch.Generator().manual_seed(_SEED)
    for _ in range(steps):
        yield torch.randint(count, (_BATCH,), generator=random)


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _convolution(inputs: int, outputs: int, stride: int) -> tuple[nn.Module, ...]:
    convolution = nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False)
    return convolution, nn.BatchNorm2d(outputs), nn.ReLU()
