"""Whether the features of a trained extractor can carry a ranking."""

from __future__ import annotations

from ganbench.components.extractor import FeatureNetwork

#: Of the images that the most frequent class gets wrong, the share that a network has to get right.
LEAST_GAIN = 0.5


def weakness(network: FeatureNetwork) -> str | None:
    """Why the features cannot carry a ranking; None where nothing speaks against them.

    A network that was trained on the data set itself states its held-out accuracy
    (``info["test_accuracy"]``) and that of always naming the most frequent class
    (``info["majority_rate"]``), both 0 to 1. Features that tell the classes of real images hardly
    better than that do not tell generated images from real ones either.
    """
    accuracy, majority = (network.info.get(name) for name in ("test_accuracy", "majority_rate"))
    if not isinstance(accuracy, float) or not isinstance(majority, float) or majority >= 1:
        return None
    if (accuracy - majority) / (1 - majority) >= LEAST_GAIN:
        return None
    return (
        f"{network.identity} names the class of {accuracy:.0%} of held-out images, and always naming "
        f"the most frequent class is right for {majority:.0%}: its features are too weak to rank "
        "generators; choose another evaluation.extractor"
    )
