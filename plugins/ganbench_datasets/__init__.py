"""Data sets: the usual benchmarks, your own images, mixtures of points, images to translate."""

from __future__ import annotations

from typing import Any

from ganbench import hookimpl

#: Name -> module and class in this package, and a summary.
_DATASETS = {
    "digits": (
        "digits:Digits",
        "scikit-learn's 8x8 handwritten digits, 1,797 images in 10 classes; needs no download",
    ),
    "mnist": (
        "mnist:Mnist",
        "MNIST: 28x28 handwritten digits, 60,000 + 10,000 gray images in 10 classes",
    ),
    "fashion-mnist": (
        "mnist:FashionMnist",
        "Fashion-MNIST: 28x28 clothes, 60,000 + 10,000 gray images in 10 classes",
    ),
    "cifar10": (
        "cifar:Cifar10",
        "CIFAR-10: 32x32 photographs, 50,000 + 10,000 color images in 10 classes",
    ),
    "cifar100": (
        "cifar:Cifar100",
        "CIFAR-100: 32x32 photographs, 50,000 + 10,000 color images in 100 classes",
    ),
    "stl10": (
        "stl10:Stl10",
        "STL-10: 96x96 photographs, 105,000 + 8,000 color images, or 5,000 in 10 classes",
    ),
    "tiny-imagenet": (
        "published:TinyImageNet",
        "Tiny ImageNet: 64x64 photographs, 100,000 + 10,000 color images in 200 classes",
    ),
    "lsun": (
        "lsun:Lsun",
        "LSUN: photographs of one category, such as bedroom; from its database",
    ),
    "ffhq": (
        "published:Ffhq",
        "FFHQ: faces of people, 60,000 + 10,000 color images of 1024 pixels a side",
    ),
    "afhq": (
        "published:Afhq",
        "AFHQ: faces of cats, dogs and wild animals, 512x512 color images in 3 classes",
    ),
    "celeba": (
        "celeba:CelebA",
        "CelebA: aligned faces, 162,770 + 19,962 color images at 64x64, no classes",
    ),
    "folder": (
        "folder:Folder",
        "your own images: folder[path=…] for a folder, archive or .npz file, any size and channels",
    ),
    "paired-folder": (
        "paired:PairedFolder",
        "your own pairs for translation, side by side in folders train and test or val",
    ),
    "unpaired-folder": (
        "unpaired:UnpairedFolder",
        "your own two domains for translation, in folders trainA, trainB, testA, testB",
    ),
    "colorization": (
        "made_pairs:Colorization",
        "pairs from gray to color, made from another data set: colorization[of=cifar10]",
    ),
    "edges": (
        "made_pairs:Edges",
        "pairs from edges to images, made from another data set: edges[of=fashion-mnist]",
    ),
    "two-classes": (
        "two_classes:TwoClasses",
        "two classes of another data set as unpaired domains: two-classes[of=mnist,a=3,b=8]",
    ),
    "ring": (
        "mixtures:Ring",
        "2-D points: 8 narrow Gaussians on a circle, to count the modes a GAN finds",
    ),
    "gaussian-grid": (
        "mixtures:GaussianGrid",
        "2-D points: 5x5 narrow Gaussians on a grid, to count the modes a GAN finds",
    ),
}

#: Name -> other words that people say for it.
_ALIASES = {
    "digits": ("sklearn-digits",),
    "fashion-mnist": ("fashion", "fmnist"),
    "cifar10": ("cifar",),
    "celeba": ("celeb",),
    "folder": ("image-folder", "images", "photos", "custom"),
    "ring": ("gaussians", "gmm", "mixture"),
    "gaussian-grid": ("grid", "25gaussians"),
}


@hookimpl
def ganbench_datasets(register: Any) -> None:
    """Provide the data sets; their modules are imported on first use."""
    for name, (target, summary) in _DATASETS.items():
        register(
            name, f"ganbench_datasets.{target}", summary=summary, aliases=_ALIASES.get(name, ())
        )
