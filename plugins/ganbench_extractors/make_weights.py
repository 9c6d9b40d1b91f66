"""``python -m ganbench_extractors.make_weights``: train the classifiers that ganbench ships.

Run it when the network, its training or the data change. The features' identity changes with the
weights, so earlier and later results are not comparable.
"""

from __future__ import annotations

from pathlib import Path

import ganbench
from ganbench.base.paths import data_root
from ganbench.base.tensor_files import weights_digest
from ganbench_extractors.classifier import accuracy, train_classifier, usual_steps
from ganbench_extractors.classifier_file import save_classifier
from ganbench_extractors.shipped import FOLDER, content_of, fitting

DATASETS = ("digits", "mnist")


def make(dataset: str, folder: Path, root: Path) -> str:
    """Train on a data set with the default options, write the file and describe it."""
    source, extractor = ganbench.get("dataset", dataset), ganbench.get("extractor", "small-cnn")
    train, test = (source.load(split, root) for split in ("train", "test"))
    steps = usual_steps(len(train))
    network = train_classifier(train, train.spec, extractor.features, steps)
    record = {
        "data": dataset,
        "content": content_of(train),
        "steps": steps,
        "train_images": len(train),
        "test_accuracy": accuracy(network, test),
        **fitting(train.spec),
    }
    save_classifier(folder / f"{dataset}.safetensors", network, record)
    return f"{dataset}: {weights_digest(network)[:10]}, accuracy {record['test_accuracy']:.2%}"


if __name__ == "__main__":
    for name in DATASETS:
        print(make(name, Path(__file__).parent / FOLDER, data_root()))
