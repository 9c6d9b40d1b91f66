"""Data sets: the usual benchmarks, one's own images, mixtures of points, images to translate."""

from __future__ import annotations

from typing import Any

from ganbench import hookimpl


@hookimpl
def ganbench_datasets(register: Any) -> None:
    """Provide the data sets; their modules are imported on first use."""
    _images(register)
    _points(register)
    _sources(register)


def _images(register: Any) -> None:
    register(
        "digits",
        "ganbench_datasets.digits:Digits",
        summary="scikit-learn's 8x8 handwritten digits, 1,797 images in 10 classes; needs no download",
    )
    register(
        "mnist",
        "ganbench_datasets.mnist:Mnist",
        summary="MNIST: 28x28 handwritten digits, 60,000 + 10,000 grey images in 10 classes",
    )
    register(
        "fashion-mnist",
        "ganbench_datasets.mnist:FashionMnist",
        summary="Fashion-MNIST: 28x28 clothes, 60,000 + 10,000 grey images in 10 classes",
    )
    register(
        "cifar10",
        "ganbench_datasets.cifar:Cifar10",
        summary="CIFAR-10: 32x32 photographs, 50,000 + 10,000 colour images in 10 classes",
    )
    register(
        "celeba",
        "ganbench_datasets.celeba:CelebA",
        summary="CelebA: aligned faces, 162,770 + 19,962 colour images at 64x64, no classes",
    )
    register(
        "folder",
        "ganbench_datasets.folder:Folder",
        summary="your own images: folder[path=…] for a folder, tar or zip archive, at any size",
    )
    register(
        "paired-folder",
        "ganbench_datasets.paired:PairedFolder",
        summary="your own pairs for translation, side by side in folders train and test or val",
    )
    register(
        "unpaired-folder",
        "ganbench_datasets.unpaired:UnpairedFolder",
        summary="your own two domains for translation, in folders trainA, trainB, testA, testB",
    )
    register(
        "colorization",
        "ganbench_datasets.made_pairs:Colorization",
        summary="pairs from grey to colour, made from another data set: colorization[of=cifar10]",
    )
    register(
        "edges",
        "ganbench_datasets.made_pairs:Edges",
        summary="pairs from edges to images, made from another data set: edges[of=fashion-mnist]",
    )
    register(
        "two-classes",
        "ganbench_datasets.two_classes:TwoClasses",
        summary="two classes of another data set as unpaired domains: two-classes[of=mnist,a=3,b=8]",
    )


def _points(register: Any) -> None:
    register(
        "ring",
        "ganbench_datasets.mixtures:Ring",
        summary="2-D points: 8 narrow Gaussians on a circle, to count the modes a GAN finds",
    )
    register(
        "gaussian-grid",
        "ganbench_datasets.mixtures:GaussianGrid",
        summary="2-D points: 5x5 narrow Gaussians on a grid, to count the modes a GAN finds",
    )


def _sources(register: Any) -> None:
    """Images to translate from, and those to translate to."""
